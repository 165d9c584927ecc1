"""Fixtures that every ring of tests uses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.servers.mosquitto import mosquitto
from tests.servers.process import Server

# A busy machine may take longer over one example than hypothesis allows; time is not what is tested.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Server]:
    """A running mosquitto; ``broker.port`` tells where."""
    server = mosquitto(tmp_path)
    server.start()
    yield server
    server.stop()
