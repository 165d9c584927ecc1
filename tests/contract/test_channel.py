"""Every channel against a real server: what is told arrives whole, a refusal is a DeliveryError."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import aiomqtt
import pytest

from alerts.board import Alert, AlertState
from alerts.compose import Composer, Notice
from alerts.message import AlertMessage, Attachment, Channel, Mirror, UsesBroker
from alerts.options import AlertOptions
from alerts.outbox import Outbox
from alerts.route import Envelope
from alerts.verdict import Severity
from runtime.clock import ManualClock
from runtime.database import Database
from runtime.errors import DeliveryError, SourceError
from tests.eventually import eventually
from tests.fakes.figures import site
from tests.servers.alertmanager import alertmanager
from tests.servers.http import Listener
from tests.servers.process import Server, free_port
from tests.servers.smtp import MailServer

pytestmark = pytest.mark.filterwarnings(
    "ignore:'imghdr' is deprecated:DeprecationWarning"  # apprise's mail plugin imports it
)

SINCE = datetime(2026, 10, 1, 6, tzinfo=UTC)


def alert(state: AlertState = AlertState.UNACKNOWLEDGED, **more: Any) -> Alert:
    given: dict[str, Any] = {
        "id": 7, "key": "pue/gdansk", "rule": "pue_limit", "site": "gdansk", "severity": Severity.CRITICAL,
        "state": state, "title": "PUE above its limit", "summary": "PUE is 1.52 <now>, the limit is 1.40.",
        "value": 1.52, "limit": 1.4, "unit": "", "since": SINCE, "ended": None, "acknowledged_by": None,
        "acknowledged_at": None, "note": None, "rev": 1, "link": "/?site=gdansk", "evidence": {},
        "advice": "Look at the chillers.",
    }  # fmt: skip
    return Alert(**(given | more))


def message(told: Alert | None = None) -> AlertMessage:
    told = told or alert()
    composer = Composer({"gdansk": site()}, "https://dc.example")
    kind = "firing" if told.ended is None else "resolved"
    return composer.compose(Envelope("it", kind, (told,)), told.ended or SINCE)


def build(
    kind: str, publish: Callable[[str, bytes], Awaitable[None]] | None = None, **options: Any
) -> Channel:
    tables = AlertOptions.model_validate({"channel": [{"type": kind, "name": "it", **options}]})
    assert tables.problems() == []
    return tables.channels(publish)["it"]


@dataclass
class Place:
    """A channel, and what its server has received so far as one text."""

    channel: Channel
    received: Callable[[], Awaitable[str]]


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    server = MailServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    server = Listener()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[Server]:
    server = alertmanager(tmp_path)
    server.start()
    yield server
    server.stop()


async def kept(server: Server) -> list[dict[str, Any]]:
    async with aiohttp.ClientSession() as http:
        url = f"http://127.0.0.1:{server.port}/api/v2/alerts"
        async with http.get(url) as answer:
            found: list[dict[str, Any]] = await answer.json()
            return found


@pytest.fixture(params=["email", "webhook", "alertmanager", "mqtt", "apprise"])
async def place(request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    async with await _place(request.param, request.getfixturevalue) as found:  # type: ignore[attr-defined]
        yield found


class _Opened:
    def __init__(self, place: Place, *closers: Callable[[], Awaitable[None]]) -> None:
        self._place, self._closers = place, closers

    async def __aenter__(self) -> Place:
        return self._place

    async def __aexit__(self, *_error: object) -> None:
        for close in (self._place.channel.close, *self._closers):
            await close()


async def _place(kind: str, fixture: Callable[[str], Any]) -> _Opened:
    if kind == "email":
        mails: MailServer = fixture("mail_server")
        channel = build("email", host="127.0.0.1", port=mails.port, to=["oncall@example.org"])

        async def received() -> str:
            return "\n".join(str(m["Subject"]) + m.get_body(("plain",)).get_content() for m in mails.mails)  # type: ignore[union-attr]

        return _Opened(Place(channel, received))
    if kind == "alertmanager":
        server: Server = fixture("keeper")
        channel = build("alertmanager", urls=[f"http://127.0.0.1:{server.port}"])

        async def received() -> str:
            return json.dumps(await kept(server))

        return _Opened(Place(channel, received))
    if kind == "mqtt":
        return await _mqtt(fixture("broker"))
    posts = Listener()
    await posts.start()
    url = f"http://127.0.0.1:{posts.port}/hook"
    if kind == "webhook":
        channel = build("webhook", url=url)
    else:
        channel = build("apprise", url=url.replace("http", "json"))

    async def received() -> str:
        return "\n".join(body.decode() for _, body in posts.posts)

    return _Opened(Place(channel, received), posts.stop)


async def _mqtt(server: Server) -> _Opened:
    client = aiomqtt.Client("127.0.0.1", server.port)
    await client.__aenter__()
    await client.subscribe("amberwatt/v1/alerts/gdansk/#", qos=1)

    async def publish(topic: str, payload: bytes) -> None:
        await client.publish(topic, payload, qos=1)

    async def received() -> str:
        async with asyncio.timeout(10):
            arrived = await anext(aiter(client.messages))
        assert isinstance(arrived.payload, bytes)
        return f"{arrived.topic} {arrived.payload.decode()}"

    async def leave() -> None:
        await client.__aexit__(None, None, None)

    return _Opened(Place(build("mqtt", publish), received), leave)


async def test_what_is_told_arrives(place: Place) -> None:
    await place.channel.send(message())
    received = await place.received()
    assert "PUE above its limit" in received
    assert "PUE is 1.52" in received


async def test_a_server_that_is_away_is_worth_a_retry() -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"

    async def publish(topic: str, payload: bytes) -> None:
        raise SourceError("not connected")

    channels = [
        build("email", host="127.0.0.1", port=port, to=["a@example.org"]),
        build("webhook", url=url),
        build("alertmanager", urls=[url]),
        build("apprise", url=url.replace("http", "json")),
        build("mqtt"),
        build("mqtt", publish),
    ]
    for channel in channels:
        with pytest.raises(DeliveryError) as caught:
            await channel.send(message())
        assert not caught.value.permanent
        await channel.close()


async def test_a_mail_is_whole(mail_server: MailServer) -> None:
    to = ["oncall@example.org", "Ada <ada@example.org>"]
    channel = build("email", host="127.0.0.1", port=mail_server.port, to=to, sender="dc@example.org")
    report = replace(
        message(), attachments=(Attachment("report.pdf", "application/pdf", b"%PDF-1.7 \x00\xff"),)
    )
    await channel.send(report)
    await channel.send(report)
    first, second = mail_server.mails
    assert mail_server.recipients[0] == ["oncall@example.org", "ada@example.org"]
    assert first["Subject"] == "[CRITICAL] Gdańsk: PUE above its limit"
    assert first["From"] == "Amberwatt <dc@example.org>"
    assert first["Message-ID"] == second["Message-ID"]
    assert first["X-Amberwatt-Key"] == report.key
    text, page = first.get_body(("plain",)), first.get_body(("html",))
    assert text is not None
    assert page is not None
    assert "Look at the chillers." in text.get_content()
    assert "PUE is 1.52 &lt;now&gt;" in page.get_content()
    (file,) = first.iter_attachments()
    assert (file.get_filename(), file.get_content()) == ("report.pdf", b"%PDF-1.7 \x00\xff")


async def test_mails_of_one_alarm_share_a_thread_but_no_id(mail_server: MailServer) -> None:
    channel = build("email", host="127.0.0.1", port=mail_server.port, to=["a@example.org"])
    await channel.send(message())
    await channel.send(message(alert(AlertState.RETURNED, ended=SINCE + timedelta(hours=1), rev=2)))
    first, second = mail_server.mails
    assert first["References"] == second["References"]
    assert first["Message-ID"] != second["Message-ID"]


async def test_mail_refusals_are_sorted(mail_server: MailServer) -> None:
    async def refusal(*to: str) -> DeliveryError:
        with pytest.raises(DeliveryError) as caught:
            await build("email", host="127.0.0.1", port=mail_server.port, to=list(to)).send(message())
        return caught.value

    nobody = await refusal("nobody@example.org")
    assert nobody.permanent
    assert "550" in str(nobody)
    some = await refusal("nobody@example.org", "ada@example.org")
    assert some.permanent
    assert len(mail_server.mails) == 1
    assert (nobody.reached, some.reached) == (False, True)
    for answer in ("550 5.7.1 not from there", "530 5.7.0 authentication required", "554 5.7.1 blocked"):
        mail_server.refuse_sender = answer
        assert not (await refusal("ada@example.org")).permanent, "the sender or the login can be mended"
    mail_server.refuse_sender = None
    mail_server.refuse = "530 5.7.0 authentication required"
    assert not (await refusal("ada@example.org")).permanent
    mail_server.refuse = "451 4.7.1 greylisted"
    assert not (await refusal("ada@example.org")).permanent
    mail_server.refuse = "554 5.7.1 never"
    assert (await refusal("ada@example.org")).permanent


async def test_a_server_that_refuses_the_connection_is_asked_again() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"554 5.7.1 your address is blocked\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        with pytest.raises(DeliveryError, match="554") as caught:
            await build("email", host="127.0.0.1", port=port, to=["a@example.org"]).send(message())
    finally:
        server.close()
        await server.wait_closed()
    assert not caught.value.permanent


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        ({"to": ["not an address"]}, "to"),
        ({"to": ["a@example.org", "b@example.org\r\nBcc: c@example.org"]}, "to"),
        ({"to": [""]}, "to"),
        ({"sender": "amber@example.org\r\nBcc: c@example.org"}, "sender"),
        ({"sender": "Amberwatt"}, "sender"),
        ({"host": "smtp.example.org:587"}, "host"),
        ({"host": ""}, "host"),
        ({"user": "dc"}, "user and password_file go together"),
        ({"password_file": "smtp.password"}, "user and password_file go together"),
    ],
)
def test_a_mail_channel_that_cannot_send_is_told(wrong: dict[str, Any], place: str) -> None:
    table = {"type": "email", "name": "mail", "host": "smtp.example.org", "to": ["a@example.org"], **wrong}
    (problem,) = AlertOptions.model_validate({"channel": [table]}).problems()
    assert problem.startswith("channel[0]")
    assert place in problem


@dataclass
class Given:
    """An outbox that sends by one mail channel, and the machine's time for it."""

    outbox: Outbox
    clock: ManualClock

    async def told(self, error: str | None) -> None:
        """Return once the channel's last attempt ended so; then its next one is due."""

        async def there() -> bool:
            return self.outbox.channels()[0].error == error

        await eventually(there)
        self.clock.advance(timedelta(minutes=15))


