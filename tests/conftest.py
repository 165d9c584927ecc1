"""Fixtures that every ring of tests uses."""

from __future__ import annotations

import logging
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import settings

from runtime.database import Database
from tests.databases import KINDS, fresh
from tests.servers.mosquitto import mosquitto
from tests.servers.process import Server

# A busy machine may take longer over one example than hypothesis allows; time is not what is tested.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

# What a shell starts in the background ignores Ctrl-C, and so would every service that a test starts.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def logs_as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a verb that runs in this process configures of logging ends with its test."""
    before, root, configure = structlog.get_config(), logging.getLogger(), structlog.configure
    handlers, level = root.handlers, root.level

    def uncached(**given: Any) -> None:
        # A cached logger keeps its configuration for good: no later test could read what it says.
        configure(**given | {"cache_logger_on_first_use": False})

    monkeypatch.setattr(structlog, "configure", uncached)
    yield
    configure(**before)
    root.handlers, root.level = handlers, level


@pytest.fixture(params=KINDS)
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """The relational state, empty: each test that asks for it runs with SQLite and with PostgreSQL."""
    async with fresh(request.param, tmp_path) as found:
        yield found


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Server]:
    """A running mosquitto; ``broker.port`` tells where."""
    server = mosquitto(tmp_path)
    server.start()
    yield server
    server.stop()
