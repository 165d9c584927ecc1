"""Plays the month: publishes it at speed over real MQTT while the service is killed three times."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from runtime.clock import to_ms
from simulator.messages import messages
from simulator.model import Model
from simulator.publisher import Account, Link, Publisher
from simulator.truth import Truth
from tests.acceptance import october
from tests.acceptance.client import Client, token
from tests.acceptance.mailbox import Mailbox
from tests.acceptance.service_process import ServiceProcess

KILLS = (0.25, 0.5, 0.75)
"""Shares of the messages after which the service is killed, while more of them are under way."""

UNDER_WAY = 2_000
"""Messages that are handed to the broker between two looks at the service and its end."""

PATIENCE = 600.0
"""Seconds; a busy machine may take its time, what never comes fails all the same."""


@dataclass(frozen=True)
class Played:
    """The month after it was played; the service still runs."""

    service: ServiceProcess
    client: Client
    mailbox: Mailbox
    model: Model
    truth: Truth
    account: Account
    goal: float

    @property
    def rows(self) -> int:
        """Rows in all messages that the broker took."""
        return sum(self.model.rows(topic) * count for topic, count in self.account.acknowledged.items())


async def play(folder: Path, broker_port: int, mailbox: Mailbox) -> Played:
    """Return once every row is stored, every check that is due has run, and the report is issued."""
    model = october.october()
    truth = Truth(model.sites[october.SITE])
    goal = october.goal(truth)
    service = ServiceProcess(folder, october.settings(folder, broker_port, mailbox.port, goal))
    try:
        await service.start()
        client = Client(service, token(service, "operator"))
        async with Publisher(model, Link(broker_port, protocol="5")) as publisher:
            await _publish_through_kills(model, publisher, service)
            await _all_checked(service, october.NIGHT)
            await publisher.recorded(october.NIGHT, october.FINISH, october.CADENCE)
            played = Played(service, client, mailbox, model, truth, publisher.account, goal)
        await service.until(lambda: _stored(played), f"did not store {played.rows} rows", PATIENCE)
        await _all_checked(service, october.FINISH)
        await service.until(lambda: _reported(client), "did not issue the report", PATIENCE)
    except BaseException:
        service.close()
        raise
    return played


async def _publish_through_kills(model: Model, publisher: Publisher, service: ServiceProcess) -> None:
    """Publish up to the night after the month; the service dies thrice and starts again meanwhile.

    The third time it dies it is known to be judging; the first two times it is still busy with storing.
    """
    stream = list(messages(model, october.BEGIN, october.NIGHT, october.CADENCE))
    starting: asyncio.Task[None] | None = None
    sent = 0
    for share in KILLS:
        kill = round(share * len(stream))
        await publisher.publish(stream[sent : kill - UNDER_WAY])
        if starting is not None:
            await starting
        if share == KILLS[-1]:
            await _all_checked(service, october.BEGIN + timedelta(days=1))
        await publisher.publish(stream[kill - UNDER_WAY : kill])
        service.kill()
        starting = asyncio.create_task(service.start())
        sent = kill
    await publisher.publish(stream[sent:])
    assert starting is not None
    await starting
    await publisher.settled()


async def _all_checked(service: ServiceProcess, until: datetime) -> None:
    """Return once every check that was due by then has ended."""
    trouble = f"did not run every check due by {until:%F %H:%M}Z"
    await service.until(lambda: _checked(service, until), trouble, PATIENCE)


async def _stored(played: Played) -> bool:
    return bool(played.client.ingest()["stored_rows"] >= played.rows)


async def _reported(client: Client) -> bool:
    found = client.get("/api/v1/reports", site=october.SITE)["reports"]
    return any(report["period"] == october.NAME and report["revision"] for report in found)


async def _checked(service: ServiceProcess, until: datetime) -> bool:
    """The run table tells: checks run in the order of their due times, every quarter of an hour."""
    with closing(sqlite3.connect(f"file:{service.data_dir / 'state.sqlite'}?mode=ro", uri=True)) as db:
        query = "SELECT count(*) FROM job_run WHERE job = 'green-check' AND due >= ? AND state = 'done'"
        (count,) = db.execute(query, [to_ms(until - timedelta(minutes=20))]).fetchone()
    return bool(count)
