"""What the command line refuses, in words that help."""

from __future__ import annotations

import pytest

from ecumene.cli import parser

BAD = {
    "port beyond 65535": (["serve", "--data", "d", "--port", "99999"], "not a port"),
    "port as a word": (["serve", "--data", "d", "--port", "http"], "not a port"),
    "negative port": (["serve", "--data", "d", "--port=-1"], "not a port"),
    "three numbers": (["catalog", "add", "--data", "d", "--bbox", "1,2,3"], "west,south,east,north"),
    "box of words": (["catalog", "add", "--data", "d", "--bbox", "a,b,c,d"], "west,south,east,north"),
    "no folder": (["serve"], "--data"),
    "unknown limits": (["serve", "--data", "d", "--limits", "none"], "gee"),
    "no command": ([], "COMMAND"),
    "grid of words": (["explain", "g.json", "--data", "d", "--grid", "here"], "CRS,SCALE"),
    "grid of four numbers": (["explain", "g.json", "--data", "d", "--grid", "EPSG:4326,1,2,3"], "CRS,SCALE"),
    "no scale": (["explain", "g.json", "--data", "d", "--grid", "EPSG:4326,0"], "CRS,SCALE"),
}  # fmt: skip


@pytest.mark.parametrize(("arguments", "words"), BAD.values(), ids=BAD)
def test_refused(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        parser().parse_args(arguments)
    assert stop.value.code == 2
    assert words in capsys.readouterr().err


def test_defaults_of_serve() -> None:
    """The defaults that the documents promise."""
    options = parser().parse_args(["serve", "--data", "d"])
    assert (options.host, options.port, options.limits, options.anonymous) == ("127.0.0.1", 8080, "open", False)  # fmt: skip


def test_negative_box() -> None:
    options = parser().parse_args(["catalog", "add", "--data", "d", "--bbox=-122,37,-121,38"])
    assert options.bbox == [-122, 37, -121, 38]


@pytest.mark.parametrize("group", ["serve", "keys create", "keys list", "keys revoke", "catalog add", "catalog list", "catalog remove", "demo seed", "demo run", "docs build", "explain", "kernels build"])  # fmt: skip
def test_every_option_is_explained(group: str, capsys: pytest.CaptureFixture[str]) -> None:
    """No option of the help stands without words."""
    with pytest.raises(SystemExit):
        parser().parse_args([*group.split(), "--help"])
    lines = capsys.readouterr().out.split("options:")[1].split("examples:")[0].splitlines()
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if line.startswith("  --"):
            words = line.strip().split("  ", 1)
            assert len(words) == 2 or following.startswith(" " * 8), line
