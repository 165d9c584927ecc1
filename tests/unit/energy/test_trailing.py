"""Figures over twelve months: which, when, from what is kept, and the same as from the ledger itself."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

import energy.kpis
from energy.annual import ANNUAL
from energy.certificates.claims import Claims
from energy.configuration.era import eras
from energy.interval import QUARTER_MS, Period
from energy.kpi import KPIS
from energy.proof.cause import record
from energy.proof.options import CORRECTION_WINDOW
from energy.reading.certified import Certified
from energy.reading.hindsight import Hindsight
from energy.reading.reader import LedgerFigures
from energy.sums.sheet import LedgerRegister, Sheet
from energy.sums.summed import Summed, together
from energy.sums.totals import totals_of
from energy.trailing.block import Block, Kept, blocks, keep, load_kept
from energy.trailing.keeping import Keeper
from energy.trailing.tables import BLOCK
from energy.trailing.window import days_of, days_since, year_up_to
from energy.trailing.year import Behind, trailing
from reports.headline import twelve_months
from runtime.clock import from_ms, to_ms
from runtime.database import Database
from tests.unit.energy.plant import MINUTE, START, Plant, site

WARSAW, UTC_ZONE = ZoneInfo("Europe/Warsaw"), ZoneInfo("UTC")
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
YEAR = year_up_to(NOON, WARSAW)
SUMMER = to_ms(datetime(2026, 7, 22, 22, tzinfo=UTC)) // QUARTER_MS
"""A midnight of the site, 120 days before the end of the year."""


def quarter(at: datetime) -> int:
    return to_ms(at) // QUARTER_MS


@pytest.mark.parametrize(
    ("at", "first", "last", "days"),
    [
        ("2026-11-20T12:00Z", "2025-11-20", "2026-11-19", 365),
        ("2026-10-31T23:00Z", "2025-11-01", "2026-10-31", 365),
        ("2028-02-28T23:30Z", "2027-03-01", "2028-02-28", 365),
        ("2028-02-29T23:00Z", "2027-03-01", "2028-02-29", 366),
        ("2028-03-31T22:00Z", "2027-04-01", "2028-03-31", 366),
    ],
)
def test_a_year_is_twelve_civil_months_up_to_a_midnight_of_the_site(at, first, last, days):
    found = year_up_to(datetime.fromisoformat(at), WARSAW)
    start, end = (edge.astimezone(WARSAW) for edge in (found.start, found.end))
    assert (start.date().isoformat(), (end.date() - timedelta(days=1)).isoformat()) == (first, last)
    assert (start.hour, end.hour) == (0, 0)
    assert days_of(found, WARSAW) == days


def test_a_day_counts_once_all_of_it_has_data():
    assert days_since(quarter(YEAR.start), YEAR, WARSAW) == 365
    assert days_since(quarter(YEAR.start) - 900, YEAR, WARSAW) == 365
    assert days_since(quarter(YEAR.start) + 1, YEAR, WARSAW) == 364
    assert days_since(SUMMER, YEAR, WARSAW) == 120
    assert days_since(SUMMER + 1, YEAR, WARSAW) == 119
    assert days_since(None, YEAR, WARSAW) == 0


def test_blocks_lie_end_to_end_and_end_at_every_midnight_of_utc_and_of_the_site():
    first, until = quarter(YEAR.start), quarter(YEAR.end)
    found = blocks(first, until, WARSAW)
    assert [block.first for block in found[1:]] == [block.until for block in found[:-1]]
    assert (found[0].first, found[-1].until) == (first, until)
    assert len(found) == 730
    assert len(blocks(96 * 20_000, 96 * 20_365, UTC_ZONE)) == 365


def test_parts_add_up_and_the_highest_of_any_stays():
    parts = [Summed({"edc": 2.0, "eit": 1.0}, {"edc": 7.0}), Summed({"edc": 3.0}, {"edc": 5.0, "load": 1.0})]
    assert together(parts) == Summed({"edc": 5.0, "eit": 1.0}, {"edc": 7.0, "load": 1.0})


class Told:
    """A site of which each quarter used the same, read ``since`` a quarter; notes what is asked of it."""

    def __init__(self, since: int, settled: int, known: float = 1.0) -> None:
        self.since, self.settled, self.share = since, settled, known
        self.asked: list[Period] = []
        self.eit = 80.0

    async def known(self, site_, as_of=None):
        registers = [LedgerRegister(1, ("meter", "main-1", "energy"), from_ms(self.since * QUARTER_MS), None)]
        return Sheet.blank(registers, 0, 0), self.settled, eras(site(), ())

    async def summed(self, site_, parts, as_of=None):
        self.asked += parts
        return [self._summed(Block(quarter(part.start), quarter(part.end))) for part in parts]

    def _summed(self, block: Block) -> Summed:
        n = block.until - block.first
        known = n * self.share
        same = {"edc": 100.0 * known, "eit": self.eit * known, "edc_known": known, "eit_known": known}
        pue = {"pue_edc": 100.0 * known, "pue_eit": self.eit * known, "pue_known": known}
        both = {"both_edc": 100.0 * known, "both_eit": self.eit * known, "both_known": known}
        load = {"load": 100.0 * known, "load_known": known, "green": 0.0, "renewable": 40.0 * known}
        load["vouched"] = 30.0 * known
        count = {"expected": n, "registers_expected": n, "registers_known": known}
        return Summed({**same, **pue, **both, **load, **count}, {"edc": 100.0, "load": 100.0})


@pytest.fixture
async def state(tmp_path):
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'state.db'}")
    await database.create_all()
    yield database
    await database.close()


def behind(database, source: Told) -> Behind:
    KPIS.load(energy.kpis)
    certified = Certified(Claims(database))
    return Behind(database, {"gdansk": site()}, Hindsight(database, CORRECTION_WINDOW), certified, source)


async def test_a_year_is_told_once_there_are_365_days_and_says_how_many_there_are_before(state):
    settled = quarter(NOON)
    whole, short = (Told(since, settled) for since in (quarter(YEAR.start) - 960, SUMMER))
    await Keeper(state, {"gdansk": site()}, whole).keep(NOON)
    (year,) = await trailing(behind(state, whole), "gdansk", [NOON])
    assert (year.start, year.end, year.days, year.of_days) == (YEAR.start, YEAR.end, 365, 365)
    assert (year.figures["pue"], year.figures["ref"]) == (1.25, 0.4)
    assert year.completeness == 1
    assert year.withheld["wue"] == "no water meter at Gdańsk"
    assert set(year.figures) == set(ANNUAL)
    (early,) = await trailing(behind(state, short), "gdansk", [NOON])
    assert set(early.figures.values()) == {None}
    reason = "120 of 365 days of settled data at the site's boundary"
    assert early.withheld == dict.fromkeys(ANNUAL, reason)
    assert (early.state, early.revision, early.completeness) == ("open", 0, None)
    (nothing,) = await trailing(behind(state, Told(0, None)), "gdansk", [NOON])
    assert (nothing.end, nothing.withheld["pue"]) == (None, "nothing is settled yet")


async def test_a_year_tells_what_of_ref_is_not_proven_and_what_has_to_be_said_with_pue(state):
    whole = Told(quarter(YEAR.start) - 960, quarter(NOON))
    await Keeper(state, {"gdansk": site()}, whole).keep(NOON)
    buys = site(eu={"other_energy": "none", str(YEAR.start.year): {"other_energy": "bought"}})
    (year,) = await trailing(replace(behind(state, whole), sites={"gdansk": buys}), "gdansk", [NOON])
    assert year.unproven_wh == 30 * 365 * 96
    assert set(year.marks) == {"pue", "ref", "erf", "ere"}
    assert year.marks["pue"].startswith("of electricity alone: Gdańsk buys chilled water")
    figures = {one.key: one for one in twelve_months(year, WARSAW)}
    assert "of electricity alone" in figures["pue_12_months"].name
    assert figures["unproven_wh_12_months"].value == year.unproven_wh
    (plain,) = await trailing(behind(state, whole), "gdansk", [NOON])
    assert plain.marks == {}


async def test_a_year_of_which_too_little_is_known_has_no_figure(state):
    holes = Told(quarter(YEAR.start) - 96, quarter(NOON), known=0.89)
    await Keeper(state, {"gdansk": site()}, holes).keep(NOON)
    (year,) = await trailing(behind(state, holes), "gdansk", [NOON])
    assert (year.days, year.figures["pue"]) == (365, None)
    assert "below the floor" in year.withheld["pue"]


async def test_no_question_reads_a_year_and_late_data_are_worked_out_anew(state):
    source = Told(quarter(YEAR.start) - 96, quarter(NOON))
    (early,) = await trailing(behind(state, source), "gdansk", [NOON])
    assert source.asked == []
    assert "still to be added up" in early.withheld["pue"]
    keeper = Keeper(state, {"gdansk": site()}, source)
    written = await keeper.keep(NOON)
    assert written == len(source.asked) > 730
    assert await keeper.keep(NOON) == 0
    source.asked.clear()
    await trailing(behind(state, source), "gdansk", [NOON])
    assert source.asked == []
    source.eit = 50.0
    late = quarter(YEAR.start) + 96 * 100 + 8
    async with state.begin() as connection:
        await record(
            connection, site="gdansk", kind="late", who="x", reason="x", at=NOON, first=late, until=late + 1
        )  # fmt: skip
    (changed,) = await trailing(behind(state, source), "gdansk", [NOON])
    (only,) = source.asked
    assert quarter(only.start) <= late < quarter(only.end)
    n, of = quarter(only.end) - quarter(only.start), quarter(YEAR.end) - quarter(YEAR.start)
    assert changed.figures["pue"] == pytest.approx(100 * of / (80 * (of - n) + 50 * n))
    source.asked.clear()
    assert await keeper.keep(NOON) == 1


async def test_blocks_of_another_program_version_are_never_added_up_but_worked_out_again(state):
    source = Told(quarter(YEAR.start) - 96, quarter(NOON))
    keeper = Keeper(state, {"gdansk": site()}, source)
    await keeper.keep(NOON)
    async with state.begin() as connection:
        told = json.dumps([{"edc": 1e9, "a_column_of_before": 1.0}, {"of_before": 1.0}])
        await connection.execute(BLOCK.update().values(rests_on="another version", told=told))
    (during,) = await trailing(behind(state, source), "gdansk", [NOON])
    assert set(during.figures.values()) == {None}
    assert during.withheld == dict.fromkeys(
        ANNUAL, "730 parts of days are still to be added up, or added up again; that takes some minutes"
    )
    await keeper.keep(NOON)
    (after,) = await trailing(behind(state, source), "gdansk", [NOON])
    assert after.figures["pue"] == 1.25


async def test_of_a_year_of_too_few_days_nothing_is_read(state):
    source = Told(SUMMER, quarter(NOON))
    for as_of in (None, NOON):
        (year,) = await trailing(behind(state, source), "gdansk", [NOON], as_of, whole=True)
        assert year.days == 120
    assert source.asked == []
    grown = Told(quarter(YEAR.start) - 96, quarter(NOON))
    young, old = await trailing(behind(state, grown), "gdansk", [NOON - timedelta(days=30), NOON], NOON)
    assert (young.days, young.figures["pue"]) == (336, None)
    assert (old.days, old.figures["pue"]) == (365, 1.25)
    assert min(part.start for part in grown.asked) == YEAR.start


async def test_whoever_wants_all_of_a_year_gets_the_same_however_much_is_kept(state):
    source = Told(quarter(YEAR.start) - 96, quarter(NOON))
    (cold,) = await trailing(behind(state, source), "gdansk", [NOON], whole=True)
    await Keeper(state, {"gdansk": site()}, source).keep(NOON)
    source.asked.clear()
    (warm,) = await trailing(behind(state, source), "gdansk", [NOON], whole=True)
    assert source.asked == []
    assert cold == warm
    assert cold.figures["pue"] == 1.25


async def test_of_all_sites_the_one_with_the_fewest_days_decides(state):
    one = behind(state, Told(quarter(NOON) - 96 * 30, quarter(NOON)))
    both = Behind(
        state, {"gdansk": site(), "kaunas": site(name="Kaunas")}, one.hindsight, one.certified, one.source
    )
    (year,) = await trailing(both, "all", [NOON])
    assert year.days == 29
    assert year.withheld["pue"] == "29 of 365 days of settled data at the boundary of Gdańsk and Kaunas"


async def test_what_is_kept_reads_back_as_it_was(database):
    told = Summed({"edc": 0.1 + 0.2, "green": 3.0}, {"edc": 1 / 3})
    async with database.begin() as connection:
        await keep(connection, "gdansk", [Kept(Block(96, 192), 7, "rest", told)])
        await keep(connection, "gdansk", [Kept(Block(96, 192), 8, "rest", told)])
        found = await load_kept(connection, "gdansk", 0, 1000)
    assert found == {96: Kept(Block(96, 192), 8, "rest", told)}


async def test_blocks_of_a_ledger_add_up_to_its_own_totals_and_are_kept_until_late_data_come(tmp_path):
    where = site(
        supply=[
            {"id": "wind", "kind": "ppa_wind", "zone": "PL", "max_power_kw": 10},
            {"id": "bat", "kind": "battery", "max_power_kw": 4},
        ]
    )
    plant = Plant(tmp_path, {"gdansk": where})
    await plant.open()
    end = 60 * 24 * 3 + 30
    minutes = range(-90, end, 30)
    at = [START + n * MINUTE for n in minutes]
    for name, field, watts in (
        ("meter/gdansk/main-1", "energy_wh", 5000.0),
        ("meter/gdansk/ups-a", "energy_wh", 4000.0),
        ("supply/gdansk/wind", "energy_wh", 3000.0),
    ):
        await plant.feed(plant.frame(name, at, {field: [watts / 60 * (n + 90) for n in minutes]}))
    flows = {"charge_wh": [8.0 * n + 720 for n in minutes], "discharge_wh": [6.0 * n + 540 for n in minutes]}
    await plant.feed(plant.frame("supply/gdansk/bat", at, flows))
    await plant.settle(end)
    figures = LedgerFigures(plant.database, plant.store, plant.sites)
    keeper = Keeper(plant.database, plant.sites, figures)
    written = await keeper.keep(START)
    first, until = quarter(START), quarter(START) + 96 * 3
    assert written == len(blocks(first - 96, until, WARSAW))
    async with plant.database.read() as connection:
        kept = await load_kept(connection, "gdansk", first, until)
    every = totals_of(together(one.summed for one in kept.values()), "Gdańsk")
    period = Period(START, START + timedelta(days=3))
    (whole,) = await figures.kpi("gdansk", period, only={"pue", "ref", "hourly_matched"})
    for name in ("pue", "ref", "hourly_matched"):
        (formula,) = [whole.parts[name].formula]
        assert formula.of(every).value == pytest.approx(whole.parts[name].value, rel=1e-12)
    assert every.edc == whole.edc_wh > 0
    assert await keeper.keep(START) == 0
    late = [START + timedelta(days=1, minutes=190)]
    await plant.feed(
        plant.frame("meter/gdansk/ups-a", late, {"energy_wh": [4000.0 / 60 * (1630 + 90) + 300]})
    )
    await plant.settle(end + 1)
    (year,) = await figures.trailing("gdansk", [period.end])
    assert year.days == 2
    # What a battery gives was charged before in its month, so all that follows is worked out anew.
    assert await keeper.keep(START) == len(blocks(quarter(START) + 96, until, WARSAW))
    await plant.close()
