"""Files that a picture's arrays are written to."""

from __future__ import annotations

import numpy as np
import pytest

from ecumene.core.errors import RequestError
from ecumene.raster import encode


def test_bands_of_one_name_are_refused():
    band = np.zeros((2, 3))
    assert encode.npy(["a", "b"], [band, band])
    with pytest.raises(RequestError, match="same name"):
        encode.npy(["a", "a"], [band, band])
