"""What the gallery shows: code that leaves ``image`` (and perhaps ``look``), run through the client.

``HERE`` is a box in the delta of the demonstration archive, ``HILLS`` one beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

BEFORE = """
HERE = ee.Geometry.Rectangle([-121.615, 38.02, -121.56, 38.063])
HILLS = ee.Geometry.Rectangle([-121.74, 37.81, -121.6, 37.92])
POINT = ee.Geometry.Point(-121.586, 38.059)
S2 = ee.ImageCollection("COPERNICUS/S2").filterBounds(POINT).filterDate("2020-04-01", "2020-09-01")
DEM = ee.Image("USGS/SRTMGL1_003")
RGB = {"bands": ["B4", "B3", "B2"], "min": 0, "max": 3000}
GREENS = ["ffffff", "ce7e45", "fcd163", "99b718", "3e8601", "056201", "011301"]
HEIGHTS = ["003f5c", "2f7f6f", "8fbf6f", "f2e8a0", "b07f4f", "ffffff"]
"""


@dataclass(frozen=True)
class Picture:
    """One picture: ``name`` of its file, title, the algorithms that it is about, code."""

    name: str
    title: str
    about: tuple[str, ...]
    code: str
    kind: str = "png"


def run(picture: Picture, ee: Any) -> tuple[Any, dict[str, Any], Any]:
    """The image, its visualization and the region, as the code leaves them."""
    names: dict[str, Any] = {"ee": ee}
    exec(BEFORE, names)
    exec(picture.code, names)
    return names["image"], names.get("look", {}), names.get("region", names["HERE"])


PICTURES = (
    Picture("median", "A median composite", ("Collection.filter", "reduce.median"), """
image, look = S2.median(), RGB
""", "jpg"),
    Picture("index", "The greenest pixel of a season", ("ImageCollection.qualityMosaic", "Image.normalizedDifference"), """
def with_index(scene):
    return scene.addBands(scene.normalizedDifference(["B8", "B4"]).rename("ndvi"))

image = S2.map(with_index).qualityMosaic("ndvi").select("ndvi")
look = {"min": 0, "max": 0.9, "palette": GREENS}
"""),
    Picture("clouds", "How often a pixel was clear", ("Image.bitwiseAnd", "reduce.mean"), """
image = S2.map(lambda scene: scene.select("QA60").bitwiseAnd(1 << 10).eq(0)).mean()
look = {"min": 0.3, "max": 1, "palette": ["440154", "31688e", "35b779", "fde725"]}
"""),
    Picture("hillshade", "Heights under a low sun", ("Terrain.hillshade", "Image.visualize", "Image.blend"), """
shade = ee.Terrain.hillshade(DEM.multiply(4), 300, 35).divide(255)
colours = DEM.visualize(min=0, max=280, palette=HEIGHTS)
image, region = colours.multiply(shade).uint8(), HILLS
""", "jpg"),
    Picture("slope", "Slopes", ("Terrain.slope",), """
image, region = ee.Terrain.slope(DEM), HILLS
look = {"min": 0, "max": 4, "palette": ["000004", "721f81", "f1605d", "fcfdbf"]}
"""),
    Picture("shadow", "Shadows that the ground casts", ("HillShadow",), """
image, region = ee.Algorithms.HillShadow(DEM.multiply(20), 250, 70, 200), HILLS
look = {"min": 0, "max": 1}
"""),
    Picture("edges", "Edges", ("CannyEdgeDetector",), """
image = ee.Algorithms.CannyEdgeDetector(S2.median().select("B8"), 120, 1.5)
look = {"min": 0, "max": 500, "palette": ["000000", "ffffff"]}
"""),
    Picture("texture", "Texture: contrast of neighbouring grey levels", ("Image.glcmTexture",), """
image = S2.median().select("B8").divide(40).uint8().glcmTexture(2).select("B8_contrast")
look = {"min": 0, "max": 600, "palette": ["000004", "721f81", "f1605d", "fcfdbf"]}
"""),
    Picture("smooth", "A bilateral look: medians in a circle", ("Image.focalMedian", "Kernel.circle"), """
