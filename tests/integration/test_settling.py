"""The service settles through a restart of its database."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest

import service
from energy.ledger import Ledger
from runtime.clock import ManualClock
from runtime.errors import StoreError
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


@pytest.mark.parametrize("error", [ConnectionRefusedError("refused"), StoreError("gone")])
async def test_a_quarter_is_settled_once_the_database_is_back(tmp_path: Path, error: Exception) -> None:
    tables = {"service": {"data_dir": str(tmp_path)}, "broker": {"url": "mqtt://127.0.0.1:1"}}
    async with service.build(resolve(tables), ManualClock(NOW)) as built:
        ledger = Restarting(error)
        built.ledger = cast(Ledger, ledger)
        await built.settle(NOW)
        assert ledger.settled == [NOW]
