"""The recipe of the handbook moves a state from SQLite to PostgreSQL: whole, and fit to go on."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from pathlib import Path
from typing import Any

from sqlalchemy import select

from dashboards.users import Users
from runtime.clock import SystemClock
from runtime.database import Database, metadata
from runtime.runs import Claim, RunTable
from tests.contract.test_database import book
from tests.databases import fresh
from tests.unit.alerts.verdicts import verdict
from tests.unit.energy.plant import MINUTE, QUARTER, START, Plant, site

ROOT = Path(__file__).parents[2]
RECIPE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


async def test_the_recipe_moves_every_row_and_the_numbers_go_on(tmp_path: Path) -> None:
    async with fresh("sqlite", tmp_path) as old, fresh("postgresql", tmp_path) as new:
        await _live(old, tmp_path)
        before = await _everything(old)
        assert {"alert", "energy_ledger", "energy_register", "job", "users"} <= before.keys()
        assert await _moved(tmp_path, old.url, new.url) == 0
        assert await _everything(new) == before
        await _go_on(new)


async def _live(database: Database, folder: Path) -> None:
    """Something of each room."""
    plant = Plant(folder, {"gdansk": site()}, database=database)
    await plant.open()
    for minute in (1, 16, 31, 46):
        await plant.feed(
            plant.frame("meter/gdansk/main-1", [START + minute * MINUTE], {"energy_wh": [1e12 + minute]})
        )
    await plant.settle(60)
    await book(database).record("pue_limit", [verdict(True, key="pue/a"), verdict(True, key="pue/ż")], START)
    await Users(database, SystemClock()).create("jana", "correct horse", "operator")
    table = RunTable(database, "main", SystemClock(), QUARTER)
    await table.begin("settle", START)
    assert await table.claim("settle", START + QUARTER) is Claim.MINE


async def _go_on(database: Database) -> None:
    """What is new gets numbers of its own."""
    await Users(database, SystemClock()).create("ola", "correct horse", "viewer")
    await book(database).record("power", [verdict(True, key="power/a")], START)
    assert await RunTable(database, "heir", SystemClock(), QUARTER).mark("settle") == START + QUARTER
    numbers = [row["id"] for row in (await _everything(database))["alert"]]
    assert len(set(numbers)) == 3


async def _moved(folder: Path, old: str, new: str) -> int | None:
    """The exit code of the recipe."""
    (recipe,) = RECIPE.findall((ROOT / "docs" / "postgresql.md").read_text(encoding="utf-8"))
    script = folder / "move.py"
    script.write_text(recipe, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = await asyncio.create_subprocess_exec(sys.executable, str(script), old, new, env=environment)
    return await done.wait()


async def _everything(database: Database) -> dict[str, list[dict[str, Any]]]:
    """The rows of each table that has any."""
    found: dict[str, list[dict[str, Any]]] = {}
    async with database.read() as db:
        for table in metadata.sorted_tables:
            query = select(table).order_by(*table.primary_key.columns)
            if rows := [dict(row) for row in (await db.execute(query)).mappings()]:
                found[table.name] = rows
    return found
