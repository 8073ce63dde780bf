"""The gallery's page is the code's, and its pictures are what the server answers."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from tests.gallery.__main__ import FOLDER, PAGE, page, render
from tests.gallery.pictures import PICTURES


def test_the_page_is_up_to_date():
    assert PAGE.read_text() == page(), "make gallery"


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_pictures_are_what_the_server_answers(picture, ee):
    kept = Image.open(FOLDER / f"{picture.name}.{picture.kind}").convert("RGBA")
    found = Image.open(io.BytesIO(render(picture, ee))).convert("RGBA")
    assert found.size == kept.size
    a, b = (np.asarray(one, "int16") for one in (kept, found))
    assert a.std() > 3, "nothing to see"
    assert (np.abs(a - b).max(axis=2) > 8).mean() < 0.01
