"""Fixtures of the energy tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.unit.energy.plant import Plant, site

# A busy machine may take longer over one example than hypothesis allows; time is not what is tested.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


@pytest.fixture
async def plant(tmp_path: Path) -> AsyncIterator[Plant]:
    """An opened plant with one plain site, ``gdansk``."""
    opened = Plant(tmp_path, {"gdansk": site()})
    await opened.open()
    yield opened
    await opened.close()
