"""The month is played once for all tests of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests.acceptance.mailbox import Mailbox
from tests.acceptance.play import Played, play
from tests.servers.mosquitto import mosquitto


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """The month after three kills, every row stored, every check run; the service still answers."""
    folder = tmp_path_factory.mktemp("month")
    broker, mailbox = mosquitto(folder), Mailbox()
    broker.start()
    mailbox.start()
    try:
        month = asyncio.run(play(folder, broker.port, mailbox))
        yield month
        month.client.close()
        month.service.stop()
    finally:
        mailbox.stop()
        broker.stop()
