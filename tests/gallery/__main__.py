"""``python -m tests.gallery``: renders the gallery and writes its page."""

from __future__ import annotations

import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from tests.gallery.pictures import BEFORE, PICTURES, Picture, run
from tests.servers import ecumene, serving

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "images" / "gallery"
PAGE = ROOT / "docs" / "gallery.md"
SIDE = 300


def render(picture: Picture, ee: Any) -> bytes:
    """The file that the server answers."""
    image, look, region = run(picture, ee)
    url = image.getThumbURL(
        {"region": region, "dimensions": SIDE, "format": picture.kind, "crs": "EPSG:3857", **look}
    )
    try:
        with urllib.request.urlopen(url, timeout=120) as answer:
            content: bytes = answer.read()
    except urllib.error.HTTPError as error:
        raise RuntimeError(f"{picture.name}: {error.read().decode()}") from error
    return content


def page() -> str:
    """The page in Markdown."""
    parts = [
        "# Gallery\n",
        "Every picture is what the server answers for the code beside it, on the (synthetic) demonstration archive; `make gallery` renders all of them",
        "again. They share these lines:\n",
        f"```python{BEFORE}```\n",
    ]
    for picture in PICTURES:
        links = ", ".join(f"[`{name}`]({_link(name)})" for name in picture.about)
        parts += [
            f"## {picture.title}\n",
            f"{links}\n",
            f"![{picture.title}](images/gallery/{picture.name}.{picture.kind})\n",
            f"```python{picture.code}```\n",
        ]
    return "\n".join(parts)


def _link(name: str) -> str:
    group = name.partition(".")[0] if "." in name else "Algorithms"
    return f"reference/algorithms/{group}/{name}.md"


def main() -> int:
    """Renders everything."""
    import ee

    FOLDER.mkdir(parents=True, exist_ok=True)
    kept = ROOT / "build" / "test-data"
    ecumene("demo", "seed", "--data", str(kept))
    with serving(kept) as base, tempfile.TemporaryDirectory() as folder:
        key = Path(folder) / "key.json"
        ecumene(
            "keys", "create", str(key), "--account", "gallery", "--url", base, "--data", str(kept)
        )
        ee.Initialize(ee.ServiceAccountCredentials("", str(key)), url=base)
        for picture in PICTURES:
            content = render(picture, ee)
            (FOLDER / f"{picture.name}.{picture.kind}").write_bytes(content)
            print(f"{picture.name}: {len(content)} bytes", file=sys.stderr)
    PAGE.write_text(page())
    return 0


if __name__ == "__main__":
    sys.exit(main())
