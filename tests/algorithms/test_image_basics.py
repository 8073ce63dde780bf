"""Bands, masks and arithmetic of images against numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecumene.core.errors import EcumeneError
from ecumene.core.pixel_type import PixelType
from ecumene.core.projection import Window
from tests.algorithms.scenes import GRID, WHOLE, image, masks_of, read, rectangle
from tests.calls import call, call_json, engine

H, W = 10, 12
RNG = np.random.default_rng(11)
A = RNG.integers(0, 255, (H, W), dtype="uint8")
B = RNG.integers(0, 65535, (H, W), dtype="uint16")
F = RNG.normal(0, 10, (H, W)).astype("float32")
HALF = np.indices((H, W)).sum(axis=0) % 2 == 0
SCENE = image({"red": A, "green": B, "height": F}, {"red": HALF})


@pytest.mark.parametrize(
    ("selectors", "names", "expected"),
    [
        (["red"], None, ["red"]),
        (["height", "red"], None, ["height", "red"]),
        ([0], None, ["red"]),
        ([-1], None, ["height"]),
        ([2, 0], None, ["height", "red"]),
        (["re.*"], None, ["red"]),
        ([".*e.*"], None, ["red", "green", "height"]),
        (["green", "red"], ["g", "r"], ["g", "r"]),
        ([".*"], ["a", "b", "c"], ["a", "b", "c"]),
    ],
)
def test_select(selectors: list[Any], names: list[str] | None, expected: list[str]) -> None:
    assert call("Image.select", SCENE, selectors, names).band_names == expected


@pytest.mark.parametrize(
    ("selectors", "names", "text"),
    [
        (["blue"], None, "did not match any bands"),
        ([7], None, "Invalid band number"),
        (["red"], ["a", "b"], "new names"),
        (["(["], None, "select"),
    ],
)
def test_select_in_vain(selectors: list[Any], names: list[str] | None, text: str) -> None:
    with pytest.raises(EcumeneError, match=text):
        call("Image.select", SCENE, selectors, names)


def band(name: str) -> Any:
    return call("Image.select", SCENE, [name])


BINARY: dict[str, Any] = {
    "Image.add": np.add,
    "Image.subtract": np.subtract,
    "Image.multiply": np.multiply,
    "Image.min": np.minimum,
    "Image.max": np.maximum,
    "Image.gt": np.greater,
    "Image.eq": np.equal,
    "Image.lte": np.less_equal,
    "Image.hypot": np.hypot,
    "Image.atan2": lambda x, y: np.arctan2(y, x),  # the first operand is x
}


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize(("left", "right"), [("red", "green"), ("green", "height"), ("red", "red")])
def test_arithmetic(name: str, left: str, right: str) -> None:
    arrays = {"red": A, "green": B, "height": F}
    ((values, valid),) = read(call(name, band(left), band(right))).values()
    expected = BINARY[name](arrays[left].astype("float64"), arrays[right].astype("float64"))
    good = HALF if "red" in (left, right) else np.ones((H, W), bool)
    np.testing.assert_array_equal(valid, good)
    np.testing.assert_allclose(values[good].astype("float64"), expected[good], rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "kinds", "expected"),
    [
        ("Image.add", ("uint8", "uint16"), PixelType("int", 0, 65790)),
        ("Image.subtract", ("uint8", "uint8"), PixelType("int", -255, 255)),
        ("Image.multiply", ("uint8", "int8"), PixelType("int", -32640, 32385)),
        ("Image.gt", ("uint16", "float32"), PixelType("int", 0, 1)),
        ("Image.normalizedDifference", ("uint16", "uint16"), PixelType("float", -1, 1)),
    ],
)
def test_types_of_results(name: str, kinds: tuple[str, str], expected: PixelType) -> None:
    one, two = (image({n: np.zeros((H, W), kind)}) for n, kind in zip("ab", kinds, strict=True))
    if name == "Image.normalizedDifference":
        result = call(name, call("Image.addBands", one, two))
    else:
        result = call(name, one, two)
    assert result.bands[0].type == expected


def test_division_of_integers_is_real_and_by_zero_nothing() -> None:
    ((values, valid),) = read(call("Image.divide", band("green"), band("red"))).values()
    good = HALF & (A != 0)
    np.testing.assert_allclose(values[good], B[good] / A[good].astype("float64"), rtol=1e-6)
    assert not np.isinf(values[valid]).any()


def test_bands_are_matched_by_position_or_one_with_all() -> None:
    pair = call("Image.select", SCENE, ["red", "green"])
    found = read(call("Image.add", pair, call("Image.constant", 1)))
    assert list(found) == ["red", "green"]
    np.testing.assert_array_equal(found["green"][0], B.astype(int) + 1)
    one = call("Image.add", band("height"), pair)
    assert one.band_names == ["red", "green"]
    with pytest.raises(EcumeneError, match="number of bands"):
        call("Image.add", pair, SCENE)


def test_masks_combine_and_are_filled() -> None:
    quarter = image({"m": (np.arange(H)[:, None] < 5) * np.ones((1, W), "uint8")})
    masked = call("Image.updateMask", band("red"), quarter)
    ((_, valid),) = read(masked).values()
    top = np.arange(H)[:, None] < 5
    np.testing.assert_array_equal(valid, HALF & top)
    ((filled, everywhere),) = read(call("Image.unmask", masked, 7)).values()
    assert everywhere.all()
    np.testing.assert_array_equal(filled, np.where(HALF & top, A, 7))
    np.testing.assert_array_equal(read(call("Image.mask", band("red")))["red"][0] > 0, HALF)


def test_filling_stops_at_the_footprint_unless_told() -> None:
    wide = Window(-3, -2, W + 6, H + 4)
    own = read(call("Image.unmask", band("red"), 7), wide)["red"][1]
    assert own[2:-2, 3:-3].all()
    assert own.sum() == H * W
    everywhere = read(call("Image.unmask", band("red"), 7, False), wide)["red"]
    assert everywhere[1].all()
    assert everywhere[0][0, 0] == 7


def test_partial_masks_multiply_and_blend() -> None:
    soft = np.linspace(0, 1, H * W, dtype="float32").reshape(H, W)
    thin = image({"v": B}, soft)
    np.testing.assert_allclose(masks_of(thin)["v"], soft, atol=1e-6)
    half = call("Image.updateMask", thin, call("Image.constant", 0.5))
    np.testing.assert_allclose(masks_of(half)["v"], np.minimum(soft * 0.5, soft), atol=0.26)


def test_normalized_difference_is_masked_where_an_input_is_negative() -> None:
    pair = image({"a": F, "b": np.full((H, W), 3, "float32")})
    ((values, valid),) = read(call("Image.normalizedDifference", pair, ["a", "b"])).values()
    np.testing.assert_array_equal(valid, F >= 0)
    np.testing.assert_allclose(values[valid], ((F - 3) / (F + 3))[valid], rtol=1e-5)


def test_add_bands_names_and_overwriting() -> None:
    other = image({"red": B, "new": B})
    assert call("Image.addBands", SCENE, other).band_names == [
        "red",
        "green",
        "height",
        "red_1",
        "new",
    ]
    over = call("Image.addBands", SCENE, other, None, True)
    assert over.band_names == ["red", "green", "height", "new"]
    np.testing.assert_array_equal(read(over)["red"][0], B)


def test_clip_keeps_covered_fractions() -> None:
    clipped = call("Image.clip", band("green"), rectangle(2.5, 3.25, 4, 2))
    cols = np.clip(np.minimum(np.arange(W) + 1, 6.5) - np.maximum(np.arange(W), 2.5), 0, 1)
    rows = np.clip(np.minimum(np.arange(H) + 1, 5.25) - np.maximum(np.arange(H), 3.25), 0, 1)
    np.testing.assert_allclose(masks_of(clipped)["green"], rows[:, None] * cols[None, :], atol=1e-5)


def test_visualize_stretches_to_bytes() -> None:
    shown = read(call("Image.visualize", band("green"), None, None, None, [0], [40000]))
    assert list(shown) == ["vis-gray"] or len(shown) in (1, 3)
    expected = np.rint(np.clip(B / 40000.0, 0, 1) * 255)
    for values, valid in shown.values():
        assert valid.all()
        np.testing.assert_allclose(values.astype(float), expected, atol=1)


def test_weighted_and_counted_regions() -> None:
    region = rectangle(1.5, 2.0, 3.0, 4.5)
    cols = np.clip(np.minimum(np.arange(W) + 1, 4.5) - np.maximum(np.arange(W), 1.5), 0, 1)
    rows = np.clip(np.minimum(np.arange(H) + 1, 6.5) - np.maximum(np.arange(H), 2.0), 0, 1)
    weight = rows[:, None] * cols[None, :] * HALF
    mean = call_json("Image.reduceRegion", band("red"), call("Reducer.mean"), region)
    assert mean["red"] == pytest.approx((A * weight).sum() / weight.sum(), rel=1e-9)
    total = call_json("Image.reduceRegion", band("red"), call("Reducer.sum"), region)
    assert total["red"] == pytest.approx((A * weight).sum(), rel=1e-9)
    centre = (np.abs(np.arange(H) + 0.5 - 4.25) < 2.25)[:, None] & (
        (np.arange(W) + 0.5 >= 1.5) & (np.arange(W) + 0.5 < 4.5)
    )
    counted = call_json("Image.reduceRegion", band("red"), call("Reducer.count"), region)["red"]
    inside = centre & HALF
    edge = (np.abs(np.arange(W) + 0.5 - 1.5) < 1e-9) | (np.abs(np.arange(W) + 0.5 - 4.5) < 1e-9)
    sure = inside & ~edge[None, :]
    assert sure.sum() <= counted <= inside.sum() + (HALF & edge[None, :]).sum()


def test_descriptions_read_no_pixels() -> None:
    class Refusing:
        store = None

        def read(self, *_: Any) -> Any:
            raise AssertionError("pixels were read")

        blocks = read

    context = engine().context("tests")
    context.pixels = Refusing()  # type: ignore[assignment]
    result = call(
        "Image.add", call("Image.clip", SCENE, rectangle(0, 0, 3, 3)), call("Image.constant", 1)
    )
    found = engine().to_json(result, context)
    assert [b["id"] for b in found["bands"]] == ["red", "green", "height"]
    assert found["bands"][0]["crs"] == "EPSG:32633"
    assert found["bands"][0]["crs_transform"] == [10, 0, 500000, 0, -10, 5000000]
    assert call("Image.bandNames", result) == ["red", "green", "height"]
    assert call("Image.projection", band("red")).crs == "EPSG:32633"


@given(st.integers(-300, 300), st.integers(-300, 300).filter(bool))
def test_remainders_of_constants_fit_their_type(a, b):
    image = call("Image.mod", call("Image.constant", a), call("Image.constant", b))
    found, _ = read(image, WHOLE, GRID)["constant"]
    assert (np.asarray(found) == int(np.fmod(a, b))).all()


@pytest.mark.parametrize(
    ("left", "right", "low", "high"),
    [
        pytest.param("uint16", "uint8", 0, 65535, id="union-of-unsigned"),
        pytest.param("int16", "uint8", -32768, 32767, id="union-with-signed"),
    ],
)
def test_remainders_have_the_union_of_types(left, right, low, high):
    """As documented: "The type of the output pixels is the union of the input types"."""
    images = [image({"b": np.ones((10, 12), kind)}) for kind in (left, right)]
    (band,) = call("Image.mod", *images).bands
    assert (band.type.min, band.type.max) == (low, high)


def test_remainders_of_constants_are_not_cut_off():
    (band,) = call("Image.mod", call("Image.constant", 7), call("Image.constant", 3)).bands
    assert (band.type.min, band.type.max) == (0, 7)


@pytest.mark.parametrize("fill", [-1, 300, 0.5])
def test_padding_that_the_elements_type_cannot_hold(fill: float) -> None:
    stacked = call(
        "Image.toArray", image({"a": np.full((2, 2), 7, "uint8"), "b": np.full((2, 2), 8, "uint8")})
    )
    padded = call("Image.arrayPad", stacked, [3], fill)
    ((values, _),) = read(padded, Window(0, 0, 2, 2)).values()
    assert values[0, 0].tolist() == [7, 8, fill]
