"""The whole service on PostgreSQL, which is restarted while the service marks, settles and judges.

An hour and a half is played. While the server is away messages are still taken in and acknowledged; in the
end every row is stored, every check has run once, the figures are the truth, one alarm was told once, and
the month's report is issued.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from runtime.clock import to_ms
from simulator.demo import site_settings
from simulator.messages import Cadence, messages
from simulator.model import Model
from simulator.plan import GDANSK
from simulator.publisher import Link, Publisher
from simulator.truth import Truth
from tests.acceptance.client import Client, token
from tests.acceptance.mailbox import Mailbox
from tests.acceptance.service_process import ServiceProcess, run_once
from tests.servers.mosquitto import mosquitto
from tests.servers.postgres import Postgres, new_postgres

SITE, ROLE, PASSWORD = GDANSK.name, "amberwatt", "p@ss:word/100%"
HOUR = datetime(2026, 10, 6, 10, tzinfo=UTC)
BEGIN, END = HOUR - timedelta(minutes=30), HOUR + timedelta(minutes=80)
AWAY, BACK = HOUR + timedelta(minutes=20), HOUR + timedelta(minutes=40)
"""The server is stopped and started again when the messages of these times have been sent."""

CADENCE = Cadence(node=timedelta(minutes=5), other=timedelta(minutes=1))
RULE = "power_contract"


@dataclass
class World:
    """The servers, the service, and what people got."""

    postgres: Postgres
    broker_port: int
    mailbox: Mailbox
    service: ServiceProcess

    def ask(self, query: str) -> list[str]:
        """The lines that the database answers to the superuser."""
        return self.postgres.execute(query, database=ROLE).split()


def tables(postgres: Postgres, broker: int, mail: int, secret: Path) -> dict[str, Any]:
    """The configuration file."""
    channel = {"type": "email", "name": "on-call", "host": "127.0.0.1", "port": mail}
    return {
        "service": {
            "replay_from": BEGIN.isoformat(),
            "database": f"postgresql+asyncpg://{ROLE}@127.0.0.1:{postgres.port}/{ROLE}",
            "database_password_file": str(secret),
        },
        "broker": {"url": f"mqtt://127.0.0.1:{broker}"},
        "ingest": {"accepted_lateness": "36500d"},
        f"sites.{SITE}": site_settings(GDANSK) | {"contracted_kw": 1},
        "rule": [{"type": RULE, "on_delay": "0s"}],
        "channel": [channel | {"sender": "amberwatt@example.org", "to": ["oncall@example.org"]}],
        "route": [{"match": {"rule": RULE}, "to": ["on-call"], "repeat": "30d"}],
    }


@asynccontextmanager
async def world(folder: Path) -> AsyncIterator[World]:
    """Servers as the handbook sets them up, and a service that is still to be started."""
    postgres, broker, mailbox = new_postgres(), mosquitto(folder), Mailbox()
    for server in (postgres, broker, mailbox):
        server.start()
    postgres.execute(
        f"CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}'", f"CREATE DATABASE {ROLE} OWNER {ROLE}"
    )
    secret = folder / "secret"
    secret.write_text(PASSWORD + "\n", encoding="utf-8")
    service = ServiceProcess(folder, tables(postgres, broker.port, mailbox.port, secret))
    try:
        yield World(postgres, broker.port, mailbox, service)
    finally:
        service.close()
        broker.kill()
        mailbox.stop()
        postgres.close()


async def test_a_restart_of_postgresql_costs_time_and_nothing_else(tmp_path: Path) -> None:
    model = Model(datetime(2026, 10, 5, tzinfo=UTC), (GDANSK,))
    async with world(tmp_path) as here:
        assert run_once("check", str(here.service.config)).returncode == 0
        await here.service.start()
        client = Client(here.service, token(here.service, "operator"))
        async with Publisher(model, Link(here.broker_port, protocol="5")) as publisher:
            await publisher.publish(list(messages(model, BEGIN, AWAY, CADENCE)))
            await here.service.until(lambda: mailed(here), "told nobody")
            here.postgres.stop()
            await publisher.publish(list(messages(model, AWAY, BACK, CADENCE)))
            await publisher.settled()
            await here.service.until(lambda: noticed(here), "did not notice that its database is away")
            here.postgres.start()
            await publisher.publish(list(messages(model, BACK, END, CADENCE)))
            await publisher.settled()
            account = publisher.account
        assert account.acknowledged == account.published
        rows = sum(model.rows(topic) * count for topic, count in account.acknowledged.items())
        await here.service.until(lambda: stored(client, rows), f"did not store {rows} rows")
        await settled(here, client, model)
        once(here)
        assert [mail["X-Amberwatt-Key"].split("/")[0] for mail in here.mailbox.mails] == ["contract"]
        issued = client.post(f"/api/v1/reports/{SITE}/2026-10")
        assert client.get("/api/v1/reports", site=SITE)["reports"] == [issued]
        assert client.raw(f"/api/v1/reports/{SITE}/2026-10.json").json()
        client.close()
        assert here.service.stop() == 0
        assert PASSWORD not in here.service.told()


async def mailed(here: World) -> bool:
    """Whether somebody was told something, and the database knows it."""
    return here.ask("SELECT count(delivered_at) FROM outbox") == ["1"]


async def noticed(here: World) -> bool:
    """Whether a probe is told that the service cannot do its work, while it goes on taking messages in."""
    return await here.service.alive() and not await here.service.ready()


async def stored(client: Client, rows: int) -> bool:
    """Whether every row is in the store."""
    return bool(client.ingest()["stored_rows"] == rows)


async def settled(here: World, client: Client, model: Model) -> None:
    """Return once the hour's figures are there; they are the truth."""
    asked = {"site": SITE, "from_": HOUR.isoformat(), "to": (HOUR + timedelta(hours=1)).isoformat()}

    async def checked() -> bool:
        (newest,) = here.ask("SELECT max(due) FROM job_run WHERE job = 'green-check' AND state = 'done'")
        return int(newest) >= to_ms(HOUR + timedelta(hours=1))

    await here.service.until(checked, "did not settle the hour")
    (truth,) = Truth(model.sites[SITE]).rows(HOUR, HOUR + timedelta(hours=1), "PT1H")
    (row,) = client.get("/api/v1/kpi", **asked, step="PT1H")["rows"]
    assert row["completeness"] == 1.0
    assert (row["edc_wh"], row["eit_wh"]) == (truth.edc_wh, truth.eit_wh)
    assert row["hourly_matched"] == pytest.approx(truth.hourly_matched, abs=1e-9)


def once(here: World) -> None:
    """Every green check ran, in the order of its due time, none twice, and all went well."""
    dues = here.ask("SELECT due FROM job_run WHERE job = 'green-check' AND state = 'done' ORDER BY due")
    steps = {int(later) - int(due) for due, later in pairwise(dues)}
    assert steps == {900_000}
    assert here.ask("SELECT count(*) FROM job_run WHERE state = 'failed'") == ["0"]
    assert here.ask("SELECT count(*) FROM alert WHERE rule = 'power_contract'") == ["1"]
    assert here.ask("SELECT count(*), count(delivered_at) FROM outbox") == ["1|1"]
