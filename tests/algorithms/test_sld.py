"""``sldStyle``: rules of SLD and SE by hand, contrast against scikit-image."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ecumene.algorithms.image.sld import LONGEST, parsed
from ecumene.core.errors import EvaluationError
from ecumene.core.projection import Window
from tests.algorithms.scenes import image, read
from tests.calls import call

VALUES = np.array([[-5.0, 0.0, 25.0, 50.0, 75.0, 100.0, 101.0]])
ENTRIES = (
    '<ColorMapEntry color="#000000" quantity="0"/><ColorMapEntry color="#FF8000" quantity="50"/>'
    '<ColorMapEntry color="#FFFFFF" quantity="100" label="high"/>'
)


def shown(style: str, values: Any = VALUES, **bands: Any) -> tuple[list[Any], np.ndarray]:
    """Colours by pixel, and where they are not masked."""
    picture = call("Image.sldStyle", image({"v": values, **bands}), style)
    assert picture.band_names == ["vis-red", "vis-green", "vis-blue"]
    height, width = values.shape
    found = read(picture, Window(0, 0, width, height))
    rgb = np.stack([found[name][0] for name in picture.band_names], axis=-1)
    valid = [found[name][1] for name in picture.band_names]
    assert rgb.dtype == np.uint8
    assert (valid[0] == valid[1]).all()
    return rgb.reshape(-1, 3).tolist(), valid[0].ravel()


def mapped(kind: str, entries: str = ENTRIES) -> str:
    return f'<RasterSymbolizer><ColorMap type="{kind}" extended="false">{entries}</ColorMap></RasterSymbolizer>'


BLACK, ORANGE, WHITE = [0, 0, 0], [255, 128, 0], [255, 255, 255]


def test_ramps_interpolate_and_keep_their_ends() -> None:
    colours, valid = shown(mapped("ramp"))
    expected = [BLACK, BLACK, [127.5, 64, 0], ORANGE, [255, 191.5, 127.5], WHITE, WHITE]
    np.testing.assert_allclose(colours, expected, atol=0.5)
    assert valid.all()


def test_intervals_end_at_their_quantity() -> None:
    colours, valid = shown(mapped("intervals"))
    assert colours[:6] == [BLACK, BLACK, ORANGE, ORANGE, WHITE, WHITE]
    assert valid.tolist() == [True] * 6 + [False]


def test_values_must_be_equal() -> None:
    colours, valid = shown(mapped("values"))
    assert valid.tolist() == [False, True, False, True, False, True, False]
    assert [colours[k] for k in (1, 3, 5)] == [BLACK, ORANGE, WHITE]


def test_only_an_opacity_of_zero_hides() -> None:
    entries = ENTRIES.replace('quantity="0"', 'quantity="0" opacity="0"').replace(
        'quantity="50"', 'quantity="50" opacity="0.2"'
    )
    assert shown(mapped("values", entries))[1].tolist() == [
        False,
        False,
        False,
        True,
        False,
        True,
        False,
    ]
    assert shown(mapped("ramp", entries))[1].tolist() == [
        False,
        False,
        True,
        True,
        True,
        True,
        True,
    ]
    assert shown(mapped("intervals", entries))[1].tolist() == [
        False,
        False,
        True,
        True,
        True,
        True,
        False,
    ]
    hidden = mapped("ramp").replace("<ColorMap ", "<Opacity>0.0</Opacity><ColorMap ")
    assert not shown(hidden)[1].any()


def test_whole_documents_with_prefixes() -> None:
    inner = mapped("ramp").replace("<", "<sld:").replace("<sld:/", "</sld:")
    document = f"""<?xml version="1.0" encoding="UTF-8"?>
    <sld:StyledLayerDescriptor version="1.0.0" xmlns:sld="http://www.opengis.net/sld" xmlns="http://www.opengis.net/sld"
      xsi:schemaLocation="http://www.opengis.net/sld StyledLayerDescriptor.xsd">
      <sld:NamedLayer><sld:Name>a &lt; b</sld:Name><sld:UserStyle><sld:FeatureTypeStyle><sld:Rule>{inner}
      </sld:Rule></sld:FeatureTypeStyle></sld:UserStyle></sld:NamedLayer></sld:StyledLayerDescriptor>"""
    assert parsed(document) == parsed(mapped("ramp"))


def test_functions_of_symbology_encoding() -> None:
    categorize = """<se:RasterSymbolizer><se:ColorMap><se:Categorize fallbackValue="#78c818">
      <se:LookupValue>Rasterdata</se:LookupValue><se:Value>#000000</se:Value><se:Threshold>25</se:Threshold>
      <se:Value>#ff8000</se:Value><se:Threshold>100</se:Threshold><se:Value>#ffffff</se:Value>
      </se:Categorize></se:ColorMap></se:RasterSymbolizer>"""
    assert shown(categorize)[0] == [BLACK, BLACK, ORANGE, ORANGE, ORANGE, WHITE, WHITE]
    before = categorize.replace("fallbackValue", 'thresholdsBelongTo="preceding" fallbackValue')
    assert shown(before)[0] == [BLACK, BLACK, BLACK, ORANGE, ORANGE, ORANGE, WHITE]
    interpolate = """<RasterSymbolizer><ColorMap><Interpolate><LookupValue>Rasterdata</LookupValue>
      <InterpolationPoint><Data>0</Data><Value>#000000</Value></InterpolationPoint>
      <InterpolationPoint><Data>100</Data><Value>#ffffff</Value></InterpolationPoint>
      </Interpolate></ColorMap></RasterSymbolizer>"""
    np.testing.assert_allclose(shown(interpolate)[0][2:4], [[63.75] * 3, [127.5] * 3], atol=0.5)


def test_channels_by_name_and_by_number() -> None:
    channels = "".join(
        f"<{c}Channel><SourceChannelName>{name}</SourceChannelName></{c}Channel>"
        for c, name in (("Red", "2"), ("Green", "v"), ("Blue", "1"))
    )
    style = f"<RasterSymbolizer><ChannelSelection>{channels}</ChannelSelection></RasterSymbolizer>"
    values, other = np.array([[0, 255]], "uint8"), np.array([[51, 102]], "uint8")
    assert shown(style, values, w=other)[0] == [[51, 0, 0], [102, 255, 255]]
    gray = "<RasterSymbolizer><ChannelSelection><GrayChannel><SourceChannelName>w</SourceChannelName></GrayChannel></ChannelSelection></RasterSymbolizer>"
    assert shown(gray, values, w=other)[0] == [[51] * 3, [102] * 3]
    assert shown("<RasterSymbolizer/>", values, w=other, x=other)[0] == [
        [0, 51, 51],
        [255, 102, 102],
    ]


def test_contrast_as_scikit_image() -> None:
    exposure = pytest.importorskip("skimage.exposure")
    rng = np.random.default_rng(2)
    values = (rng.gamma(2.0, 30.0, (60, 70)) + 5).astype("uint16")
    enhanced = (
        "<RasterSymbolizer><ContrastEnhancement><{}/>{}</ContrastEnhancement></RasterSymbolizer>"
    )
    colours, _ = shown(enhanced.format("Histogram", ""), values)
    expected = exposure.equalize_hist(values, nbins=int(values.max()) + 1)
    np.testing.assert_allclose([c[0] for c in colours], 255 * expected.ravel(), atol=5)
    colours, _ = shown(enhanced.format("Normalize", ""), values)
    expected = exposure.rescale_intensity(values.astype(float), out_range=(0, 255))
    np.testing.assert_allclose([c[0] for c in colours], expected.ravel(), atol=1)
    colours, _ = shown(enhanced.format("Normalize", "<GammaValue>2.0</GammaValue>"), values)
    bright = 255 * exposure.adjust_gamma(expected / 255, 0.5)
    high = expected.ravel() > 10
    np.testing.assert_allclose(
        np.array([c[0] for c in colours])[high], bright.ravel()[high], atol=2
    )


def test_histograms_become_properties() -> None:
    values = np.arange(100, dtype="uint8").reshape(10, 10)
    style = "<RasterSymbolizer><ContrastEnhancement><Histogram/></ContrastEnhancement></RasterSymbolizer>"
    picture = call("Image.sldStyle", image({"v": values}, city="Graz"), style)
    assert sum(picture.get("histogram_v")["histogram"]) == pytest.approx(100)
    assert picture.get("city") == "Graz"


REFUSED = {
    "none": "<NamedLayer/>",
    "two": "<a><RasterSymbolizer/><RasterSymbolizer/></a>",
    "broken": "<RasterSymbolizer>",
    "declared type": "<!DOCTYPE a [<!ENTITY b 'c'>]><RasterSymbolizer/>",
    "too long": "<RasterSymbolizer/>" + " " * LONGEST,
    "kind": mapped("spiral"),
    "no entries": mapped("ramp", ""),
    "quantity": mapped("ramp", '<ColorMapEntry color="#000000" quantity="many"/>'),
    "colour": mapped("ramp", '<ColorMapEntry color="mauvish" quantity="1"/>'),
    "channel": "<RasterSymbolizer><ChannelSelection><RedChannel/></ChannelSelection></RasterSymbolizer>",
    "band": "<RasterSymbolizer><ChannelSelection><GrayChannel><SourceChannelName>9</SourceChannelName></GrayChannel></ChannelSelection></RasterSymbolizer>",
    "number": "<RasterSymbolizer><ChannelSelection><GrayChannel><SourceChannelName>²</SourceChannelName></GrayChannel></ChannelSelection></RasterSymbolizer>",
    "no quantity": mapped("ramp", '<ColorMapEntry color="#000000" quantity="nan"/>'),
    "gamma": "<RasterSymbolizer><ContrastEnhancement><GammaValue>0</GammaValue></ContrastEnhancement></RasterSymbolizer>",
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    with pytest.raises(EvaluationError):
        call("Image.sldStyle", image({"v": VALUES}), REFUSED[name])
