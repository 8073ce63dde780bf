"""Real tables against figures that pyarrow, shapely and pyproj computed from the same files."""

from __future__ import annotations

from typing import Any

import pytest

from tests.samples.figures import planar


def grouped(ee: Any, table: Any, reducer: Any, columns: list[str], name: str) -> dict[str, Any]:
    groups = table.reduceColumns(reducer.group(len(columns) - 1, name), columns)
    return {str(g[name]): g for g in groups.getInfo()["groups"]}


def test_power_plants(client, golden) -> None:
    ee = client
    given = golden["gppd-power-plants"]
    plants = ee.FeatureCollection("WRI/GPPD/power_plants")
    assert plants.size().getInfo() == given["count"]
    assert plants.aggregate_sum("capacitymw").getInfo() == pytest.approx(given["capacitymw_sum"])
    assert plants.aggregate_mean("capacitymw").getInfo() == pytest.approx(given["capacitymw_mean"])
    assert plants.aggregate_count_distinct("country").getInfo() == given["countries"]
    assert (
        plants.filter(ee.Filter.gt("capacitymw", 1000)).size().getInfo()
        == given["capacity_gt_1000"]
    )
    reducer = ee.Reducer.sum().combine(ee.Reducer.count(), "", True)
    found = grouped(ee, plants, reducer, ["capacitymw", "fuel1"], "fuel")
    for fuel, expected in given["by_fuel1"].items():
        assert found[fuel]["count"] == expected["count"]
        assert found[fuel]["sum"] == pytest.approx(expected["capacitymw"])
    found = grouped(ee, plants, reducer, ["capacitymw", "country"], "country")
    for country, expected in given["by_country_top20"].items():
        assert found[country]["count"] == expected["count"]
        assert found[country]["sum"] == pytest.approx(expected["capacitymw"])
    largest = plants.sort("capacitymw", False).limit(5)
    rows = largest.reduceColumns(ee.Reducer.toList(4), ["name", "country", "fuel1", "capacitymw"])
    assert rows.getInfo()["list"] == given["largest5"]
    nuclear = (
        plants.filter(ee.Filter.eq("fuel1", "Nuclear")).aggregate_histogram("country").getInfo()
    )
    assert nuclear == given["nuclear_by_country"]


@pytest.mark.parametrize("kilometres", [50, 100, 250, 500])
def test_plants_near_a_place(client, golden, kilometres) -> None:
    ee = client
    plants = ee.FeatureCollection("WRI/GPPD/power_plants")
    near = ee.Filter.withinDistance(kilometres * 1000, ".geo", ee.Geometry.Point([2.35, 48.85]))
    expected = golden["gppd-power-plants"]["within_of_[2.35,48.85]_geodesic"][f"{kilometres}km"]
    assert plants.filter(near).size().getInfo() == expected


@pytest.mark.parametrize("state", ["California", "Texas", "Colorado", "Vermont"])
def test_plants_in_a_state(client, golden, state) -> None:
    ee = client
    region = ee.FeatureCollection("TIGER/2018/States").filter(ee.Filter.eq("NAME", state))
    plants = ee.FeatureCollection("WRI/GPPD/power_plants").filter(ee.Filter.eq("country", "USA"))
    found = plants.filterBounds(planar(ee, region)).size().getInfo()
    assert found == golden["gppd-power-plants"]["usa_points_in_state"][state]


