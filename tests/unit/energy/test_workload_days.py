"""Sums by day are the sums of the intervals, whatever was written again and whenever it broke off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, insert, or_, select, text

from energy.figures import ALL
from energy.interval import Period
from energy.workloads.days import DAY_QUARTERS
from energy.workloads.flag import Flag
from energy.workloads.keeping import newest, save
from energy.workloads.lines import Wanted, stretches
from energy.workloads.reckoning import Line, Reckoned
from energy.workloads.share import WHOLE, GpuEnergy, SiteInterval, cut
from energy.workloads.state import Payer, Reached, moment, save_reached
from energy.workloads.statement import By, Workloads
from energy.workloads.tables import DAY, INTERVAL, JOB, OWNER, WORK
from runtime.database import Database
from runtime.migrate import upgrade

KNOWN = datetime(2026, 11, 20, tzinfo=UTC)
LATER = KNOWN + timedelta(days=365)
FIRST = 20_000 * DAY_QUARTERS
UNTIL = FIRST + 3 * DAY_QUARTERS - 20
PAYERS = [Payer(1, 1), Payer(2, 1), Payer(2, 2), Payer(3, 2), Payer(4, 3)]
BY: Sequence[By] = ("tenant", "project", "job")


class _Killed(Exception):
    """Ends a transaction before it is written."""


class Keeper:
    """Writes chance accounts of one site over three days, again and again."""

    def __init__(self, database: Database, seed: int) -> None:
        self.database, self.chance = database, Random(seed)
        self._written = 0

    async def open(self) -> None:
        async with self.database.begin() as connection:
            owners = [{"id": n, "tenant": f"t{n // 2}", "project": f"p{n}"} for n in (1, 2, 3)]
            await connection.execute(insert(OWNER), owners)
            known = {"site": "gdansk", "tenant": "", "project": "", "name": "", "heard": KNOWN, "flags": 0}
            await connection.execute(insert(JOB), [known | {"id": n, "job": f"j{n}"} for n in (1, 2, 3, 4)])
            await save_reached(connection, "gdansk", Reached(FIRST, UNTIL, 0))

    async def write(self, quarters: Sequence[int], *, killed: bool = False) -> None:
        """Accounts of these intervals, whatever they were before."""
        self._written += 1
        at = KNOWN + timedelta(minutes=self._written)
        async with self.database.begin() as connection:
            known = await newest(connection, "gdansk", (min(quarters), max(quarters) + 1))
            fresh = [self._interval(quarter) for quarter in quarters]
            await save(connection, "gdansk", fresh, (known, at))
            if killed:
                raise _Killed

    def _interval(self, quarter: int) -> tuple[Reckoned, SiteInterval]:
        told = [self._maybe(limit) for limit in (5000, 4000, 3000, 2000, 90_000, 40_000)]
        site = SiteInterval(*told, sure=self.chance.random() > 0.1)
        who = sorted(self.chance.sample(range(len(PAYERS)), self.chance.randint(0, len(PAYERS))))
        flags = (Flag(0), Flag.SHARED, Flag.SHARED | Flag.OVERSOLD, Flag.UNKNOWN_GPU, Flag.BY_COUNTER)
        lines = [
            Line(PAYERS[one], self.chance.randint(0, 900), 900, self.chance.choice(flags)) for one in who
        ]
        energy = GpuEnergy([self.chance.randint(0, 700_000) for _ in who], 5_000, 0)
        return Reckoned(quarter, lines, cut(site, energy), 3_000, 4_500), site

    def _maybe(self, limit: int) -> int | None:
        return None if self.chance.random() < 0.1 else self.chance.randint(1, limit)


async def assert_days_tell_what_intervals_tell(
    database: Database, site: str, span: tuple[int, int], **asked: str
) -> None:
    """The same question about what is known now and as of much later: the latter reads intervals only."""
    wanted = Wanted(site, Period(moment(span[0]), moment(span[1])), **asked)
    workloads, later = Workloads(database), replace(wanted, as_of=LATER)
    assert await workloads.statements(wanted, BY) == await workloads.statements(later, BY)
    assert await workloads.total(wanted) == await workloads.total(later)


@pytest.mark.parametrize("seed", [1, 2])
async def test_sums_by_day_are_sums_of_the_intervals_after_all_that_was_written_again(
    database: Database, seed: int
) -> None:
    keeper = Keeper(database, seed)
    await keeper.open()
    await keeper.write(range(FIRST, UNTIL, 4))
    for number in range(6):
        again = sorted(keeper.chance.sample(range(FIRST, UNTIL), 9))
        if number % 3:
            await keeper.write(again)
        else:
            with pytest.raises(_Killed):
                await keeper.write(again, killed=True)
    spans = [sorted(keeper.chance.sample(range(FIRST - 50, UNTIL + 70), 2)) for _ in range(3)]
    for first, until in [(FIRST, FIRST + 3 * DAY_QUARTERS), *spans]:
        await assert_days_tell_what_intervals_tell(database, ALL, (first, until))
        await assert_days_tell_what_intervals_tell(database, "gdansk", (first, until), tenant="t1")
        await assert_days_tell_what_intervals_tell(database, "gdansk", (first, until), job="j2")


async def test_a_job_that_had_nothing_of_a_day_after_all_is_forgotten_there(database: Database) -> None:
    keeper = Keeper(database, 4)
    await keeper.open()
    site = SiteInterval(1000, 900, 0, 0, None, None)
    had = Reckoned(FIRST, [Line(PAYERS[0], 1, 1, Flag(0))], cut(site, GpuEnergy([5], 0, 0)), 1, 1)
    for lines in ([had], [Reckoned(FIRST, [], cut(site, GpuEnergy([], 5, 0)), 1, 1)]):
        async with database.begin() as connection:
            known = await newest(connection, "gdansk", (FIRST, FIRST + 1))
            await save(connection, "gdansk", [(one, site) for one in lines], (known, KNOWN))
    async with database.read() as connection:
        assert await connection.scalar(select(func.count()).select_from(DAY)) == 0


async def test_what_was_kept_before_there_were_days_is_summed(database: Database) -> None:
    keeper = Keeper(database, 5)
    await keeper.open()
    for _ in range(2):
        await keeper.write(range(FIRST, UNTIL, 9))
    known = [column for column in DAY.c if column.server_default is None]
    every = select(*known).order_by(DAY.c.day, DAY.c.job, DAY.c.owner)
    async with database.begin() as connection:
        before = (await connection.execute(every)).all()
        await connection.execute(text("DROP TABLE workload_day"))
        await connection.execute(text("UPDATE alembic_version SET version_num = '0015'"))
    await upgrade(database, "0016")
    async with database.read() as connection:
        assert (await connection.execute(every)).all() == before != []


async def test_what_was_kept_before_there_were_bounds_has_the_whole_for_its_part(database: Database) -> None:
    keeper = Keeper(database, 6)
    await keeper.open()
    await keeper.write(range(FIRST, UNTIL, 9))
    gone = [column.name for column in DAY.c if column.server_default is not None]
    async with database.begin() as connection:
        for table in ("interval", "account"):
            await connection.execute(text(f"UPDATE workload_{table} SET flags = flags & 255"))
            await connection.execute(text(f"ALTER TABLE workload_{table} DROP COLUMN part"))
        for name in gone:
            await connection.execute(text(f"ALTER TABLE workload_day DROP COLUMN {name}"))
        await connection.execute(text("UPDATE alembic_version SET version_num = '0026'"))
    await upgrade(database)
    day = FIRST // DAY_QUARTERS * DAY_QUARTERS
    await assert_days_tell_what_intervals_tell(database, ALL, (day, day + 3 * DAY_QUARTERS))
    async with database.read() as connection:
        lost = (await connection.execute(select(DAY.c.lost_load).where(DAY.c.lost_load > 0))).scalars().all()
        assert lost
        assert all(parts % WHOLE == 0 for parts in lost)
        opened = await connection.scalar(select(func.count()).select_from(WORK))
        assert opened == await connection.scalar(
            select(func.count()).where(
                or_(
                    INTERVAL.c.load_wh.is_(None),
                    INTERVAL.c.co2_location_g.is_(None),
                    INTERVAL.c.co2_market_g.is_(None),
                )
            )
        )


@given(st.integers(0, 400), st.integers(1, 400), st.integers(0, 500))
@settings(max_examples=200, deadline=None)
def test_days_and_edges_are_the_period_and_nothing_else(first: int, length: int, reached: int) -> None:
    counted = dict.fromkeys(range(1000), 0)
    for one in stretches(first, first + length, reached):
        for quarter in range(one.first, one.until):
            counted[quarter] += one.sign
        assert not one.by_day or one.first % DAY_QUARTERS == one.until % DAY_QUARTERS == 0
    assert counted == {quarter: int(first <= quarter < first + length) for quarter in counted}


def test_of_a_month_and_its_edges_few_intervals_are_read() -> None:
    month = stretches(FIRST - 4, FIRST + 30 * DAY_QUARTERS - 4, FIRST + 90 * DAY_QUARTERS)
    assert [(one.until - one.first, one.sign) for one in month] == [(30 * DAY_QUARTERS, 1), (4, 1), (4, -1)]
    running = stretches(FIRST, FIRST + 70, FIRST + 70)
    assert [one.by_day for one in running] == [True, False]
    assert running[1].sign == -1
