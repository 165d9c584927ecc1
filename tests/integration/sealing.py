"""Seals the days of a database until it is killed; run by :mod:`tests.integration.test_seal_after_kill`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import energy.settlement.ledger  # noqa: F401 - whose rooms declare the tables
from energy.interval import QUARTER_MS, Period
from energy.proof.act import Act
from energy.proof.key import SigningKey
from energy.proof.locking import lock_month
from energy.proof.seal import seal_days
from energy.reading.reader import LedgerFigures
from runtime.clock import from_ms
from runtime.database import Database
from telemetry.series import SeriesRegistry
from telemetry.stores.memory import MemoryOptions, MemoryStore
from tests.unit.energy.plant import site


async def main(url: str, key: str, first: str, until: str, at: str) -> None:
    """Seal all days, then lock ``first <= q < until``."""
    database = Database(url)
    now = from_ms(int(at))
    await seal_days(database, "gdansk", now)
    span = Period(from_ms(int(first) * QUARTER_MS), from_ms(int(until) * QUARTER_MS))
    store = MemoryStore(MemoryOptions(), SeriesRegistry(), Path(key).parent)
    figures = LedgerFigures(database, store, {"gdansk": site()})
    month = "gdansk", "2026-10", span
    await lock_month(database, figures, SigningKey(Path(key)), month, Act("Ola", now))


asyncio.run(main(*sys.argv[1:]))
