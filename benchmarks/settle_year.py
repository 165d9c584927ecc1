"""How long the ledger takes for a year of two sites of 60 meters each, and what its figures then cost.

Readings are stored and marked first, which is not counted; then all of the year is settled at once. A day of
one site is held back and comes late. ``--days`` and ``--meters`` change the load. Its goals are of wall clock
on an idle machine; on one with other work the CPU time shows what it would have been.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from benchmarks.figure import Figure, judged, tell
from benchmarks.ledger_house import DAY, KEYS, House
from benchmarks.metered_sites import START
from energy.interval import Period, Step, month_of
from energy.proof.check import check_site
from energy.proof.key import SigningKey
from energy.proof.seal import seal_days
from energy.reading.reader import LedgerFigures
from runtime import log

YEAR, METERS = 365, 60
GRACE = timedelta(minutes=2)


@dataclass
class Took:
    """Seconds of wall clock and of CPU, threads of stores and databases included."""

    wall: float = 0.0
    cpu: float = 0.0

    def __str__(self) -> str:
        if self.wall < 1:
            return f"{1000 * self.wall:,.0f} ms, {1000 * self.cpu:,.0f} ms CPU"
        return f"{self.wall:,.1f} s, {self.cpu:,.1f} s CPU"

    def within(self, goal: float, whole: bool) -> bool | None:
        """Whether it met ``goal``; on a machine that had other work to do nobody can say that it missed."""
        if self.wall < goal:
            return judged(True, whole)
        return None if self.cpu < goal else False


async def timed(work: Awaitable[object]) -> Took:
    """How long ``work`` takes."""
    wall, cpu = time.perf_counter(), time.process_time()
    await work
    return Took(time.perf_counter() - wall, time.process_time() - cpu)


async def measure(options: argparse.Namespace) -> list[Figure]:
    """Settle, correct, read and prove; the figures in the order of the table."""
    span = Period(START, START + options.days * DAY)
    with tempfile.TemporaryDirectory() as folder:
        built = House(Path(folder), options.meters, span, timedelta(seconds=options.period))
        async with built.opened() as house:
            await house.fill()
            whole = options.days >= YEAR and options.meters >= METERS
            return [*await _settled(house, whole), *await _read(house, whole), *await _proven(house)]


def _load(house: House) -> str:
    days = (house.span.end - house.span.start) // DAY
    length = "a year" if days == YEAR else f"{days} days"
    return f"{length} of {len(KEYS)} sites, {house.meters} meters each"


async def _settled(house: House, whole: bool) -> list[Figure]:
    rows, end = house.rows, house.span.end + GRACE
    first = await timed(house.ledger.settle(end))
    found, before = await house.written()
    await house.come_late()
    late = await timed(house.ledger.settle(end + GRACE))
    _, corrected = await house.written()
    amounts = f"{first}: {found:,} intervals from {rows:,} readings"
    counts = {"rows": house.intervals, "stored": found}
    return [
        Figure(f"settle {_load(house)}", "under 2 minutes", amounts, first.within(120, whole), counts),
        Figure(
            "settle a day of one site that came late",
            "under 1 s",
            f"{late}: {corrected - before:,} intervals corrected",
            late.within(1, whole),
        ),
    ]


async def _read(house: House, whole: bool) -> list[Figure]:
    month = month_of(house.span.end - DAY, house.sites[KEYS[0]].tz)
    await house.certify(f"{month.start + DAY:%Y-%m}")
    month, year = Period(month.start, min(month.end, house.span.end)), house.span
    told = []
    for what, period, step, goal in (
        ("a month", month, None, 0.2),
        ("a month by hours", month, Step.HOUR, None),
        ("all the time by months", year, Step.MONTH, None),
    ):
        figures = LedgerFigures(house.database, house.store, house.sites)
        cold = await timed(figures.kpi(KEYS[0], period, step))
        warm = await timed(figures.kpi(KEYS[0], period, step))
        for name, took in (("cold", cold), ("again", warm)):
            met = None if goal is None else took.within(goal, whole)
            limit = "none set" if goal is None else f"under {1000 * goal:.0f} ms"
            told.append(Figure(f"figures of {what}, {name}", limit, str(took), met))
    return told


async def _proven(house: House) -> list[Figure]:
    at = house.span.end + timedelta(hours=6)
    sealed = await timed(seal_days(house.database, KEYS[0], at))
    key = SigningKey(house.folder / "key")
    checked = await timed(check_site(house.database, KEYS[0], key))
    days = (house.span.end - house.span.start) / DAY
    return [
        Figure(f"{what} a day of one site", "none set", str(Took(took.wall / days, took.cpu / days)), None)
        for what, took in (("seal", sealed), ("verify", checked))
    ]


def main() -> None:
    """Parse, measure, tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=YEAR)
    parser.add_argument("--meters", type=int, default=METERS, help="of each site, beside its supplies")
    parser.add_argument("--period", type=int, default=60, help="seconds between readings")
    options = parser.parse_args()
    log.configure("error")
    tell(asyncio.run(measure(options)))


if __name__ == "__main__":
    main()