image, look = S2.median().focalMedian(5, "circle", "pixels"), RGB
""", "jpg"),
    Picture("superpixels", "Superpixels, each in its mean colour", ("Image.Segmentation.SNIC",), """
found = ee.Algorithms.Image.Segmentation.SNIC(S2.median().select(["B4", "B3", "B2", "B8"]), 20, 0.5)
image = found.select(["B4_mean", "B3_mean", "B2_mean"]).reproject("EPSG:32610", None, 10)
look = {"min": 0, "max": 3000}
""", "jpg"),
    Picture("clusters", "Seven classes that nobody named", ("Clusterer.wekaKMeans", "Image.cluster"), """
bands = S2.median().select(["B2", "B3", "B4", "B8"])
training = bands.sample(region=HERE, scale=30, numPixels=800, seed=7)
image = bands.cluster(ee.Clusterer.wekaKMeans(7, seed=3).train(training))
look = {"min": 0, "max": 6, "palette": ["1b9e77", "d95f02", "7570b3", "e7298a", "66a61e", "e6ab02", "a6761d"]}
"""),
    Picture("distance", "How far it is to the water", ("Image.fastDistanceTransform", "Image.sqrt"), """
water = S2.median().normalizedDifference(["B3", "B8"]).gt(0)
image = water.fastDistanceTransform(256).sqrt().multiply(ee.Image.pixelArea().sqrt())
look = {"min": 0, "max": 1500, "palette": ["08306b", "4292c6", "c6dbef", "fff5eb", "d94801"]}
"""),
    Picture("cost", "What it costs to come here", ("Image.cumulativeCost", "Image.paint"), """
water = S2.median().normalizedDifference(["B3", "B8"]).gt(0)
start = ee.Image(0).toByte().paint(ee.FeatureCollection([ee.Feature(POINT.buffer(60))]), 1)
image = water.multiply(9).add(1).cumulativeCost(start, 6000)
look = {"min": 0, "max": 12000, "palette": ["fcfdbf", "f1605d", "721f81", "000004"]}
"""),
    Picture("labels", "Every patch a colour of its own", ("Image.connectedComponents", "Image.randomVisualizer"), """
classes = S2.median().normalizedDifference(["B8", "B4"]).multiply(12).toInt().reproject("EPSG:32610", None, 30)
image = classes.connectedComponents(ee.Kernel.plus(1), 256).select("labels").randomVisualizer()
"""),
    Picture("outlines", "Segments as polygons, drawn", ("Image.reduceToVectors", "Collection.style"), """
water = S2.median().normalizedDifference(["B3", "B8"]).gt(0).selfMask()
shapes = water.reduceToVectors(geometry=HERE, scale=20, maxPixels=1e7)
lines = shapes.style(color="ffee00", fillColor="00000000", width=1)
image = S2.median().visualize(**RGB).blend(lines)
""", "jpg"),
    Picture("trend", "The rhythm of a year: amplitude of a harmonic", ("ImageCollection.reduce", "Image.hypot"), """
def terms(scene):
    time = ee.Image(scene.date().getFraction("year")).multiply(6.283185).float()
    green = scene.normalizedDifference(["B8", "B4"])
    return ee.Image.cat(ee.Image(1), time.cos(), time.sin(), green).rename(["one", "cos", "sin", "ndvi"])

fit = S2.map(terms).reduce(ee.Reducer.linearRegression(3, 1)).select("coefficients").arrayProject([0])
fit = fit.arrayFlatten([["one", "cos", "sin"]])
image = fit.select("cos").hypot(fit.select("sin"))
look = {"min": 0, "max": 2, "palette": ["000004", "721f81", "f1605d", "fcfdbf"]}
"""),
    Picture("interpolated", "The same pixels, bicubic", ("Image.resample",), """
image = ee.ImageCollection("MODIS/006/MOD13Q1").first().select("NDVI").resample("bicubic")
look, region = {"min": 0, "max": 9000, "palette": GREENS}, ee.Geometry.Rectangle([-70.5, 44, -69.5, 44.8])
"""),
)  # fmt: skip
