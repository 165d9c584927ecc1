"""Consumption-based hours of documents: imports traced, and nothing told that is not known whole."""

from __future__ import annotations

from datetime import timedelta

import pytest

from energy.carbon.choice import Use
from energy.carbon.intake import GridIntake
from energy.carbon.library import packaged
from energy.carbon.uses import record_uses
from energy.carbon.zones import BORDERS, eic
from energy.interval import Period
from energy.proof.cause import load_causes
from energy.reading.reader import LedgerFigures
from runtime.errors import BadDocument
from tests.unit.energy.carbon.documents import document, flow, series
from tests.unit.energy.plant import START, Plant, site

HOUR = timedelta(hours=1)
FLOWS = {("LT", "LV"): 50.0, ("LT", "PL"): 100.0, ("LT", "SE-4"): 50.0, ("LV", "LT"): 20.0}
"""MWh into the first zone from the second; nothing flows the other ways."""

MADE = {"LT": ("B04", 100.0), "LV": ("B12", 300.0), "PL": ("B05", 900.0), "SE-4": ("B19", 400.0)}
USED = 280.0
"""What Lithuania used: 100 made and 200 taken in, less 20 given on."""


def code(zone: str) -> str:
    return eic(zone) or ""


def flows(hours: int = 1, without: tuple[str, str] | None = None) -> bytes:
    """What flowed over the borders of Lithuania, both ways."""
    pairs = [pair for near in BORDERS["LT"] for pair in (("LT", near), (near, "LT"))]
    told = [pair for pair in pairs if pair != without]
    parts = [flow(*map(code, pair), START, [FLOWS.get(pair, 0.0)] * hours) for pair in told]
    return document(*parts, kind="A11")


def load(*mw: float) -> bytes:
    return document(series(None, START, mw, zone=code("LT"), out=True), kind="A65")


def generation(hours: int = 1, without: str = "") -> bytes:
    made = {zone: one for zone, one in MADE.items() if zone != without}
    return document(*(series(kind, START, [mw] * hours, zone=code(z)) for z, (kind, mw) in made.items()))


@pytest.fixture
async def plant(tmp_path):
    made = Plant(tmp_path, {"kaunas": site(grid="LT")})
    await made.open()
    await record_uses(made.database, {"kaunas": use()}, START)
    yield made
    await made.close()


def use(basis: str = "consumption") -> Use:
    sets = packaged()
    return Use(sets["ipcc-2014-direct"], grid="entsoe", basis=basis, lifecycle=sets["ipcc-2014-lifecycle"])


async def hours(plant: Plant, *documents: bytes, count: int = 1):
    intake = GridIntake(plant.database, plant.sites)
    for body in documents:
        await intake.take(body, START + 3 * HOUR)
    reader = LedgerFigures(plant.database, plant.store, plant.sites)
    return await reader.grid("kaunas", Period(START, START + count * HOUR))


async def test_imports_are_traced_to_where_they_were_made_in_intensity_and_shares(plant):
    (hour,) = await hours(plant, generation(), flows(), load(USED))
    # Latvia took 20 from Lithuania and made 300: its kWh is as x = (20 y + 300 * 0) / 320.
    lithuania = (100 * 370 + 100 * 760) / (300 - 50 * 20 / 320)
    assert hour.carbon_g_per_kwh == pytest.approx(lithuania)
    assert hour.renewable_share == pytest.approx(1 - (100 + 100) / (300 - 50 * 20 / 320))
    assert hour.how == "consumption, direct"
    await record_uses(plant.database, {"kaunas": use("production")}, START + 4 * HOUR)
    (made,) = await hours(plant)
    assert (made.carbon_g_per_kwh, made.how) == (370.0, "production, direct")


@pytest.mark.parametrize(
    "told",
    [
        (generation(), flows()),
        (generation(), load(USED)),
        (generation(), flows(without=("LT", "SE-4")), load(USED)),
        (generation(), flows(without=("SE-4", "LT")), load(USED)),
        (generation(without="PL"), flows(), load(USED)),
        (generation(), flows(), load(USED / 0.89)),
    ],
    ids=["no load", "no flows", "no import", "no export", "a neighbour unknown", "from nowhere"],
)
async def test_an_hour_of_which_not_all_is_told_is_not_known(plant, told):
    (hour,) = await hours(plant, *told)
    assert (hour.carbon_g_per_kwh, hour.carbon_free_share, hour.how) == (None, None, None)


async def test_small_plants_that_no_document_tells_do_not_make_an_hour_unknown(plant):
    (hour,) = await hours(plant, generation(), flows(), load(USED / 0.91))
    assert hour.how == "consumption, direct"


async def test_what_is_told_anew_of_a_neighbour_is_a_revision_and_as_of_undoes_it(plant):
    for topic in ("meter/kaunas/main-1", "meter/kaunas/ups-a"):
        await plant.counts(topic, 10_000.0, (-5, 65))
    await plant.settle(62)
    (before,) = await hours(plant, generation(), flows(), load(USED))
    intake, later = GridIntake(plant.database, plant.sites), START + 5 * HOUR
    body = document(flow(code("LT"), code("PL"), START, [150.0]), kind="A11")
    (kept,) = await intake.take(body, later)
    assert (kept.zone, kept.changed) == ("flow from PL to LT", 1)
    reader, period = LedgerFigures(plant.database, plant.store, plant.sites), Period(START, START + HOUR)
    (after,) = await reader.grid("kaunas", period)
    assert after.carbon_g_per_kwh > before.carbon_g_per_kwh
    (line, *_) = await reader.factors("kaunas", period, later - HOUR)
    assert line.g_per_kwh == pytest.approx(before.carbon_g_per_kwh, rel=1e-6)
    assert line.version == "ipcc-2014-direct 1, hours up to version 1"
    assert line.method == "consumption, direct"
    async with plant.database.read() as connection:
        causes = await load_causes(connection, ["kaunas"], (0, 2**31 - 1), ["factor"])
    assert [cause.reason for cause in causes] == ["the mix of the grid of LT was told anew for 1 hour"]


async def test_a_flow_names_both_its_zones(plant):
    half = flows().replace(b"out_Domain", b"elsewhere")
    with pytest.raises(BadDocument, match="names no zone that it leads into, or none that it comes from"):
        await GridIntake(plant.database, plant.sites).take(half, START)