def test_storms(client, golden) -> None:
    ee = client
    given = golden["hurdat2-atlantic"]
    points = ee.FeatureCollection("NOAA/NHC/HURDAT2/atlantic")
    assert points.size().getInfo() == given["count"]
    assert points.aggregate_histogram("status").getInfo() == given["status_counts"]
    assert points.aggregate_max("max_wind_kts").getInfo() == given["max_wind_kts"]
    assert points.aggregate_min("min_pressure").getInfo() == given["min_pressure"]
    harvey = points.filter(ee.Filter.eq("id", "AL092017"))
    expected = given["AL092017"]
    assert harvey.size().getInfo() == expected["points"]
    assert harvey.first().get("name").getInfo() == expected["name"]
    assert harvey.aggregate_max("max_wind_kts").getInfo() == expected["max_wind_kts"]
    ring = harvey.geometry().bounds().coordinates().getInfo()[0]
    west, south, east, north = expected["bbox"]
    assert min(p[0] for p in ring) == pytest.approx(west, abs=1e-6)
    assert max(p[1] for p in ring) == pytest.approx(north, abs=1e-6)
    assert min(p[1] for p in ring) == pytest.approx(south, abs=1e-6)
    assert max(p[0] for p in ring) == pytest.approx(east, abs=1e-6)
    florida = ee.FeatureCollection("TIGER/2018/States").filter(ee.Filter.eq("NAME", "Florida"))
    inside = points.filterBounds(planar(ee, florida))
    assert inside.size().getInfo() == given["points_in_florida"]
    hurricanes = inside.filter(ee.Filter.eq("status", "HU")).size().getInfo()
    assert hurricanes == given["hurricane_points_in_florida(status HU)"]
    assert points.aggregate_count_distinct("id").getInfo() == given["storms"]
    year = points.filter(ee.Filter.stringStartsWith("datetime", "2005"))
    assert year.size().getInfo() == given["points_2005"]
    assert year.aggregate_count_distinct("id").getInfo() == given["storms_2005"]


@pytest.mark.parametrize("country", ["France", "Kenya", "Brazil", "Slovenia", "Japan"])
def test_areas_of_countries(client, golden, country) -> None:
    ee = client
    table = ee.FeatureCollection("projects/sample/assets/ne_countries_50m")
    area = table.filter(ee.Filter.eq("NAME", country)).geometry().area(1).getInfo()
    assert area == pytest.approx(golden["ne-countries"]["geodesic_area_m2"][country], rel=1e-6)


def test_countries_by_continent(client, golden) -> None:
    ee = client
    table = ee.FeatureCollection("projects/sample/assets/ne_countries_50m")
    assert table.size().getInfo() == golden["ne-countries"]["count"]
    france = table.filter(ee.Filter.eq("NAME", "France")).geometry().getInfo()["coordinates"]
    rings = [ring for part in france for ring in part]
    assert sum(len(ring) for ring in rings) == golden["ne-countries"]["vertices_France"]
    found = table.aggregate_histogram("CONTINENT").getInfo()
    assert found == golden["ne-countries"]["by_continent"]


def test_states_and_counties(client, golden) -> None:
    ee = client
    given = golden["us-states"]
    states = ee.FeatureCollection("TIGER/2018/States")
    assert states.size().getInfo() == given["count"]
    assert states.aggregate_sum("ALAND").getInfo() == pytest.approx(given["ALAND_sum"])
    for name, area in given["geodesic_area_m2"].items():
        found = states.filter(ee.Filter.eq("NAME", name)).geometry().area(1).getInfo()
        assert found == pytest.approx(area, rel=1e-6)
    box = ee.Geometry.Rectangle([-105, 38, -100, 42], None, False)
    names = states.filterBounds(box).aggregate_array("NAME").getInfo()
    assert sorted(names) == given["intersects_box_-105_38_-100_42"]
    counties = ee.FeatureCollection("TIGER/2018/Counties")
    assert counties.size().getInfo() == golden["us-counties"]["count"]
    found = counties.aggregate_histogram("STATEFP").getInfo()
    assert {k: found[k] for k in golden["us-counties"]["per_state"]} == golden["us-counties"][
        "per_state"
    ]


def test_a_park(client, golden) -> None:
    park = client.FeatureCollection("projects/sample/assets/zion_boundary").geometry()
    given = golden["zion-boundary"]
    assert park.area(1).getInfo() == pytest.approx(given["geodesic_area_m2"], rel=1e-6)
    assert park.perimeter(1).getInfo() == pytest.approx(given["perimeter_m"], rel=1e-6)


def test_training_plots(client, golden) -> None:
    ee = client
    given = golden["training-lulc-slovenia"]
    table = ee.FeatureCollection("projects/sample/assets/training_lulc_slovenia")
    assert table.size().getInfo() == given["count"]
    assert table.aggregate_sum("AREA").getInfo() == pytest.approx(given["area_attr_sum"])
    found = table.aggregate_histogram("LULC_NAME").getInfo()
    assert {k: v for k, v in found.items() if k} == {
        k: v for k, v in given["by_LULC_NAME"].items() if k
    }