@pytest.fixture
async def outgoing(tmp_path: Path, mail_server: MailServer) -> AsyncIterator[Given]:
    database, clock = Database(f"sqlite+aiosqlite:///{tmp_path / 'state.sqlite'}"), ManualClock(SINCE)
    await database.create_all()
    to = ["ada@example.org", "ben@example.org", "nobody@example.org"]
    channel = build("email", host="127.0.0.1", port=mail_server.port, to=to)
    outbox = Outbox(database, {"mail": channel}, clock)
    task = asyncio.create_task(outbox.run())
    yield Given(outbox, clock)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await outbox.close()
    await database.close()


async def test_who_is_refused_for_now_gets_the_mail_later_and_nobody_gets_it_twice(
    outgoing: Given, mail_server: MailServer
) -> None:
    nobody = "nobody@example.org (550 5.1.1 no such user here)"
    ben = "ben@example.org (450 4.2.1 mailbox is busy)"
    mail_server.busy = {"ben@example.org"}
    await outgoing.outbox.post(replace(message(), alerts=()), ["mail"])
    await outgoing.told(f"refused for {ben}, {nobody}")
    assert mail_server.recipients == [["ada@example.org"]]
    await outgoing.told(f"refused for {nobody}, {ben}")
    mail_server.busy = set()
    outgoing.clock.advance(timedelta(minutes=15))
    await outgoing.told(f"refused for {nobody}")
    assert mail_server.recipients == [["ada@example.org"], ["ben@example.org"]]
    first, second = mail_server.mails
    assert (first["Message-ID"], first["To"]) == (second["Message-ID"], second["To"])
    assert outgoing.outbox.channels()[0].given_up, "one address never gets it, which is told"


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[ssl.SSLContext, Path]:
    key, pem = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-keyout", key, "-out", pem, "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, key)
    return context, pem


