"""Fixtures that every ring of tests uses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.mosquitto import mosquitto
from tests.servers.process import Server


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Server]:
    """A running mosquitto; ``broker.port`` tells where."""
    server = mosquitto(tmp_path)
    server.start()
    yield server
    server.stop()
