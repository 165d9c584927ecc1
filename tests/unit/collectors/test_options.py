"""The [broker] table, and what is remembered of a session."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from collectors.connect import open_source
from collectors.decoder import DECODERS
from collectors.remembered import Remembered, recall, remember
from collectors.session import BrokerSession
from collectors.source import SOURCES, BrokerOptions
from runtime.errors import ConfigError
from settings import resolve


@pytest.mark.parametrize(
    ("url", "host", "port", "tls"),
    [
        ("mqtt://127.0.0.1", "127.0.0.1", 1883, False),
        ("mqtts://broker.example", "broker.example", 8883, True),
        ("mqtt://[::1]:1884/", "::1", 1884, False),
    ],
)
def test_where_the_url_leads(url: str, host: str, port: int, tls: bool) -> None:
    options = BrokerOptions(url=url)
    assert (options.host, options.port, options.tls) == (host, port, tls)


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({"url": "tcp://127.0.0.1:1883"}, "write mqtt://HOST:PORT"),
        ({"url": "mqtt://"}, "only scheme, host and port"),
        ({"url": "mqtt://h/topic"}, "only scheme, host and port"),
        ({"url": "mqtt://amber:secret@h"}, "use user and password_file"),
        ({"url": "mqtts://h", "cert_file": "c.pem"}, "cert_file and key_file go together"),
        ({"ca_file": "ca.pem"}, "write mqtts:// in url"),
        ({"client": "paho"}, "no MQTT client is named 'paho'; there are: aiomqtt, "),
        ({"receive_maximum": 65_536}, "less than or equal to 65535"),
    ],
)
def test_what_is_refused_names_the_fix(table: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError) as refused:
        BrokerOptions.model_validate(table)
    assert told in str(refused.value)
    assert "secret" not in str(refused.value).split("[type=")[0]


@pytest.mark.parametrize(
    "url",
    [
        "mqtt://amber:hunter2@h",
        "tcp://amber:hunter2@h:1883",
        "mqtt://amber:hunter2@h/topic",
        "mqtt://amber:hunter2@h:port",
        "mqtt://amber:hunter2@h:99999",
        "mqtt://amber:hunter2@",
        "mqtt://amber:hunter2@[h",
        "mqtt://amber:hunter2/3@h",
        "amber:hunter2@h",
        "mqtt://amber:hunter2%40h",
    ],
)
def test_a_login_in_the_url_is_never_repeated(url: str) -> None:
    with pytest.raises(ConfigError) as refused:
        resolve({"broker": {"url": url}})
    assert refused.value.problems == [
        "broker.url: a login does not belong in the url: use user and password_file"
    ]


def test_a_url_that_cannot_be_taken_apart_is_told() -> None:
    with pytest.raises(ConfigError, match=r"broker\.url: 'mqtt://\[h': Invalid IPv6 URL; write mqtt://"):
        resolve({"broker": {"url": "mqtt://[h"}})


def test_the_keepalive_is_what_mqtt_can_say() -> None:
    with pytest.raises(ConfigError, match=r"broker\.keepalive: .*less than or equal to 18 hours"):
        resolve({"broker": {"keepalive": "1d"}})


@pytest.mark.parametrize("client", [BrokerOptions().client, *SOURCES])
def test_the_client_is_chosen_by_name(client: str) -> None:
    source = open_source(BrokerOptions.model_validate({"client": client}))
    assert isinstance(source, BrokerSession)
    assert not source.connected


def test_a_client_that_is_none_is_answered_with_those_that_are() -> None:
    with pytest.raises(ConfigError) as told:
        resolve({"broker": {"client": "pigeon"}})
    assert told.value.problems == [
        f"broker.client: no MQTT client is named 'pigeon'; there are: {', '.join(SOURCES)}"
    ]
    assert {"aiomqtt", "mqtt5", "mqttium"} <= set(SOURCES)


def test_a_decoder_that_is_none_is_answered_with_those_that_are() -> None:
    with pytest.raises(ConfigError) as told:
        resolve({"ingest": {"decoder": "morse"}})
    assert told.value.problems == [
        f"ingest.decoder: no decoder is named 'morse'; there are: {', '.join(DECODERS)}"
    ]
    assert resolve({}).settings.ingest.decoder == "native"


def test_a_session_is_remembered(tmp_path: Path) -> None:
    path = tmp_path / "session.json"
    assert recall(path) is None
    session = Remembered("mqtt://h:1883", "c1", ("dc/v1/#", "extra/#"))
    remember(path, session)
    assert recall(path) == session
    path.write_text('{"url": 1}')
    assert recall(path) is None
