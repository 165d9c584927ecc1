"""The revisions lead to the tables as they are declared."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text

import service  # noqa: F401 - whose rooms declare every table
from energy.configuration.plan import described, planned
from energy.configuration.roster import load_plans
from energy.configuration.site import SiteOptions
from runtime.database import Database
from runtime.errors import ConfigError
from runtime.migrate import differences, open_database, upgrade
from tests.databases import KINDS
from tests.servers.postgres import shared_postgres


@pytest.fixture(params=KINDS)
async def empty(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """A database without any table."""
    url = f"sqlite+aiosqlite:///{tmp_path / 'state.sqlite'}"
    if request.param == "postgresql":
        url = shared_postgres().url(shared_postgres().create())
    database = Database(url)
    yield database
    await database.close()
    if request.param == "postgresql":
        shared_postgres().drop(url.rpartition("/")[2])


async def test_the_revisions_make_what_the_rooms_declare(empty: Database) -> None:
    await upgrade(empty)
    assert await differences(empty) == []
    await upgrade(empty)


FIRST = {
    "job": {"name": "green-check", "until": 1_790_000_000_123},
    "energy_ledger": {"register": 1, "quarter": 1_988_888, "revision": 1, "amount": 2**40, "quality": 2,
                      "reason": "żaden", "settled_at": 1_790_000_000_123},
    "energy_register": {"id": 1, "site": "gdansk", "measurement": "meter", "meter": "main-1",
                        "channel": "import", "register_since": None},
    "alert": {"id": 7, "key": "pue/gdansk", "rule": "pue_limit", "severity": "major", "state": "normal",
              "title": "PUE", "summary": "s", "advice": "a", "unit": "", "since": 5, "rev": 1, "link": "",
              "evidence": "{}", "episode": ""},
    "alert_transition": {"id": 9, "alert_id": 7, "at": 5, "before": "normal", "after": "pending", "who": "r"},
    "outbox": {"id": 3, "key": "k", "channel": "mail", "kind": "firing", "thread": "t", "payload": "{}",
               "created_at": 5, "attempts": 2},
    "outbox_alert": {"outbox_id": 3, "alert_id": 7},
    "report_revision": {"site": "gdansk", "period": "2026-10", "revision": 1, "state": "final",
                        "figures_sha256": "x", "folder": "f", "issued_at": 5},
    "report_file": {"site": "gdansk", "period": "2026-10", "revision": 1, "format": "pdf", "name": "n",
                    "sha256": "x", "bytes": 2**33},
    "users": {"id": 1, "name": "Żaneta", "role": "operator", "password_hash": "h", "created_at": 5},
    "sessions": {"digest": "d", "user_id": 1, "created_at": 5, "expires_at": 6},
}  # fmt: skip
"""A row of each kind, as the first revision kept it."""

ROSTER = {
    1: '{"grid": "PL", "supply": [{"id": "w", "kind": "ppa_wind"}]}',
    2: '{"grid": "PL", "supply": [{"id": "w", "kind": "ppa_wind", "zone": "LT"}, '
    '{"id": "b", "kind": "battery"}]}',
    3: "",
}
"""What a site consisted of, before plans told of floors and every contract of its zone."""

SITE = {"name": "Gdańsk", "zone": "UTC", "grid": "PL", "completeness_floor": 0.8}


async def test_what_the_first_revision_kept_is_kept_up_to_the_newest(empty: Database) -> None:
    await upgrade(empty, "0001")
    async with empty.begin() as db:
        for table, row in FIRST.items():
            names = ", ".join(f'"{name}"' for name in row)
            values = ", ".join(f":{name}" for name in row)
            await db.execute(text(f'INSERT INTO "{table}" ({names}) VALUES ({values})'), row)
    await upgrade(empty, "0017")
    async with empty.begin() as db:
        await db.execute(text("INSERT INTO energy_site VALUES ('gdansk', :told)"), {"told": json.dumps(SITE)})
        for number, tables in ROSTER.items():
            plan = {"number": number, "tables": tables}
            await db.execute(
                text("INSERT INTO energy_roster VALUES ('gdansk', :number, 0, 0, :tables)"), plan
            )
    await upgrade(empty)
    assert await differences(empty) == []
    async with empty.read() as db:
        plans = (await load_plans(db, ["gdansk"]))["gdansk"]
        first, second = (planned(SiteOptions(**SITE), plan.tables) for plan in plans[:2])
        assert [first.completeness_floor, second.completeness_floor, plans[2].tables] == [0.8, 0.8, ""]
        assert [supply.zone for supply in (*first.supply, *second.supply)] == ["PL", "LT", None]
        assert described(first) == plans[0].completed(None).tables
        for table, row in FIRST.items():
            (found,) = (await db.execute(text(f'SELECT * FROM "{table}"'))).mappings().all()
            assert {name: found[name] for name in row} == row


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("nonsense", "service.database"),
        ("postgresql+asyncpg://amber:secret@127.0.0.1:1/amberwatt", "service.database"),
        ("sqlite+aiosqlite:////proc/nowhere/state.sqlite", "unable to open database file"),
    ],
)
async def test_a_database_that_cannot_be_used_is_named_without_its_password(url: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        await open_database(url)
    assert told in str(caught.value)
    assert "secret" not in str(caught.value)
    await _workers_ended()


async def _workers_ended() -> None:
    """A connection that failed leaves aiosqlite's thread behind for a moment; it needs our loop to end."""
    for thread in threading.enumerate():
        if "_connection_worker_thread" in thread.name:
            await asyncio.to_thread(thread.join, 10.0)


async def test_a_damaged_database_is_named(tmp_path: Path) -> None:
    damaged = tmp_path / "state.sqlite"
    damaged.write_bytes(b"no database at all, but long enough to look at" * 40)
    with pytest.raises(ConfigError, match="not a database"):
        await open_database(f"sqlite+aiosqlite:///{damaged}")
