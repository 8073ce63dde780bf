"""The application that ``peers.titiler`` starts: tiles of STAC items on this machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import attr
import pystac
from fastapi import FastAPI, Query
from rio_tiler.io import STACReader
from titiler.core.factory import MultiBaseTilerFactory


def _item(i: Annotated[str, Query(description="path of an item")]) -> pystac.Item:
    document = json.loads(Path(i).read_text())
    for asset in document["assets"].values():
        asset["href"] = str((Path(i).parent / asset["href"]).resolve())
    return pystac.Item.from_dict(document)


@attr.s
class _Reader(STACReader):
    """Takes the item itself where the factory passes an address."""

    def __attrs_post_init__(self) -> None:
        self.item, self.input = self.input, None
        super().__attrs_post_init__()


app = FastAPI()
app.include_router(MultiBaseTilerFactory(reader=_Reader, path_dependency=_item).router)
