"""What we use of the MQTT libraries that they do not promise is there, and its absence is told at once."""

from __future__ import annotations

import re
from pathlib import Path

import aiomqtt
import pytest
from mqttium.api import AsyncClient

from collectors.private.aiomqtt import PahoInside
from collectors.private.member import member
from collectors.private.mqttium import PACKET_IDS, WindowInside
from runtime.errors import ServiceError, SourceError

ROOM = Path(__file__).resolve().parents[3] / "collectors"
FOREIGN = re.compile(r"\b(?!self\b|cls\b)\w+(\(\))?(\.\w+)*\._[a-z]|\bself\._\w+\._[a-z]")
"""A private member of somebody else's."""


async def test_the_installed_libraries_have_what_we_reach_into() -> None:
    inside = PahoInside(aiomqtt.Client("127.0.0.1"))
    inside.close_socket()  # nothing is open: harmless, as after a failed connection
    assert inside.paho.socket() is None
    client = AsyncClient("probe")
    WindowInside(client).widen()
    assert client._engine.inbound._receive_maximum == PACKET_IDS


def test_a_library_that_has_changed_ends_the_service_with_the_fix() -> None:
    class Client:
        """One that was renamed inside."""

    with pytest.raises(
        ServiceError, match=r"aiomqtt 2\.\S+ has no Client\._client.*requirements\.lock"
    ) as told:
        member(Client(), "_client", "aiomqtt")
    assert not isinstance(told.value, SourceError)  # that would be tried again for ever


def test_nothing_else_of_the_collectors_reaches_into_others() -> None:
    files = [path for path in ROOM.rglob("*.py") if path.parent.name != "private"]
    assert len(files) > 10
    guilty = {
        f"{path.relative_to(ROOM)}: {line.strip()}"
        for path in files
        for line in path.read_text(encoding="utf-8").splitlines()
        if FOREIGN.search(line.partition("#")[0])
    }
    assert not guilty
