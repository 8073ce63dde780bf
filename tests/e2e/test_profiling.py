"""The official client's profiling on the demonstration archive."""

from __future__ import annotations

import io
import re
import shlex
from functools import partial

from ecumene.cli import main
from tests.e2e.conftest import HERE, ROOT


def median(ee):
    """A cloud-free median of Sentinel-2, its clouds masked."""

    def clear(image):
        return image.updateMask(image.select("QA60").eq(0))

    return (
        ee.ImageCollection("COPERNICUS/S2")
        .filterBounds(ee.Geometry.Point(HERE))
        .map(clear)
        .select("B4")
        .median()
    )


def lines(text: str) -> dict[str, list[str]]:
    """Rows of the table by description, which may end in remarks in brackets."""
    head, *rest = text.splitlines()
    assert head.split() == ["EECU·s", "PeakMem", "Count", "Description"]
    found = {}
    for line in rest:
        seconds, memory, count, name = line.split(maxsplit=3)
        found[name.split(" [")[0]] = [seconds, memory, count]
    return found


def test_profile_printing(ee):
    out = io.StringIO()
    with ee.profilePrinting(destination=out):
        value = median(ee).reduceRegion(
            ee.Reducer.mean(), ee.Geometry.Point(HERE).buffer(500), 20
        ).getInfo()  # fmt: skip
    assert value["B4"] > 0
    found = lines(out.getvalue())
    assert {
        "Algorithm Image.reduceRegion", "Algorithm reduce.median", "Algorithm Image.updateMask",
        "Algorithm Image.eq", "(plumbing)",
    } <= found.keys()  # fmt: skip
    assert any(name.startswith("Loading assets: COPERNICUS/S2/") for name in found)
    assert float(found["Algorithm Image.reduceRegion"][0]) > 0
    assert int(found["Algorithm Image.updateMask"][2]) > 1


def test_pixels_and_values_together(ee):
    """At a place where no other test has had blocks decoded."""
    ids = []
    with ee.data.profiling(ids.append):
        ee.Number(1).add(2).getInfo()
        ee.data.computePixels(
            {
                "expression": median(ee),
                "fileFormat": "NPY",
                "grid": {
                    "dimensions": {"width": 64, "height": 64}, "crsCode": "EPSG:32610",
                    "affineTransform": {
                        "scaleX": 20, "scaleY": -20, "translateX": 627000, "translateY": 4208000,
                    },
                },
            }
        )  # fmt: skip
    assert len(ids) == 2
    get = ee.ApiFunction.lookup("Profile.getProfiles").call
    found = {row["description"]: row for row in get(ids, "json").getInfo()}
    assert {"Algorithm Number.add", "Algorithm reduce.median", "Encoding pixels"} <= found.keys()
    loaded = [row for name, row in found.items() if name.startswith("Loading assets: COPERNICUS")]
    assert sum(row["bytesDecoded"] for row in loaded) > 0
    assert len(get(ids, "text", 3).getInfo().splitlines()) == 4


def test_formulas_are_named_as_they_are_written(ee):
    scene = median(ee)
    out = io.StringIO()
    with ee.profilePrinting(destination=out):
        scene.expression("(b * 2 + 1) / (b + 3)", {"b": scene}).reduceRegion(
            ee.Reducer.mean(), ee.Geometry.Point(HERE).buffer(100), 20
        ).getInfo()  # fmt: skip
    _, _, count = lines(out.getvalue())["Algorithm Image.expression"]
    assert int(count) > 1, "the call and its blocks"


def guide_blocks(language):
    text = (ROOT / "docs" / "guide" / "explain.md").read_text()
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)


def test_the_guide(ee, web, server, tmp_path, capsys, monkeypatch):
    """Every example of the guide's page runs, and its tables have the rows that the page shows."""
    out = io.StringIO()
    monkeypatch.setattr(ee, "profilePrinting", partial(ee.profilePrinting, destination=out))
    names = {"ee": ee, "web": web, "BASE": server.base}
    for block in guide_blocks("python"):
        exec(compile(block, "explain.md", "exec"), names)  # noqa: S102 - our own page
    shown, summary = guide_blocks("text")
    printed = lines(out.getvalue())
    assert {name.rstrip() for name in lines(shown)} <= printed.keys()
    assert names["slowest"]["seconds"] > 0
    reading = names["plan"]["reading"]
    assert 0 < reading["cachedBlocks"] <= reading["blocks"], "it was computed before"
    (tmp_path / "graph.json").write_text(names["composite"].serialize())
    (command, _) = guide_blocks("sh")[0].splitlines()
    words = shlex.split(
        command.replace("DIR", str(server.data)).replace("graph.json", str(tmp_path / "graph.json"))
    )
    assert main(words[1:]) == 0
    told = capsys.readouterr().out.splitlines()
    for line in summary.splitlines():
        exact = not line.startswith(("Blocks", "Memory"))  # these depend on the machine's cores
        assert (
            line in told
            if exact
            else line.split()[0] in [words.split()[0] for words in told if words]
        ), line
