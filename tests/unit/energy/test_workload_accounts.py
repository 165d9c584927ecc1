"""From events in the journal to accounts in the database, and again when something comes late."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from random import Random

import numpy as np
import pytest
from sqlalchemy import delete, func, insert, select

from energy.figures import ALL
from energy.interval import QUARTER_MS, Period
from energy.proof.tables import LOCK, RESTATEMENT
from energy.reading.reader import LedgerFigures
from energy.settlement.marker import Marker
from energy.workloads import accountant
from energy.workloads.accountant import Accountant
from energy.workloads.book import JobBook
from energy.workloads.days import DAY_QUARTERS
from energy.workloads.lines import Wanted
from energy.workloads.statement import Workloads
from energy.workloads.tables import ACCOUNT, DAY, EVENT, INTERVAL, REACHED
from energy.workloads.told import Amounts
from runtime.clock import ManualClock, to_ms
from runtime.database import Database
from telemetry import job
from telemetry.frame import Frame
from telemetry.job import JobEvent, Kind, Seat
from telemetry.rollup import ALL_ROLLUPS, FELL, REGISTER
from tests.unit.energy.plant import MINUTE, START, Plant, site
from tests.unit.energy.test_workload_days import assert_days_tell_what_intervals_tell

HOUR = Period(START, START + timedelta(hours=1))
NODES = ("a/r1/n01", "a/r1/n02")
GPU_W = 600.0


class House:
    """A plant whose GPUs all draw the same, with the book of its jobs and the accountant."""

    def __init__(self, plant: Plant) -> None:
        self.plant, self.clock = plant, ManualClock(START + timedelta(hours=3))
        self.book = JobBook(plant.database, self.clock)
        figures = LedgerFigures(plant.database, plant.store, plant.sites)
        self.accountant = Accountant(plant.database, plant.store, figures)
        self.workloads = Workloads(plant.database)

    async def run(self, minutes: int = 62, nodes: Sequence[str] = NODES) -> None:
        """Meters of 6 kW at the inlet and 4.8 kW of IT, and 4 GPUs of 600 W, for so many minutes."""
        await self.plant.counts("meter/gdansk/main-1", 6_000, (0, minutes))
        await self.plant.counts("meter/gdansk/ups-a", 4_800, (0, minutes))
        for node in nodes:
            for gpu in range(2):
                await self.gpu(f"{node}/{gpu}", (0, minutes))

    async def gpu(self, place: str, minutes: tuple[int, int]) -> None:
        """A GPU of 600 W, as the rollup of minutes keeps it."""
        measurement = ALL_ROLLUPS["gpu_1m"].measurement
        series = self.plant.registry.id(measurement, ("gdansk", *place.split("/")))
        number = np.arange(*minutes)
        size = len(number)
        frame = Frame(
            measurement,
            np.full(size, series, dtype=np.int32),
            to_ms(START) + number * 60_000,
            {
                f"{REGISTER}_first": number * GPU_W * 60,
                REGISTER: number * GPU_W * 60 + GPU_W * 59,
                FELL: np.full(size, np.nan),
                "power_w": np.full(size, GPU_W),
            },
        )
        await self.plant.feed(frame)

    async def tell(self, *events: JobEvent, position: int = 1) -> None:
        """One batch of the journal."""
        await self.book.append([job.frame(events)], position)

    async def account(self, minutes: float = 65) -> int:
        """Settle and account as of so many minutes after the start."""
        await self.plant.settle(minutes)
        return await self.accountant.account(START + minutes * MINUTE)

    async def of(self, name: str | None = None, **asked: object) -> Amounts | None:
        """The amounts of one job over the hour; of the rest without a name."""
        told = await self.workloads.statement(Wanted("gdansk", HOUR, **asked), "job")  # type: ignore[arg-type]
        if name is None:
            return told.rest
        return next((one.amounts for one in told.accounts if one.job == name), None)


@pytest.fixture
async def house(tmp_path: Path, database: Database) -> AsyncIterator[House]:
    """An opened plant with the sites gdansk and its book."""
    plant = Plant(tmp_path, {"gdansk": site()}, database=database)
    await plant.open()
    house = House(plant)
    await house.book.open()
    yield house
    midnight = to_ms(START.replace(hour=0)) // QUARTER_MS
    await assert_days_tell_what_intervals_tell(plant.database, ALL, (midnight, midnight + DAY_QUARTERS))
    await plant.close()


def event(
    which: str, kind: Kind, minute: float, members: tuple[str, ...] | None = None, **told: object
) -> JobEvent:
    """An event of a job, so many minutes after the start."""
    return JobEvent("gdansk", which, kind, to_ms(START + minute * MINUTE), members=members, **told)  # type: ignore[arg-type]


async def test_a_job_pays_for_its_gpus_their_share_of_the_rest_and_of_overhead(house: House) -> None:
    await house.run()
    start = event("train", "start", 0, NODES[:1], tenant="acme", project="llm", name="Run 7")
    await house.tell(start, event("train", "stop", 60))
    assert await house.account() == 4
    told = await house.workloads.statement(Wanted("gdansk", HOUR), "job")
    (account,) = told.accounts
    amounts = account.amounts
    assert (account.tenant, account.project, account.name) == ("acme", "llm", "Run 7")
    assert (amounts.gpu_wh, amounts.it_wh, amounts.total_wh, amounts.overhead_wh) == (1200, 2400, 3000, 600)
    assert amounts.coverage == 1.0
    assert (told.rest.gpu_wh, told.rest.total_wh, told.site.total_wh) == (1200, 3000, 6000)
    assert amounts.green_wh == 0


async def test_energy_is_split_at_the_moment_a_job_ends(house: House) -> None:
    await house.run()
    await house.tell(event("short", "start", 0, NODES), event("short", "stop", 22.5))
    await house.account()
    amounts, rest = await house.of("short"), await house.of()
    assert amounts is not None
    assert rest is not None
    assert (amounts.gpu_wh, amounts.total_wh) == (900, 2250)
    assert rest.total_wh == 3750


async def test_an_event_that_is_told_again_is_kept_once(house: House) -> None:
    start = event("train", "start", 0, NODES)
    await house.tell(start, start)
    await house.tell(start, position=2)
    async with house.plant.database.read() as connection:
        assert await connection.scalar(select(func.count()).select_from(EVENT)) == 1
    assert await JobBook(house.plant.database, house.clock).open() == 2


async def test_a_late_stop_opens_what_was_accounted_for_and_the_past_stays_as_it_was_known(
    house: House,
) -> None:
    await house.run()
    await house.tell(event("train", "start", 0, NODES))
    await house.account()
    before = await house.of("train")
    assert before is not None
    assert before.total_wh == 6000
    known_at = START + 66 * MINUTE
    await house.tell(event("train", "stop", 30), position=2)
    assert await house.accountant.account(START + 70 * MINUTE) == 2
    after = await house.of("train")
    assert after is not None
    assert after.total_wh == 3000
    assert await house.of("train", as_of=known_at) == before


async def test_accounting_again_changes_nothing(house: House) -> None:
    await house.run()
    await house.tell(event("train", "start", 0, NODES))
    assert await house.account() == 4
    assert await house.accountant.account(START + 66 * MINUTE) == 0
    async with house.plant.database.read() as connection:
        assert await connection.scalar(select(func.max(INTERVAL.c.revision))) == 1


async def test_a_restated_interval_is_accounted_for_again(house: House) -> None:
    await house.run()
    await house.tell(event("train", "start", 0, NODES))
    await house.account()
    late = house.plant.frame("meter/gdansk/main-1", [START + 30 * MINUTE], {"energy_wh": [3100]})
    await house.plant.feed(late)
    await house.plant.settle(70)
    assert await house.accountant.account(START + 70 * MINUTE) == 2
    told = await house.workloads.statement(Wanted("gdansk", HOUR), "tenant")
    rows = await LedgerFigures(house.plant.database, house.plant.store, house.plant.sites).kpi("gdansk", HOUR)
    assert told.site.total_wh == rows[0].edc_wh


async def test_a_gpu_that_is_silent_makes_the_rest_larger_and_coverage_smaller(house: House) -> None:
    await house.run(nodes=NODES[:1])
    await house.gpu("a/r1/n02/0", (0, 62))
    await house.gpu("a/r1/n02/1", (0, 31))
    await house.tell(event("quiet", "start", 0, NODES[1:]), event("loud", "start", 0, NODES[:1]))
    await house.account()
    quiet, loud, rest = await house.of("quiet"), await house.of("loud"), await house.of()
    assert quiet is not None
    assert loud is not None
    assert rest is not None
    assert loud.total_wh == 3000
    assert quiet.coverage == pytest.approx(91 / 120, abs=0.01)
    assert (quiet.co2_location_g, quiet.green_share) == (None, None)
    assert "the energy of its GPUs is known for" in quiet.withheld["green_share"]
    assert (quiet.total_wh or 0) + (rest.total_wh or 0) == 3000
    assert (rest.total_wh or 0) > 700


async def test_shares_are_told_by_tenant_and_project_over_all_sites(house: House) -> None:
    await house.run()
    await house.tell(
        event("a", "start", 0, NODES[:1], tenant="acme", project="llm"),
        event("b", "start", 0, NODES[:1], tenant="acme", project="vision"),
        event("c", "start", 0, NODES[1:], tenant="beta", project="llm"),
    )
    await house.account()
    tenants = await house.workloads.statement(Wanted(ALL, HOUR), "tenant")
    assert [(one.tenant, one.amounts.total_wh) for one in tenants.accounts] == [
        ("acme", 3000),
        ("beta", 3000),
    ]
    assert any("shared" in note for note in tenants.accounts[0].notes)
    projects = await house.workloads.statement(Wanted(ALL, HOUR, tenant="acme"), "project")
    assert [(one.project, one.amounts.total_wh) for one in projects.accounts] == [
        ("llm", 1500),
        ("vision", 1500),
    ]
    hours = await house.workloads.hours(Wanted("gdansk", HOUR, job="a"))
    assert [(at, amounts.total_wh) for at, amounts in hours] == [(START, 1500)]


async def test_a_gpu_that_moves_takes_its_job_along(house: House) -> None:
    await house.run()
    first, second = (Seat("GPU-7", node, 0) for node in NODES)
    await house.tell(
        event("train", "start", 0, ("GPU-7",), seats=(first,)),
        event("train", "update", 30, ("GPU-7",), seats=(second,)),
        event("train", "stop", 60),
        event("other", "start", 30, ("a/r1/n01/0",)),
    )
    await house.account()
    train, other = await house.of("train"), await house.of("other")
    assert train is not None
    assert other is not None
    assert (train.gpu_wh, other.gpu_wh) == (600, 300)
    assert train.total_wh == 1500


async def test_gpus_without_telemetry_are_accounted_by_the_counters_that_events_told(house: House) -> None:
    await house.run()
    mj = 600 * 3_600_000
    await house.tell(event("train", "start", 0, ("GPU-9",), counters={"GPU-9": 5}))
    await house.tell(event("train", "stop", 60, counters={"GPU-9": 5 + mj}), position=2)
    await house.account()
    amounts = await house.of("train")
    assert amounts is not None
    assert (amounts.gpu_wh, amounts.total_wh, amounts.coverage) == (600, 1200, 1.0)


async def test_before_the_first_job_nothing_is_accounted_for(house: House) -> None:
    await house.run()
    assert await house.account() == 0
    await house.tell(event("train", "start", 30, NODES))
    assert await house.account() == 2


async def test_of_signs_of_life_one_an_hour_is_kept(house: House) -> None:
    beats = [event("train", "update", minute) for minute in range(61)]
    await house.tell(event("train", "start", 0, NODES), *beats, *beats)
    async with house.plant.database.read() as connection:
        assert await connection.scalar(select(func.count()).select_from(EVENT)) == 3
    await house.run()
    await house.account()
    amounts = await house.of("train")
    assert amounts is not None
    assert amounts.total_wh == 6000


async def _uneven(house: House, chance: Random) -> None:
    """GPUs that come, go and pause, jobs that share them, and an inlet that fails for a while."""
    places = [f"a/r{rack}/n01/{gpu}" for rack in range(2) for gpu in range(2)]
    for place in places:
        first, gap = chance.randint(0, 40), chance.randint(50, 90)
        await house.gpu(place, (first, gap))
        await house.gpu(place, (gap + chance.randint(1, 40), 190))
    await house.plant.counts("meter/gdansk/main-1", 6_007, (0, 50))
    await house.plant.counts("meter/gdansk/main-1", 6_007, (95, 190), first=-9_000)
    await house.plant.counts("meter/gdansk/ups-a", 4_803, (0, 190))
    events = []
    for name in ("b", "a", "c"):
        for minute in sorted(chance.sample(range(170), 6)):
            members = (*chance.sample(places, 2), f"GPU-{chance.randint(1, 3)}")
            counters = {members[-1]: minute * 10**9 + chance.randint(0, 10**8)}
            tenant = chance.choice((None, "x", "y"))
            events.append(event(name, "update", minute, members, tenant=tenant, counters=counters))
    await house.tell(*events)


async def test_accounts_are_the_same_bytes_whatever_is_read_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant = Plant(tmp_path, {"gdansk": site()})
    await plant.open()
    house = House(plant)
    await _uneven(house, Random(7))
    await plant.settle(195)
    kept = []
    for chunk in (1, 5, 96):
        monkeypatch.setattr(accountant, "CHUNK", chunk)
        alone = Accountant(
            plant.database, plant.store, LedgerFigures(plant.database, plant.store, plant.sites)
        )
        async with plant.database.begin() as connection:
            for table in (INTERVAL, ACCOUNT, DAY, REACHED):
                await connection.execute(delete(table))
        assert await alone.account(START + 200 * MINUTE) == 12
        async with plant.database.read() as connection:
            rows = [(await connection.execute(select(table))).all() for table in (INTERVAL, ACCOUNT, DAY)]
        kept.append([sorted(map(repr, one)) for one in rows])
    await plant.close()
    assert kept[0] == kept[1] == kept[2]


async def floored(house: House, floor: float, minute: float) -> Workloads:
    """The accounts after a start with another floor, so many minutes after the start."""
    plant = house.plant
    sites = {"gdansk": site(completeness_floor=floor)}
    await Marker(plant.database, plant.registry, sites, ManualClock(START + minute * MINUTE)).open()
    return Workloads(plant.database)


async def test_quarters_in_which_the_inlet_is_lost_are_bounded(house: House) -> None:
    """Its register was reset meanwhile, so that nothing tells what went through it in the third quarter."""
    lax = await floored(house, 0.5, -60)
    await house.run()
    await house.plant.counts("meter/gdansk/main-1", 12_000, (62, 91), first=-6_200)
    await house.plant.counts("meter/gdansk/main-1", 6_000, (106, 125), first=-20_000)
    await house.plant.counts("meter/gdansk/ups-a", 4_800, (62, 125))
    for node in NODES:
        for gpu in range(2):
            await house.gpu(f"{node}/{gpu}", (62, 125))
    await house.tell(event("train", "start", 0, NODES[:1]))
    await house.account(130)
    wanted = Wanted("gdansk", Period(START, START + timedelta(hours=2)))
    (account,) = (told := await lax.statement(wanted, "job")).accounts
    amounts = account.amounts
    assert (amounts.intervals, amounts.known, told.site.known) == (8, 6, 6)
    assert told.site.missing_wh == 2 * 3000
    assert amounts.missing_wh == told.rest.missing_wh == 3000
    assert amounts.green_share == 0
    raised = await floored(house, 0.9, 135)
    assert (await raised.statement(wanted, "job")).accounts[0].amounts == amounts
    later = Wanted("gdansk", Period(START, START + timedelta(hours=3)))
    strict = (await raised.statement(later, "job")).accounts[0].amounts
    assert strict.green_share is None
    assert "below the floor of 90.00 %" in strict.withheld["green_share"]


async def test_accounts_of_a_locked_month_change_only_with_its_restatement(house: House) -> None:
    await house.run()
    await house.tell(event("train", "start", 0, NODES))
    await house.account()
    signed = await house.of("train")
    quarter = to_ms(START) // QUARTER_MS
    month = {"site": "gdansk", "period": "2026-10", "who": "x", "document": "", "key": "", "signature": ""}
    house.clock.set(START + 70 * MINUTE)
    async with house.plant.database.begin() as connection:
        span = {"first": quarter - 96, "until": quarter + 96, "at": house.clock.now()}
        await connection.execute(insert(LOCK).values(**month, **span))
    house.clock.set(START + 71 * MINUTE)
    await house.tell(event("train", "stop", 30), position=2)
    await house.tell(event("other", "start", 45, NODES[:1]), position=3)
    for minute in (72, 74):
        assert await house.accountant.account(START + minute * MINUTE) == 0
    told = await house.workloads.statement(Wanted("gdansk", HOUR), "job")
    assert [(one.job, one.amounts) for one in told.accounts] == [("train", signed)]
    assert [(one.period, one.first, one.until) for one in told.waiting] == [
        ("2026-10", quarter + 2, quarter + 96)
    ]
    async with house.plant.database.begin() as connection:
        more = {"number": 1, "cause": 1, "at": START + 75 * MINUTE, "reason": "late"}
        await connection.execute(insert(RESTATEMENT).values(**month, **more))
    assert await house.accountant.account(START + 76 * MINUTE) == 2
    told = await house.workloads.statement(Wanted("gdansk", HOUR), "job")
    assert [(one.job, one.amounts.total_wh) for one in told.accounts] == [("train", 3000), ("other", 750)]
    assert told.waiting == []
    assert await house.of("train", as_of=START + 74 * MINUTE) == signed


async def test_what_the_site_withholds_is_not_known_of_its_jobs_either(house: House) -> None:
    """No mix of the grid is told: grams are not known, and not those of another figure."""
    await house.run()
    hour = house.plant.frame("grid/LT", [START + 5 * MINUTE], {"carbon_g_per_kwh": [90.0]})
    await house.plant.feed(hour)
    await house.tell(event("train", "start", 0, NODES))
    await house.account()
    amounts = await house.of("train")
    assert amounts is not None
    assert amounts.total_wh == 6000
    assert (amounts.co2_location_g, amounts.co2_market_g) == (None, None)
