"""A replay from one view of its period tells what one tells that reads the ledger for each question."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import func, select

from alerts.options import AlertOptions
from alerts.reading import IssuedReport, Reading
from alerts.replay import Replay, Replayed
from alerts.tables import alert, alert_transition, outbox
from energy.interval import Period
from energy.reading.reader import LedgerFigures
from energy.targets.target import TargetOptions
from runtime.clock import to_ms
from runtime.database import Database
from telemetry.frame import Floats, Frame
from telemetry.live import LiveState
from tests.unit.energy.plant import START, Plant, site

SETTLED = datetime(2026, 11, 2, 8, tzinfo=UTC)
WINDLESS = Period(datetime(2026, 10, 30, 18, tzinfo=UTC), datetime(2026, 10, 31, 4, tzinfo=UTC))
GAP = Period(datetime(2026, 10, 31, 6, tzinfo=UTC), datetime(2026, 10, 31, 9, 30, tzinfo=UTC))
RESET = datetime(2026, 10, 31, 14, 20, tzinfo=UTC)
COSTLY = Period(datetime(2026, 11, 1, 2, tzinfo=UTC), datetime(2026, 11, 1, 5, tzinfo=UTC))
DEAD = Period(datetime(2026, 11, 1, 12, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))
SHOWN = Period(datetime(2026, 10, 31, 2, tzinfo=UTC), SETTLED - timedelta(hours=2, minutes=20))
"""The turn of a month, with all of it."""

TURN = Period(datetime(2026, 10, 31, 17, tzinfo=UTC), datetime(2026, 11, 1, 8, tzinfo=UTC))
"""Its middle, as far as the same is also read anew for each question."""

TARGETS = [
    TargetOptions(name="matched", site="gdansk", goal=0.97),
    TargetOptions(name="daily", site="all", metric="ref", goal=0.8, period="day"),
    TargetOptions(name="carbon-free", site="gdansk", metric="cfe_score", goal=0.95),
]


TABLES = (alert, alert_transition, outbox)


class Nothing:
    """An index of reports without one."""

    async def entries(self, site: str | None = None) -> Sequence[IssuedReport]:
        return []


class Anew(LedgerFigures):
    """Figures that keep no look at the ledger: each question is read and worked out for itself."""

    def snapshot(self, over: Period | None = None) -> LedgerFigures:
        return self


def within(at: np.ndarray, period: Period) -> np.ndarray:
    return (at >= to_ms(period.start)) & (at < to_ms(period.end))


def readings(plant: Plant) -> list[Frame]:
    """A month of registers read every five minutes."""
    at = np.arange(to_ms(START - timedelta(minutes=10)), to_ms(SETTLED + timedelta(minutes=20)), 300_000)
    times = [datetime.fromtimestamp(ms / 1000, UTC) for ms in at]
    heavy = np.where(within(at, COSTLY), 13e3, 10e3)
    inlet = np.cumsum(heavy) / 12
    inlet = np.where(at >= to_ms(GAP.end), inlet - inlet[at >= to_ms(GAP.end)][0], inlet)  # exchanged
    it = np.cumsum(np.full(len(at), 8500.0)) / 12
    it = np.where(at >= to_ms(RESET), it - it[at >= to_ms(RESET)][0], it)
    sun = np.cumsum(np.where((at // 3_600_000) % 24 // 6 == 1, 2000.0, 0.0)) / 12
    wind = np.cumsum(np.where(within(at, WINDLESS), 0.0, 9500.0)) / 12

    silent = {"meter/gdansk/main-1": GAP, "meter/kaunas/main-1": DEAD}

    def frame(topic: str, values: Floats, field: str = "energy_wh") -> Frame:
        there = ~within(at, silent[topic]) if topic in silent else np.ones(len(at), dtype=bool)
        kept = [moment for moment, is_there in zip(times, there, strict=True) if is_there]
        return plant.frame(topic, kept, {field: values[there]})

    mix = {"carbon_free_share": np.full(len(at), 0.4), "carbon_g_per_kwh": np.full(len(at), 600.0)}
    return [
        frame("meter/gdansk/main-1", inlet),
        frame("meter/gdansk/ups-a", it),
        frame("supply/gdansk/pv-roof", sun),
        frame("supply/gdansk/ppa-wind-1", wind),
        frame("meter/kaunas/main-1", np.cumsum(np.full(len(at), 5e3)) / 12),
        plant.frame("grid/PL", times, mix),
    ]


@pytest.fixture
async def plant(tmp_path: Path) -> AsyncIterator[Plant]:
    """Two sites, settled over a month."""
    meters = [
        {"id": "main-1", "role": "utility", "period": "5m", "exports": "none"},
        {"id": "ups-a", "role": "it", "category": "pue1", "period": "5m"},
    ]
    supply = [
        {"id": "pv-roof", "kind": "onsite_solar", "period": "5m"},
        {"id": "ppa-wind-1", "kind": "ppa_wind", "zone": "PL", "period": "5m"},
    ]
    plant = Plant(
        tmp_path,
        {
            "gdansk": site(meter=meters, supply=supply, pue_limit=1.3),
            "kaunas": site(name="Kaunas", zone="Europe/Vilnius", meter=meters[:1]),
        },
    )
    await plant.open()
    await plant.feed(*readings(plant))
    await plant.ledger.settle(SETTLED + timedelta(minutes=2))
    yield plant
    await plant.close()


async def replayed(plant: Plant, kind: type[LedgerFigures], period: Period) -> list[Replayed]:
    figures = kind(plant.database, plant.store, plant.sites)
    live = LiveState(plant.registry)
    reading = Reading(plant.sites, TARGETS, figures, live, ingest=None, reports=Nothing())  # type: ignore[arg-type]
    return [change async for change in Replay(AlertOptions().rules(), reading).run(period)]


async def rows(database: Database) -> list[int]:
    async with database.read() as connection:
        found = [await connection.scalar(select(func.count()).select_from(t)) for t in TABLES]
    return [number or 0 for number in found]


async def test_one_view_tells_what_reading_anew_tells(plant: Plant) -> None:
    assert await replayed(plant, LedgerFigures, TURN) == await replayed(plant, Anew, TURN) != []


async def test_a_replay_tells_all_alarms_and_posts_none(plant: Plant) -> None:
    at_once = await replayed(plant, LedgerFigures, SHOWN)
    fired = {change.key for change in at_once if change.told}
    assert fired >= {
        "target/matched/at-risk",
        "target/daily/missed",
        "target/daily/at-risk",
        "completeness/kaunas/main-1",
        "pue/gdansk",
        "report/gdansk",
    }
    assert await rows(plant.database) == [0, 0, 0]


async def test_a_part_of_a_longer_replay_judges_the_same_figures(plant: Plant) -> None:
    """However much is read before and after, a quarter-hour is judged by what was settled then."""
    whole = Period(START - timedelta(days=40), SETTLED + timedelta(days=3))
    wide = LedgerFigures(plant.database, plant.store, plant.sites).snapshot(over=whole)
    plain = LedgerFigures(plant.database, plant.store, plant.sites)
    for end in (START + timedelta(days=1), WINDLESS.end, GAP.end, SETTLED):
        for length in (timedelta(hours=1), timedelta(days=1), timedelta(days=31)):
            part = Period(end - length, end)
            for key in ("gdansk", "kaunas", "all"):
                for _asked_again in range(2):
                    assert await wide.kpi(key, part) == await plain.kpi(key, part)
                    assert await wide.mix(key, part) == await plain.mix(key, part)
                    assert await wide.statements(key, part) == await plain.statements(key, part)
    named = await wide.statements("gdansk", SHOWN, only={"ups-a"})
    assert named == [s for s in await plain.statements("gdansk", SHOWN) if s.meter == "ups-a"]
    assert named


async def test_a_correction_changes_no_snapshot_and_the_next_one(plant: Plant) -> None:
    figures = LedgerFigures(plant.database, plant.store, plant.sites)
    snapshot, part = figures.snapshot(over=SHOWN), Period(GAP.start, GAP.end)
    before = await snapshot.kpi("gdansk", part)
    late = [GAP.start + n * timedelta(minutes=5) for n in range(42)]
    count = (to_ms(GAP.start) - to_ms(START)) / 3.6e6 * 10e3 + np.arange(42) * 10e3 / 12
    await plant.feed(plant.frame("meter/gdansk/main-1", late, {"energy_wh": np.rint(count) + 2500}))
    await plant.ledger.settle(SETTLED + timedelta(minutes=5))
    assert await snapshot.kpi("gdansk", part) == before
    (after,) = await figures.snapshot(over=SHOWN).kpi("gdansk", part)
    assert after != before[0]
    assert after == replace(after, edc_wh=(await figures.kpi("gdansk", part))[0].edc_wh)
