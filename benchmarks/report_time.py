"""How long a monthly report takes, and how long it holds up the event loop meanwhile.

Prints seconds for building and for each format, the size of each file, and the longest time for which the
event loop did not come round while the desk issued the report. ``--registers`` sets the size of the site.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import tempfile
import time
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from energy.configuration.site import SiteOptions
from energy.figures import KpiRow, LedgerRow, MeterStatement, MixRow
from energy.interval import Period, Step, month
from energy.targets.target import TargetOptions
from reports.desk import Desk
from reports.monthly import Material, build
from reports.renderer import renderers
from runtime.clock import ManualClock
from runtime.database import Database
from tests.fakes.board import MemoryBoard
from tests.fakes.figures import SyntheticFigures, site

MONTH = "2026-10"
TARGET = TargetOptions(name="100-percent-green", site="gdansk")


class ManyRegisters(SyntheticFigures):
    """The synthetic site with many registers; what was once read is at hand, to measure the desk alone."""

    def __init__(self, sites: dict[str, SiteOptions], settled: datetime) -> None:
        super().__init__(sites, settled)
        self.kept: list[LedgerRow] = []
        self.registers: list[str] = []
        self.sums: dict[tuple[Step | None, Period], list[KpiRow]] = {}
        self.mixes: dict[tuple[Step | None, Period], list[MixRow]] = {}

    async def fill(self, period: Period, registers: int) -> None:
        """Make the rows of ``period``."""
        self.kept = list(await super().rows("gdansk", period))
        self.registers = [f"meter-{number}" for number in range(registers)]

    async def kpi(
        self,
        site: str,
        period: Period,
        step: Step | None = None,
        as_of: datetime | None = None,
        only: Collection[str] | None = None,
    ) -> list[KpiRow]:
        if (step, period) not in self.sums:
            self.sums[step, period] = await super().kpi(site, period, step)
        return self.sums[step, period]

    async def mix(
        self, site: str, period: Period, step: Step | None = None, as_of: datetime | None = None
    ) -> list[MixRow]:
        if (step, period) not in self.mixes:
            self.mixes[step, period] = await super().mix(site, period, step)
        return self.mixes[step, period]

    async def rows(
        self, site: str, period: Period, meter: str | None = None, as_of: datetime | None = None
    ) -> Sequence[LedgerRow]:
        return [replace(row, meter=meter or row.meter) for row in self.kept]

    async def statements(
        self,
        site: str,
        period: Period,
        as_of: datetime | None = None,
        only: Collection[str] | None = None,
    ) -> list[MeterStatement]:
        n = period.quarters
        return [MeterStatement(name, "energy", "other", 1.0, n, n, 0, 0, 0) for name in self.registers]


async def run(registers: int) -> None:
    """Build, render each format, issue through the desk, and print."""
    sites = {"gdansk": site()}
    period = month(MONTH, sites["gdansk"].tz)
    figures = ManyRegisters(sites, period.end)
    await figures.fill(period, registers)
    material = Material(figures, MemoryBoard(), sites, (TARGET,))
    started = time.perf_counter()
    report = await build("gdansk", MONTH, period.end, material)
    print(f"build  {time.perf_counter() - started:6.2f} s  {registers} registers")  # noqa: T201 - its output
    for name, renderer in renderers().items():
        started = time.perf_counter()
        size = len(renderer.render(report))
        print(f"{name:5s}  {time.perf_counter() - started:6.2f} s  {size:>9} B")  # noqa: T201
    gc.freeze()  # as the service does once it is built: its own objects are then never walked again
    held = await _issue(material, period.end)
    print(f"event loop held up for at most {held * 1000:.0f} ms")  # noqa: T201


async def _issue(material: Material, at: datetime) -> float:
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite+aiosqlite:///{folder}/state.db")
        await database.create_all()
        desk = Desk(material, database, Path(folder) / "reports", ManualClock(at))
        issuing = asyncio.create_task(desk.issue("gdansk", MONTH))
        longest, last = 0.0, time.perf_counter()
        while not issuing.done():
            await asyncio.sleep(0.001)
            now = time.perf_counter()
            longest, last = max(longest, now - last), now
        await issuing
        await database.close()
    return longest


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--registers", type=int, default=40)
    asyncio.run(run(parser.parse_args().registers))
