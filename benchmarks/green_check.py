"""What one scheduled green check costs on the demo's two sites and four targets.

Half a month is settled first; then quarter after quarter arrives, is settled and is checked: CPU milliseconds
of the whole process, threads of the stores included. Then the same checks are asked again the way a schedule
catches up, with nothing settled between them, and after them those of the first days: a past that began more
than two months before what is settled. ``--checks`` sets how many there are of each; statements are counted.
At last pages are asked for, by the application itself: each for the first time, and five times again.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import fmean, median

import httpx
import numpy as np
from sqlalchemy import Engine, event

import service
from alerts.verdict import Cadence
from energy.configuration.device import DISCHARGE, Channel, Device, devices
from energy.configuration.site import SiteOptions
from energy.interval import QUARTER, Period
from runtime import log
from runtime.clock import ManualClock, to_ms
from settings import resolve
from simulator.demo import demo_settings
from telemetry.catalogue import GRID
from telemetry.frame import Frame
from telemetry.series import SeriesRegistry

START = datetime(2026, 9, 27, tzinfo=UTC)
CHECKED = datetime(2026, 10, 16, 6, tzinfo=UTC)
PAST = START + timedelta(days=2)
GRACE = timedelta(minutes=2)
_PAGES = {
    "overview": "/",
    "green": "/green",
    "why_matched": "/why/hourly_matched?site=gdansk",
    "why_cue": "/why/cue?site=gdansk",
}
_AGAIN = 5
_PERIOD_MS = 300_000
_WATTS = {"utility": 4e4, "it": 3e4, "cooling": 4e3, "other": 1e3, "onsite_solar": 5e3, "battery": 2e3}
_GIVES_BACK = 0.8
"""Of what a battery took: less than its round trip leaves, so that it never gives what it does not hold."""


class Readings:
    """Registers of every device of both sites: plants give by day, and batteries at night."""

    def __init__(self, registry: SeriesRegistry, sites: Mapping[str, SiteOptions]) -> None:
        self._registry, self._sites = registry, sites

    def between(self, span: Period) -> list[Frame]:
        """A reading each five minutes of each device in ``span``."""
        at = np.arange(to_ms(span.start), to_ms(span.end), _PERIOD_MS, dtype=np.int64)
        return [*self._metered(at), *self._mix(at)]

    def _metered(self, at: np.ndarray) -> Iterator[Frame]:
        for key, site in self._sites.items():
            for number, device in enumerate(devices(key, site)):
                columns = {c.field: _counted(device, number, c, at) for c in device.channels if c.required}
                series = self._registry.id(device.measurement, (key, device.id))
                yield Frame(device.measurement, np.full(len(at), series, dtype=np.int32), at, columns)

    def _mix(self, at: np.ndarray) -> Iterator[Frame]:
        for zone in {site.grid for site in self._sites.values()}:
            hours = at[at % 3_600_000 == 0]
            series = np.full(len(hours), self._registry.id(GRID, (zone,)), dtype=np.int32)
            share, carbon = np.full(len(hours), 0.4), np.full(len(hours), 600.0)
            yield Frame(GRID, series, hours, {"carbon_free_share": share, "carbon_g_per_kwh": carbon})


def _counted(device: Device, number: int, channel: Channel, at: np.ndarray) -> np.ndarray:
    """What the register of ``channel`` shows ``at`` each time."""
    hours = (at - to_ms(START)) / 3.6e6
    swing = 12 / np.pi * np.sin(hours * np.pi / 12)
    watts = _WATTS.get(device.role, 2e4) + 10.0 * number
    if channel.name == DISCHARGE:
        return 1e6 + np.rint(_GIVES_BACK * watts * (hours + swing))
    sunny = device.role.startswith(("onsite", "ppa", "battery"))
    return 1e6 + np.rint(watts * (hours - swing if sunny else hours))


@contextlib.contextmanager
def _asked() -> Iterator[Counter[str]]:
    """How many statements the database is asked meanwhile."""
    found: Counter[str] = Counter()

    def count(*_: object) -> None:
        found["all"] += 1

    event.listen(Engine, "before_cursor_execute", count)
    yield found
    event.remove(Engine, "before_cursor_execute", count)


async def measure(folder: Path, checks: int) -> dict[str, float]:
    """Mean and median CPU milliseconds per check, as quarters arrive, catching up, and of long ago."""
    clock = ManualClock(CHECKED)
    configuration = resolve(demo_settings(folder, 1, 0) | {"auth": {"anonymous": "viewer"}})
    async with service.build(configuration, clock) as built:
        (follow,) = (part.run for part in built.quiet_components if part.name == "journal followers")
        following = asyncio.ensure_future(follow())
        readings = Readings(built.journal.registry, configuration.settings.sites)
        await _arrive(built, readings, Period(START, CHECKED))
        await built.check.ledger.settle(CHECKED + GRACE)
        live, settling = [], []
        for number in range(checks):
            end = CHECKED + (number + 1) * QUARTER
            await _arrive(built, readings, Period(end - QUARTER, end + timedelta(minutes=1)))
            begun = time.process_time()
            await built.check.ledger.settle(end + GRACE)
            settling.append(time.process_time() - begun)
            live.append(await _check(built, end + GRACE))
        with _asked() as late_statements:
            late = [await _check(built, CHECKED + n * QUARTER + GRACE) for n in range(checks)]
        with _asked() as past_statements:
            past = [await _check(built, PAST + n * QUARTER + GRACE) for n in range(checks)]
        pages = await _pages(built)
        following.cancel()
    told = {"check": live[1:], "catching_up": late[1:], "past": past[1:], "settle": settling[1:]}
    counted = {"catching_up": late_statements, "past": past_statements}
    statements = {f"{name}_statements": round(found["all"] / checks, 1) for name, found in counted.items()}
    return (
        statements
        | pages
        | {
            f"{name}_{kind}_ms": round(1000 * of(seconds), 1)
            for name, seconds in told.items()
            for kind, of in (("mean", fmean), ("median", median))
        }
    )


async def _pages(built: service.Service) -> dict[str, float]:
    """CPU milliseconds of each page: the first time, and in the mean of :data:`_AGAIN` times more."""
    transport, found = httpx.ASGITransport(built.server.app), {}
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        for name, path in _PAGES.items():
            spent = []
            for _ in range(1 + _AGAIN):
                begun = time.process_time()
                answer = await client.get(path)
                spent.append(1000 * (time.process_time() - begun))
            if answer.status_code == httpx.codes.OK:
                found |= {f"{name}_first_ms": round(spent[0], 1), f"{name}_ms": round(fmean(spent[1:]), 1)}
    return found


async def _arrive(built: service.Service, readings: Readings, span: Period) -> None:
    await built.journal.append(readings.between(span))
    await built.check.ledger.settle(span.start)  # it waits until all that arrived is stored and marked


async def _check(built: service.Service, at: datetime) -> float:
    begun = time.process_time()
    await built.watch.evaluate(at, Cadence.LEDGER)
    return time.process_time() - begun


def main() -> None:
    """Print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checks", type=int, default=72)
    chosen = parser.parse_args()
    log.configure("error")
    with tempfile.TemporaryDirectory() as folder:
        told = asyncio.run(measure(Path(folder), chosen.checks))
    print(json.dumps(told))  # noqa: T201 - the figures are what it is run for


if __name__ == "__main__":
    main()
