"""Fixtures of the energy tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from runtime.database import Database
from tests.unit.energy.plant import Plant, site


@pytest.fixture
async def plant(tmp_path: Path, database: Database) -> AsyncIterator[Plant]:
    """An opened plant with one plain site, ``gdansk``."""
    opened = Plant(tmp_path, {"gdansk": site()}, database=database)
    await opened.open()
    yield opened
    await opened.close()
