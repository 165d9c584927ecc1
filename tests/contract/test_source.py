"""What every MQTT client behind the MessageSource port must do, against a real mosquitto."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from amqtt.broker import Broker
from mqttium.api import AsyncClient, PublishMessage
from pydantic import SecretStr

from collectors.link import Dial, Login
from collectors.session import BrokerSession, Pace
from collectors.source import BrokerOptions, Message
from collectors.sources.aiomqtt import aiomqtt_source
from collectors.sources.mqtt5 import mqtt5_source
from collectors.sources.mqttium import mqttium_source
from runtime.backoff import Backoff
from tests.eventually import eventually
from tests.servers.certificates import Certificates, make_certificates
from tests.servers.mosquitto import mosquitto
from tests.servers.process import Server, binary, free_port
from tests.servers.scripted import scripted_broker

CLIENTS = {"mqtt5": mqtt5_source, "mqttium": mqttium_source, "aiomqtt": aiomqtt_source}
TOPIC = "dc/v1/gdansk/meter/main-1"


@pytest.fixture(params=sorted(CLIENTS))
def client(request: pytest.FixtureRequest) -> str:
    """The name of the client under test."""
    return str(request.param)


def table(broker: Server, client: str) -> dict[str, Any]:
    """The configuration that most tests use."""
    url = f"mqtt://127.0.0.1:{broker.port}"
    return {"url": url, "client": client, "client_id": "c1", "will_delay": "0s"}


def options(broker: Server, client: str, **more: Any) -> BrokerOptions:
    return BrokerOptions.model_validate(table(broker, client) | more)


@asynccontextmanager
async def running(chosen: BrokerOptions, memory: Path | None = None) -> AsyncIterator[BrokerSession]:
    """A source at work that waits only milliseconds where production waits minutes."""
    quick = Backoff(0.01, 0.05)
    pace = Pace(away=quick, lost=quick, refused=Backoff(0.02, 0.05))
    source = CLIENTS[chosen.client](chosen, memory=memory, pace=pace)
    task = asyncio.create_task(source.run())
    try:
        yield source
    finally:
        task.cancel()
        outcome = (await asyncio.gather(task, return_exceptions=True))[0]
        assert isinstance(outcome, asyncio.CancelledError), outcome


async def until(condition: Callable[[], Any]) -> None:
    async def probe() -> Any:
        return condition()

    await eventually(probe, 20.0)


async def take(source: BrokerSession, count: int) -> list[Message]:
    messages: list[Message] = []
    async with asyncio.timeout(20):
        while len(messages) < count:
            messages += await source.receive()
    return messages


async def send(source: BrokerSession, count: int, first: int = 0) -> None:
    for number in range(first, first + count):
        await source.publish(TOPIC, b"%d" % number)


def numbers(messages: list[Message]) -> list[int]:
    return [int(m.payload) for m in messages]


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_only_what_was_not_acknowledged_comes_again(broker: Server, client: str, protocol: str) -> None:
    chosen = options(broker, client, protocol=protocol)
    async with running(chosen) as source:
        await until(lambda: source.connected)
        await send(source, 10)
        messages = await take(source, 10)
        assert numbers(messages) == list(range(10))
        assert {m.topic for m in messages} == {TOPIC}
        assert await source.acknowledge(messages[:4]) == 4
    async with running(chosen) as source:
        assert numbers(await take(source, 6)) == [4, 5, 6, 7, 8, 9]


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_for_an_onlooker_nothing_is_kept(broker: Server, client: str, protocol: str) -> None:
    chosen = options(broker, client, protocol=protocol).passing("web")
    aside = {"client_id": "sender", "topics": ["nothing/here"], "status_topic": "sender/status"}
    async with running(options(broker, client, **aside)) as sender:
        await until(lambda: sender.connected)
        async with running(chosen) as source:
            await until(lambda: source.connected)
            await send(sender, 5)
            messages = await take(source, 5)
            assert numbers(messages) == [0, 1, 2, 3, 4]
            assert await source.acknowledge(messages) == 5
        await send(sender, 5, first=5)
        async with running(chosen) as source:
            await until(lambda: source.connected)
            await send(sender, 5, first=10)
            assert numbers(await take(source, 5)) == [10, 11, 12, 13, 14]


async def test_an_onlooker_that_comes_back_counts_no_gap(broker: Server, client: str) -> None:
    chosen = options(broker, client).passing("web")
    async with running(chosen) as source:
        await until(lambda: source.connected)
        broker.stop()
        await until(lambda: not source.connected)
        broker.start()
        await until(lambda: source.connected)
        assert source.session_gaps == 0


@asynccontextmanager
async def watching(broker: Server, client: str, name: str = "watcher") -> AsyncIterator[BrokerSession]:
    """Another client that sees what ``c1`` says of itself."""
    status = BrokerOptions().status_topic
    more = {"client_id": name, "topics": [status], "status_topic": "watcher/status"}
    async with running(options(broker, client, **more)) as other:
        await until(lambda: other.connected)
        yield other


async def test_a_killed_process_loses_nothing_that_it_held(broker: Server, client: str) -> None:
    async with watching(broker, client) as other:
        command = [sys.executable, "-m", "tests.servers.subscriber", json.dumps(table(broker, client)), "50"]
        victim = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        assert (await take(other, 1))[0].payload == b"online"
        await send(other, 50)
        assert victim.stdout is not None
        await victim.stdout.readuntil(b"holding\n")
        victim.kill()
        await victim.wait()
        assert (await take(other, 1))[0].payload == b"offline", "the last will"
        async with running(options(broker, client)) as heir:
            assert numbers(await take(heir, 50)) == list(range(50))


async def test_a_clean_end_says_offline(broker: Server, client: str) -> None:
    async with watching(broker, client) as other:
        async with running(options(broker, client)) as source:
            assert (await take(other, 1))[0].payload == b"online"
            await until(lambda: source.connected)
            assert source.problem is None
        assert (await take(other, 1))[0].payload == b"offline"
    async with watching(broker, client, "late") as late:
        kept = (await take(late, 1))[0]
        assert (kept.payload, kept.retain) == (b"offline", True)


async def test_the_unacknowledged_never_exceed_the_receive_maximum(broker: Server, client: str) -> None:
    async with running(options(broker, client, receive_maximum=20)) as source:
        await until(lambda: source.connected)
        sending = asyncio.create_task(send(source, 300))
        seen: list[int] = []
        while len(seen) < 300:
            held: list[Message] = []
            while len(held) < min(20, 300 - len(seen)):
                held += await source.receive()
                assert len(held) <= 20
            seen += numbers(held)
            await source.acknowledge(held)
        await sending
    assert seen == list(range(300))


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_a_flood_without_window_fills_no_memory(broker: Server, client: str, protocol: str) -> None:
    """QoS 0 knows no window: the client stops reading its socket, and goes on where it stopped."""
    async with (
        running(options(broker, client, receive_maximum=100, protocol=protocol)) as source,
        AsyncClient("flood") as flood,
    ):
        await until(lambda: source.connected)
        await flood.connect("127.0.0.1", broker.port)
        await flood.publish_many(PublishMessage(TOPIC, b"%d" % n) for n in range(3_000))
        seen: list[int] = []
        while len(seen) < 3_000:
            messages = await take(source, 1)
            assert len(messages) <= 100
            seen += numbers(messages)
    assert seen == list(range(3_000))


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_a_backlog_comes_through_a_small_window(broker: Server, client: str, protocol: str) -> None:
    """Mosquitto 2.0 breaks the window while it drains a backlog; that must not end the connection."""
    chosen = options(broker, client, receive_maximum=50, protocol=protocol)
    async with running(chosen) as source:
        await until(lambda: source.connected)
    async with AsyncClient("filler") as filler:
        await filler.connect("127.0.0.1", broker.port)
        receipt = await filler.publish_many(PublishMessage(TOPIC, b"%d" % n, qos=1) for n in range(2_000))
        await receipt.wait()
    async with running(chosen) as source:
        seen: list[int] = []
        while len(seen) < 2_000:
            messages = await take(source, 1)
            assert len(messages) <= 50
            await source.acknowledge(messages)
            seen += numbers(messages)
        assert seen == list(range(2_000))
        await until(lambda: source.connected)
        assert source.problem is None


async def test_a_broker_that_restarts_is_found_again(broker: Server, client: str) -> None:
    async with running(options(broker, client)) as source:
        await until(lambda: source.connected)
        await send(source, 3)
        before = await take(source, 3)
        broker.kill()
        await until(lambda: not source.connected)
        assert source.problem is not None
        broker.start()
        await until(lambda: source.connected)
        assert await source.acknowledge(before) == 0, "the connection that brought them is gone"
        assert source.session_gaps == 1, "this broker kept no session"
        await send(source, 3, first=100)
        after = await take(source, 3)
        await source.acknowledge(after)
        assert numbers(after) == [100, 101, 102]


async def test_a_disk_that_remembers_nothing_stops_nothing(
    broker: Server, client: str, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("a file where a folder should be")
    async with running(options(broker, client), memory=tmp_path / "file" / "session.json") as source:
        await until(lambda: source.connected)
        await send(source, 1)
        assert numbers(await take(source, 1)) == [0]


async def test_a_wrong_password_is_named_and_read_again(client: str, tmp_path: Path) -> None:
    users, secret = tmp_path / "users", tmp_path / "secret"
    command = [binary("mosquitto_passwd", "mosquitto"), "-b", "-c", str(users), "amber", "right"]
    await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True)
    secret.write_text("wrong\n")
    server = mosquitto(tmp_path, "allow_anonymous false", f"password_file {users}")
    server.start()
    try:
        async with running(options(server, client, user="amber", password_file=str(secret))) as source:
            await until(lambda: source.problem)
            assert "user 'amber' refused" in str(source.problem)
            assert "[broker] user and password_file" in str(source.problem)
            secret.unlink()
            await until(lambda: "cannot be read" in str(source.problem))
            secret.write_text("right\n")
            await until(lambda: source.connected)
    finally:
        server.stop()


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_a_refused_subscription_is_named_and_the_others_deliver(
    client: str, protocol: str, tmp_path: Path
) -> None:
    server = _strict_broker(tmp_path)
    server.start()
    try:
        chosen = options(server, client, protocol=protocol, topics=["dc/v1/#", "secret/#"])
        async with running(chosen) as source, running(options(server, client, client_id="c2")) as other:
            await until(lambda: "secret/# (0x8" in str(source.problem))
            await until(lambda: other.connected)
            await send(other, 2)
            assert numbers(await take(source, 2)) == [0, 1]
            assert not source.connected
    finally:
        server.stop()


def _strict_broker(folder: Path) -> Server:
    """A mosquitto whose dynamic security grants subscriptions below dc/v1 and no others."""
    rule = {"acltype": "subscribePattern", "topic": "dc/v1/#", "allow": True}
    access = {
        "publishClientSend": True,
        "publishClientReceive": True,
        "subscribe": False,
        "unsubscribe": True,
    }
    state = folder / "dynamic-security.json"
    content = {
        "defaultACLAccess": access,
        "groups": [{"groupname": "all", "roles": [{"rolename": "reader"}]}],
        "anonymousGroup": "all",
        "roles": [{"rolename": "reader", "acls": [rule]}],
    }
    state.write_text(json.dumps(content))
    found = sorted(Path("/usr/lib").glob("*/mosquitto_dynamic_security.so"))
    assert found, "mosquitto_dynamic_security.so comes with Debian's mosquitto"
    return mosquitto(folder, f"plugin {found[0]}", f"plugin_opt_config_file {state}")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def tls_broker(certificates: Certificates, tmp_path: Path) -> Iterator[Server]:
    """A mosquitto that asks for a client certificate."""
    server = mosquitto(
        tmp_path,
        f"cafile {certificates.authority}",
        f"certfile {certificates.server}",
        f"keyfile {certificates.server_key}",
        "require_certificate true",
    )
    server.start()
    yield server
    server.stop()


async def test_tls_with_a_certificate_of_our_own(
    tls_broker: Server, certificates: Certificates, client: str
) -> None:
    files = {
        "url": f"mqtts://127.0.0.1:{tls_broker.port}",
        "ca_file": str(certificates.authority),
        "cert_file": str(certificates.client),
        "key_file": str(certificates.client_key),
    }
    async with running(options(tls_broker, client, **files)) as source:
        await until(lambda: source.connected)
        await send(source, 200)
        assert numbers(await take(source, 200)) == list(range(200))


# paho drops the socket of a failed TLS handshake without closing it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_tls_without_what_it_needs_is_told(
    tls_broker: Server, certificates: Certificates, client: str, tmp_path: Path
) -> None:
    url = f"mqtts://127.0.0.1:{tls_broker.port}"
    async with running(options(tls_broker, client, url=url)) as source:
        await until(lambda: "CERTIFICATE_VERIFY_FAILED" in str(source.problem))
    async with running(options(tls_broker, client, url=url, ca_file=str(certificates.authority))) as source:
        await until(lambda: source.problem)
        assert not source.connected
    missing = str(tmp_path / "nowhere.pem")
    async with running(options(tls_broker, client, url=url, ca_file=missing)) as source:
        await until(lambda: f"[broker] ca_file {missing} is not usable" in str(source.problem))


async def test_a_session_is_taken_up_by_the_next_process(broker: Server, client: str, tmp_path: Path) -> None:
    memory = tmp_path / "session.json"
    first = options(broker, client, topics=["dc/v1/#", "extra/#"])
    async with running(first, memory) as source:
        await until(lambda: source.connected)
    async with running(options(broker, client), memory) as source:
        await until(lambda: source.connected)
        assert source.session_gaps == 0
        await source.publish("extra/a", b"7")
        await send(source, 1)
        assert [m.topic for m in await take(source, 1)] == [TOPIC], "extra/# is no longer asked for"
    broker.kill()
    broker.start()
    async with running(options(broker, client), memory) as source:
        await until(lambda: source.connected)
        assert source.session_gaps == 1


def scripted(port: int, client: str) -> BrokerOptions:
    given = {"url": f"mqtt://127.0.0.1:{port}", "client": client, "client_id": "c1"}
    return BrokerOptions.model_validate(given)


async def test_a_second_client_of_the_same_name_is_told(client: str) -> None:
    async with scripted_broker(5) as port, running(scripted(port, client)) as source:
        await until(lambda: "a second process uses client id 'c1'" in str(source.problem))
        assert source.session_gaps >= 1, "what the other got of ours is lost to us"


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_a_session_that_two_fight_over_is_told_though_the_broker_says_nothing(
    broker: Server, client: str, protocol: str
) -> None:
    chosen = options(broker, client, protocol=protocol)
    async with running(chosen) as source:
        await until(lambda: source.connected)
        assert source.problem is None
        async with running(chosen):
            await until(lambda: source.session_gaps)
            await until(lambda: "second process with client id 'c1'" in str(source.problem))
            await until(lambda: source.connected)
            assert source.problem is not None, "a connection is no sign yet that the other is gone"


async def test_a_broker_of_the_old_protocol_is_spoken_to_in_it(client: str) -> None:
    async with scripted_broker(4) as port, running(scripted(port, client)) as source:
        await until(lambda: source.connected)
        assert source.version == "3.1.1"
        await source.publish(TOPIC, b"1")


async def test_a_broker_that_never_spoke_mqtt_5_and_hangs_up_is_spoken_to_in_the_old_one(client: str) -> None:
    async with scripted_broker(4, curt=True) as port, running(scripted(port, client)) as source:
        await until(lambda: source.connected)
        assert source.version == "3.1.1"
        await source.publish(TOPIC, b"1")


async def test_the_embedded_broker_of_the_demo(client: str) -> None:
    port = free_port()
    listener = {"type": "tcp", "bind": f"127.0.0.1:{port}"}
    anonymous = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
    broker = Broker({"listeners": {"default": listener}, "plugins": anonymous})
    await broker.start()
    chosen = scripted(port, client).model_copy(update={"embedded": True})
    try:
        async with running(chosen) as source:
            await until(lambda: source.connected)
            await send(source, 3)
            messages = await take(source, 3)
            await source.acknowledge(messages)
            assert numbers(messages) == [0, 1, 2]
    finally:
        await broker.shutdown()


def test_secrets_are_not_printed(broker: Server, client: str) -> None:
    dial = Dial(options(broker, client), "5", Login("amber", SecretStr("hunter2")))
    assert "hunter2" not in repr(dial)
