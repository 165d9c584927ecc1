"""Fixtures of the energy tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.unit.energy.plant import Plant, site


@pytest.fixture
async def plant(tmp_path: Path) -> AsyncIterator[Plant]:
    """An opened plant with one plain site, ``gdansk``."""
    opened = Plant(tmp_path, {"gdansk": site()})
    await opened.open()
    yield opened
    await opened.close()
