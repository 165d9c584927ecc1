"""Whoever asks whether the service is ready hears of a ledger that cannot settle."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import service
from runtime.clock import ManualClock
from settings import resolve

NOW = datetime(2026, 10, 5, 12, tzinfo=UTC)


class Restarting:
    """A ledger whose first settlements end with ``errors``; then it settles."""

    def __init__(self, *errors: Exception) -> None:
        self._errors = list(errors)
        self.settled: list[datetime] = []

    async def settle(self, at: datetime) -> None:
        if self._errors:
            raise self._errors.pop(0)
        self.settled.append(at)


async def test_a_ledger_that_cannot_settle_and_a_store_that_cannot_write_are_no_readiness(
    tmp_path: Path,
) -> None:
    tables = {"service": {"data_dir": str(tmp_path)}, "broker": {"url": "mqtt://127.0.0.1:1"}}
    async with service.build(resolve(tables), ManualClock(NOW)) as built:
        assert await built.problems() == ["broker: not connected yet"]
        told: list[list[str]] = []

        class Full(Restarting):
            async def settle(self, at: datetime) -> None:
                told.append(await built.problems())
                await super().settle(at)

        built.check.ledger = Full(OSError(28, "No space left on device"))
        await built.check.settle(NOW)
        assert told[0] == ["broker: not connected yet"]
        assert told[1][1:] == ["ledger: not settled: [Errno 28] No space left on device"]
        assert await built.problems() == told[0]
        assert [one.name for one in built.vital] == ["duckdb", "ledger", "rollups"]
        for follower in built.vital:
            follower.error = "the disk is full"
        assert (await built.problems())[1:] == [
            "store duckdb: the disk is full",
            "store ledger: the disk is full",
            "store rollups: the disk is full",
        ]
