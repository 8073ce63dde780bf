"""Items of public services, in the form that these give them, under the shipped definitions."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from ecumene.catalog import datasets, ingest
from ecumene.core import crs
from ecumene.core.errors import RequestError
from ecumene.core.pixel_type import FLOAT, INT16, UINT8, UINT16

COG = "image/tiff; application=geotiff; profile=cloud-optimized"
UTM = {
    "proj:epsg": 32610,
    "proj:shape": [7000, 7000],
    "proj:transform": [30, 0, 500000, 0, -30, 4200000],
}
SINUSOIDAL = (
    'PROJCS["unnamed",GEOGCS["Unknown datum based upon the custom spheroid",DATUM["Not specified (based on custom spheroid)",'
    'SPHEROID["Custom spheroid",6371007.181,0]],PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433]],PROJECTION["Sinusoidal"],'
    'PARAMETER["longitude_of_center",0],PARAMETER["false_easting",0],PARAMETER["false_northing",0],UNIT["Meter",1],'
    'AXIS["Easting",EAST],AXIS["Northing",NORTH]]'
)
TILE = {
    "proj:epsg": None, "proj:wkt2": SINUSOIDAL, "proj:shape": [4800, 4800],
    "proj:transform": [231.65635826374995, 0.0, -11119505.196667, 0.0, -231.65635826395834, 4447802.078667, 0.0, 0.0, 1.0],
}  # fmt: skip
DEGREES = {
    "proj:epsg": 4326,
    "proj:shape": [3600, 3600],
    "proj:transform": [1 / 3600, 0, -123, 0, -1 / 3600, 38],
}


def item(
    collection: str,
    name: str,
    assets: str,
    host: str = "https://x.blob.core.windows.net/c",
    **properties: Any,
) -> dict[str, Any]:
    """An item with COGs; keyword arguments stand for properties, ``__`` for a colon."""
    told = {key.replace("__", ":"): value for key, value in properties.items()}
    return {
        "type": "Feature", "stac_version": "1.0.0", "id": name, "collection": collection, "links": [],
        "geometry": {"type": "Polygon", "coordinates": [[[-123, 37], [-122, 37], [-122, 38], [-123, 38], [-123, 37]]]},
        "bbox": [-123, 37, -122, 38],
        "properties": {"datetime": "2021-03-12T18:45:00Z", **told},
        "assets": {key: {"href": f"{host}/{name}_{key}.tif", "type": COG} for key in assets.split()},
    }  # fmt: skip


def landsat(
    number: int, name: str, assets: str, category: str = "T1", **more: Any
) -> dict[str, Any]:
    return item(
        "landsat-c2-l2", name, assets, platform=f"landsat-{number}", landsat__collection_category=category,
        landsat__wrs_path="044", landsat__wrs_row="034", landsat__collection_number="02", eo__cloud_cover=3.5, **UTM, **more,
    )  # fmt: skip


TM = "qa lwir drad emis emsd trad urad atran cdist blue green red nir08 swir16 swir22 atmos_opacity cloud_qa qa_pixel qa_radsat"
TM_BANDS = (
    "SR_B1 SR_B2 SR_B3 SR_B4 SR_B5 SR_B7 SR_ATMOS_OPACITY SR_CLOUD_QA ST_B6 ST_ATRAN ST_CDIST ST_DRAD ST_EMIS ST_EMSD ST_QA "
    "ST_TRAD ST_URAD QA_PIXEL QA_RADSAT"
)
OLI = "qa lwir11 drad emis emsd trad urad atran cdist coastal blue green red nir08 swir16 swir22 qa_aerosol qa_pixel qa_radsat"
OLI_BANDS = (
    "SR_B1 SR_B2 SR_B3 SR_B4 SR_B5 SR_B6 SR_B7 SR_QA_AEROSOL ST_B10 ST_ATRAN ST_CDIST ST_DRAD ST_EMIS ST_EMSD ST_QA ST_TRAD "
    "ST_URAD QA_PIXEL QA_RADSAT"
)
MSI_KEYS = "B01 B02 B03 B04 B05 B06 B07 B08 B8A B09 B11 B12"
MSI_NAMES = "coastal blue green red rededge1 rededge2 rededge3 nir nir08 nir09 swir16 swir22"
MSI_BANDS = "B1 B2 B3 B4 B5 B6 B7 B8 B8A B9 B11 B12"
URI = "S2B_MSIL{}_20230820T094549_N0509_R079_T33TWL_20230820T130104.SAFE"
STRIP = "S2B_OPER_MSI_L2A_DS_2BPS_20230820T130104_S20230820T095651_N05.09"
SCENE = "20230820T094549_20230820T095651_T33TWL"


def modis(code: str, assets: str, grid: dict[str, Any] = TILE) -> dict[str, Any]:
    return item(
        f"modis-{code[3:]}-061", f"{code}.A2021065.h08v05.061.2021082000000", assets, datetime=None,
        start_datetime="2021-03-06T00:00:00Z", end_datetime="2021-03-21T23:59:59Z",
        platform="terra" if code[1] == "O" else "aqua", **grid,
    )  # fmt: skip


def indices(step: str) -> str:
    names = "NDVI EVI VI_Quality red_reflectance NIR_reflectance blue_reflectance MIR_reflectance view_zenith_angle sun_zenith_angle"
    names += " relative_azimuth_angle composite_day_of_the_year pixel_reliability"
    return " ".join(f"{step}_16_days_{name}" for name in names.split())


INDICES = "NDVI EVI DetailedQA sur_refl_b01 sur_refl_b02 sur_refl_b03 sur_refl_b07 ViewZenith SolarZenith RelativeAzimuth DayOfYear SummaryQA"
REFLECTANCE = " ".join(f"sur_refl_b0{n}" for n in range(1, 8))
HEAT = "LST_Day_1km QC_Day Day_view_time Day_view_angl LST_Night_1km QC_Night Night_view_time Night_view_angl Emis_31 Emis_32"
HEAT_BANDS = HEAT.replace("angl", "angle")
DAY = "2021_03_06_h08v05"

CASES: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "Landsat 9": (landsat(9, "LC09_L2SP_044034_20220312_02_T1", OLI), "LANDSAT/LC09/C02/T1_L2", "LC09_044034_20220312", OLI_BANDS),
    "Landsat 8": (landsat(8, "LC08_L2SP_044034_20210312_02_T1", OLI), "LANDSAT/LC08/C02/T1_L2", "LC08_044034_20210312", OLI_BANDS),
    "Landsat 7": (landsat(7, "LE07_L2SP_044034_20010312_02_T1", TM), "LANDSAT/LE07/C02/T1_L2", "LE07_044034_20010312", TM_BANDS),
    "Landsat 5": (landsat(5, "LT05_L2SP_044034_19990312_02_T1", TM), "LANDSAT/LT05/C02/T1_L2", "LT05_044034_19990312", TM_BANDS),
    "Landsat 4": (landsat(4, "LT04_L2SP_044034_19890312_02_T1", TM), "LANDSAT/LT04/C02/T1_L2", "LT04_044034_19890312", TM_BANDS),
    "Sentinel-2 L2A, Planetary Computer": (
        item("sentinel-2-l2a", "S2B_MSIL2A_20230820T094549_R079_T33TWL_20230820T130104", f"AOT WVP SCL visual {MSI_KEYS}",
             s2__processing_baseline="05.09", s2__product_uri=URI.format("2A"), s2__datastrip_id=STRIP, **UTM),
        "COPERNICUS/S2_SR_HARMONIZED", SCENE, f"{MSI_BANDS} AOT WVP SCL TCI_R TCI_G TCI_B",
    ),
    "Sentinel-2 L2A, Earth Search": (
        item("sentinel-2-l2a", "S2B_33TWL_20230820_0_L2A", f"aot wvp scl visual {MSI_NAMES}", earthsearch__boa_offset_applied=True,
             s2__processing_baseline="05.09", s2__product_uri=URI.format("2A"), s2__datastrip_id=STRIP, **UTM),
        "COPERNICUS/S2_SR_HARMONIZED", SCENE, f"{MSI_BANDS} AOT WVP SCL TCI_R TCI_G TCI_B",
    ),
    "Sentinel-2 L2A collection 1, Earth Search": (
        item("sentinel-2-c1-l2a", "S2B_T33TWL_20230820T095651_L2A", f"aot wvp scl visual cloud snow {MSI_NAMES}",
             processing__version="05.09", s2__product_uri=URI.format("2A"), s2__datastrip_id=STRIP, **UTM),
        "COPERNICUS/S2_SR_HARMONIZED", SCENE, f"{MSI_BANDS} AOT WVP SCL TCI_R TCI_G TCI_B MSK_CLDPRB MSK_SNWPRB",
    ),
    "Sentinel-2 L1C, Earth Search": (
        item("sentinel-2-l1c", "S2B_33TWL_20230820_0_L1C", f"cirrus visual {MSI_NAMES}", host="s3://sentinel-s2-l1c/tiles",
             s2__processing_baseline="05.09", s2__product_uri=URI.format("1C"), s2__datastrip_id=STRIP, **UTM),
        "COPERNICUS/S2_HARMONIZED", SCENE, "B1 B2 B3 B4 B5 B6 B7 B8 B8A B9 B10 B11 B12",
    ),
    "Copernicus DEM": (
        item("cop-dem-glo-30", "Copernicus_DSM_COG_10_N37_00_W123_00_DEM", "data", **DEGREES),
        "COPERNICUS/DEM/GLO30", "Copernicus_DSM_COG_10_N37_00_W123_00_DEM", "DEM",
    ),
    "WorldCover 2020": (
        item("esa-worldcover", "ESA_WorldCover_10m_2020_v100_N36W123", "map", esa_worldcover__product_version="1.0.0", **DEGREES),
        "ESA/WorldCover/v100", "ESA_WorldCover_10m_2020_v100_N36W123", "Map",
    ),
    "WorldCover 2021": (
        item("esa-worldcover", "ESA_WorldCover_10m_2021_v200_N36W123", "map input_quality.1", esa_worldcover__product_version="2.0.0", **DEGREES),
        "ESA/WorldCover/v200", "ESA_WorldCover_10m_2021_v200_N36W123", "Map",
    ),
    "NAIP": (
        item("naip", "ca_m_3712213_sw_10_060_20220522", "image", naip__state="ca", naip__year="2022", **UTM),
        "USDA/NAIP/DOQQ", "m_3712213_sw_10_060_20220522", "R G B N",
    ),
    "Sentinel-1 RTC": (
        item("sentinel-1-rtc", "S1A_IW_GRDH_1SDV_20210312T004249_20210312T004314_036961_0459C2_rtc", "vv vh", platform="SENTINEL-1A",
             sar__instrument_mode="IW", sar__polarizations=["VV", "VH"], sat__orbit_state="descending", sat__relative_orbit=64, **UTM),
        "COPERNICUS/S1_RTC", "S1A_IW_GRDH_1SDV_20210312T004249_20210312T004314_036961_0459C2_rtc", "VV VH",
    ),
}  # fmt: skip
for _code in ("MOD", "MYD"):
    for _name, _assets, _bands in (
        ("13Q1", indices("250m"), INDICES),
        ("13A1", indices("500m"), INDICES),
        (
            "09A1",
            REFLECTANCE + " " + " ".join(f"sur_refl_{n}" for n in ("qc_500m", "szen", "vzen", "raz", "state_500m", "day_of_year")),
            f"{REFLECTANCE} QA SolarZenith ViewZenith RelativeAzimuth StateQA DayOfYear",
        ),
        ("11A1", f"{HEAT} Clear_day_cov Clear_night_cov", f"{HEAT_BANDS} Clear_day_cov Clear_night_cov"),
        ("11A2", f"{HEAT} Clear_sky_days Clear_sky_nights", f"{HEAT_BANDS} Clear_sky_days Clear_sky_nights"),
    ):  # fmt: skip
        _id = f"{_code}{_name}"
        CASES[_id] = (modis(_id, _assets), f"MODIS/061/{_id}", DAY, _bands)


def added(catalog, *items: dict[str, Any], dataset: datasets.Dataset | None = None) -> int:
    catalog.allow("https://x.blob.core.windows.net/")
    catalog.allow("s3://sentinel-s2-l1c/")
    return ingest.add_stac_items(catalog, items, "https://stac.example/", dataset)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_items_become_earth_engines_images(catalog, case):
    given, dataset, index, bands = case
    assert added(catalog, given) == 1
    image = catalog.load_image(f"{dataset}/{index}")
    assert image is not None
    assert " ".join(image.band_names) == bands
    assert image.get("system:index") == index
    assert image.get("system:time_start") is not None
    names = {asset["href"] for asset in given["assets"].values()}
    assert {band.node.band.path for band in image.bands} <= names
    assert image.bands[0].dimensions == tuple(reversed(given["properties"]["proj:shape"]))


def band(catalog, case: str, name: str):
    given, dataset, index, _ = CASES[case]
    added(catalog, given)
    image = catalog.load_image(f"{dataset}/{index}")
    return next(one for one in image.bands if one.name == name).node.band


@pytest.mark.parametrize(
    ("case", "name", "key", "type_", "missing"),
    [
        ("Landsat 5", "SR_B4", "nir08", UINT16, (0,)),
        ("Landsat 7", "ST_B6", "lwir", UINT16, (0,)),
        ("Landsat 7", "SR_ATMOS_OPACITY", "atmos_opacity", INT16, (-9999,)),
        ("Landsat 9", "SR_B4", "red", UINT16, (0,)),
        ("MOD11A1", "LST_Day_1km", "LST_Day_1km", UINT16, (0,)),
        ("MYD11A2", "Night_view_angle", "Night_view_angl", UINT8, (255,)),
        ("MYD09A1", "StateQA", "sur_refl_state_500m", UINT16, (65535,)),
        ("MYD13Q1", "NDVI", "250m_16_days_NDVI", INT16, (-3000,)),
        ("Sentinel-1 RTC", "VV", "vv", FLOAT, (-32768,)),
        ("NAIP", "N", "image", UINT8, ()),
        ("Copernicus DEM", "DEM", "data", FLOAT, ()),
        ("WorldCover 2021", "Map", "map", UINT8, (0,)),
    ],
)  # fmt: skip
def test_what_is_stored_of_a_band(catalog, case, name, key, type_, missing):
    found = band(catalog, case, name)
    assert found.path.endswith(f"_{key}.tif")
    assert (found.type, found.missing, found.scale) == (type_, missing, 1)
    assert found.index == (4 if case == "NAIP" else 1)


@pytest.mark.parametrize(
    ("case", "offset"),
    [
        ("Sentinel-2 L2A, Planetary Computer", -1000),
        ("Sentinel-2 L2A, Earth Search", 0),
        ("Sentinel-2 L2A collection 1, Earth Search", -1000),
        ("Sentinel-2 L1C, Earth Search", -1000),
    ],
)
def test_the_shift_of_new_baselines_is_removed_where_the_files_have_it(catalog, case, offset):
    found = band(catalog, case, "B8A")
    assert (found.offset, found.type) == (offset, UINT16)
    added(catalog, copy.deepcopy(CASES[case][0]))


def test_old_baselines_have_no_shift(catalog):
    old = copy.deepcopy(CASES["Sentinel-2 L2A collection 1, Earth Search"][0])
    old["properties"]["processing:version"] = "02.14"
    added(catalog, old)
    assert (
        catalog.load_collection("COPERNICUS/S2_SR_HARMONIZED").first().bands[0].node.band.offset
        == 0
    )


def test_properties(catalog):
    added(catalog, CASES["Landsat 5"][0], CASES["Sentinel-1 RTC"][0])
    scene = catalog.load_collection("LANDSAT/LT05/C02/T1_L2").first()
    wanted = {
        "SPACECRAFT_ID": "LANDSAT_5",
        "WRS_PATH": 44,
        "WRS_ROW": 34,
        "CLOUD_COVER": 3.5,
        "COLLECTION_CATEGORY": "T1",
    }
    assert {name: scene.get(name) for name in wanted} == wanted
    radar = catalog.load_collection("COPERNICUS/S1_RTC").first()
    wanted = {
        "orbitProperties_pass": "DESCENDING",
        "platform_number": "A",
        "transmitterReceiverPolarisation": ["VV", "VH"],
    }
    assert {name: radar.get(name) for name in wanted} == wanted


def test_the_sinusoidal_grid(catalog):
    found = band(catalog, "MOD13Q1", "NDVI").grid
    assert found.transform[:6] == pytest.approx(TILE["proj:transform"][:6])
    assert not crs.is_geographic(found.crs)


def test_items_of_one_stac_collection_are_told_apart(catalog, tmp_path, caplog):
    other = landsat(8, "LC08_L2SP_044034_20210312_02_T2", OLI, category="T2")
    folder = tmp_path / "landsat"
    (folder / "items").mkdir(parents=True)
    (folder / "collection.json").write_text(
        json.dumps({"type": "Collection", "id": "landsat-c2-l2", "links": []})
    )
    for number, given in enumerate((CASES["Landsat 8"][0], CASES["Landsat 5"][0], other)):
        (folder / "items" / f"{number}.json").write_text(json.dumps(given))
    catalog.allow("https://x.blob.core.windows.net/")
    assert ingest.add_path(catalog, folder) == 2
    assert "1 items were left out" in caplog.text
    for dataset in ("LANDSAT/LC08/C02/T1_L2", "LANDSAT/LT05/C02/T1_L2"):
        assert catalog.load_collection(dataset).size() == 1


def test_a_definition_takes_only_its_own_items(catalog):
    wanted = datasets.load("LANDSAT/LC09/C02/T1_L2")
    assert added(catalog, CASES["Landsat 8"][0], CASES["Landsat 9"][0], dataset=wanted) == 1
    with pytest.raises(RequestError, match="no image of LANDSAT/LC09"):
        added(catalog, CASES["Landsat 8"][0], dataset=wanted)


def test_definitions_like_others():
    own = datasets.decode(
        "like: LANDSAT/LC09/C02/T1_L2\nid: projects/p-project/assets/mine\ntitle: Mine"
    )
    model = datasets.shipped()["LANDSAT/LC09/C02/T1_L2"]
    assert (own.bands, own.index, own.title, own.when) == (model.bands, model.index, "Mine", {})
    assert model.bands == datasets.shipped()["LANDSAT/LC08/C02/T1_L2"].bands
    with pytest.raises(RequestError, match="NO/SUCH"):
        datasets.decode("like: NO/SUCH\nid: a")
    with pytest.raises(RequestError, match="regular expression"):
        datasets.decode('id: a\nbands: [{id: x}]\nwhen: {platform: "("}')


def test_every_stac_collection_is_served_here():
    named = {name for one in datasets.shipped().values() for name in one.collections}
    assert named == {given["collection"] for given, *_ in CASES.values()}
