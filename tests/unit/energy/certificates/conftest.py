"""Fixtures of the tests of certificates."""

from __future__ import annotations

import pytest

from runtime.database import Database
from tests.unit.energy.certificates.vault import Vault


@pytest.fixture
def vault(database: Database) -> Vault:
    """An empty account at every registry, on SQLite and on PostgreSQL."""
    return Vault(database)