async def test_starttls_with_a_password_from_a_file(
    certificate: tuple[ssl.SSLContext, Path], tmp_path: Path
) -> None:
    context, pem = certificate
    (tmp_path / "good").write_text("s3cret\n")
    (tmp_path / "bad").write_text("wrong\n")
    server = MailServer(context, ("dc", "s3cret"))
    server.start()
    try:
        options = {
            "host": "127.0.0.1", "port": server.port, "to": ["a@example.org"], "security": "starttls",
            "user": "dc", "ca_file": pem,
        }  # fmt: skip
        await build("email", **options, password_file=tmp_path / "good").send(message())
        assert server.secured == [True]
        bad = build("email", **options, password_file=tmp_path / "bad")
        with pytest.raises(DeliveryError, match="535") as caught:
            await bad.send(message())
        assert not caught.value.permanent, "somebody puts the right password there"
        assert "wrong" not in str(caught.value)
        (tmp_path / "bad").write_text("s3cret\n")
        await bad.send(message())
        assert len(server.mails) == 2
        del options["ca_file"]
        with pytest.raises(DeliveryError, match="certificate"):
            await build("email", **options, password_file=tmp_path / "good").send(message())
    finally:
        server.stop()


async def test_a_webhook_is_signed_and_names_its_key(listener: Listener, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cret\n")
    (tmp_path / "token").write_text("t0ken\n")
    channel = build(
        "webhook", url=f"http://127.0.0.1:{listener.port}/hook",
        secret_file=tmp_path / "secret", token_file=tmp_path / "token", headers={"X-Site": "all"},
    )  # fmt: skip
    await channel.send(replace(message(), key="pue/gdańsk#7.1@it"))
    await channel.close()
    ((headers, body),) = listener.posts
    expected = hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()
    assert headers["X-Amberwatt-Signature"] == f"sha256={expected}"
    assert headers["Authorization"] == "Bearer t0ken"
    assert headers["X-Site"] == "all"
    assert headers["Idempotency-Key"] == "pue/gda\\u0144sk#7.1@it"
    told = json.loads(body)
    assert told["alerts"][0]["value"] == 1.52
    assert "html" not in told


@pytest.mark.parametrize(
    ("status", "permanent"), [(400, True), (401, True), (302, True), (408, False), (429, False), (500, False)]
)
async def test_webhook_answers_are_sorted(listener: Listener, status: int, permanent: bool) -> None:
    listener.status = status
    channel = build("webhook", url=f"http://127.0.0.1:{listener.port}/hook?token=abc")
    with pytest.raises(DeliveryError, match=str(status)) as caught:
        await channel.send(message())
    await channel.close()
    assert caught.value.permanent is permanent
    assert "abc" not in str(caught.value)


async def test_alertmanager_knows_one_alert_by_its_labels_until_it_ends(keeper: Server) -> None:
    channel = build("alertmanager", urls=[f"http://127.0.0.1:{keeper.port}"], labels={"team": "dc"})
    await channel.send(message())
    await channel.send(message(alert(value=1.61, summary="PUE is 1.61.")))
    (told,) = await kept(keeper)
    assert told["labels"] == {
        "alertname": "pue_limit", "key": "pue/gdansk", "severity": "critical", "site": "gdansk", "team": "dc",
    }  # fmt: skip
    assert told["annotations"]["description"] == "PUE is 1.61."
    assert told["startsAt"] == "2026-10-01T06:00:00.000Z"
    await channel.send(message(alert(AlertState.RETURNED, ended=SINCE + timedelta(hours=1))))
    assert await kept(keeper) == []
    await channel.close()


async def test_alertmanager_knows_an_alert_whose_severity_rose_once(keeper: Server) -> None:
    channel = build("alertmanager", urls=[f"http://127.0.0.1:{keeper.port}"])
    await channel.send(message(alert(severity=Severity.MEDIUM)))
    await channel.send(message(alert(severity=Severity.HIGH, rev=2)))
    assert [told["labels"]["severity"] for told in await kept(keeper)] == ["high"]
    await channel.close()


async def test_alertmanager_is_told_again_what_fires(keeper: Server) -> None:
    channel = build(
        "alertmanager", urls=[f"http://127.0.0.1:{keeper.port}", f"http://127.0.0.1:{free_port()}"]
    )
    assert isinstance(channel, Mirror)
    await channel.mirror([alert(AlertState.ACKNOWLEDGED), alert(key="pue/kaunas", site="kaunas")])
    assert {a["labels"]["key"] for a in await kept(keeper)} == {"pue/gdansk", "pue/kaunas"}
    await channel.close()


async def test_alertmanager_gets_notices_too(keeper: Server) -> None:
    channel = build("alertmanager", urls=[f"http://127.0.0.1:{keeper.port}"])
    notice = Notice("report/gdansk/2026-10", "Report of October", "It is ready.", site="gdansk")
    await channel.send(Composer({"gdansk": site()}, "https://dc.example").notice(notice, SINCE))
    (told,) = await kept(keeper)
    assert told["annotations"]["summary"] == "Report of October"
    await channel.close()


async def test_mqtt_topic_names_site_and_rule() -> None:
    topics: list[str] = []

    async def publish(topic: str, payload: bytes) -> None:
        topics.append(topic)

    channel = build("mqtt", publish, topic="plant/{site}/{severity}/{rule}")
    assert isinstance(channel, UsesBroker)
    await channel.send(message())
    await channel.send(message(alert(site=None)))
    assert topics == ["plant/gdansk/critical/pue_limit", "plant/all/critical/pue_limit"]


async def test_apprise_hides_secrets_and_takes_its_url_from_a_file(
    listener: Listener, tmp_path: Path
) -> None:
    file = tmp_path / "url"
    file.write_text(f"json://ada:hunter2@127.0.0.1:{listener.port}/hook\n")
    channel = build("apprise", url_file=file)
    assert "hunter2" not in repr(channel)
    listener.status = 500
    with pytest.raises(DeliveryError) as caught:
        await channel.send(message())
    assert "hunter2" not in str(caught.value)
