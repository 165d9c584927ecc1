"""``verify`` reads the database itself, names what was changed, and ends with a code of its own."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner

from commands.cli import cli
from energy.proof.seal import seal_days
from runtime.migrate import open_database
from tests.unit.energy.plant import MINUTE, START, Plant, site
from tests.unit.energy.proving import FIRST


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A configuration whose ledger has one sealed day."""
    asyncio.run(_seal(tmp_path))
    found = tmp_path / "amberwatt.toml"
    found.write_text('[service]\ndata_dir = "var"\n', encoding="utf-8")
    return found


async def _seal(folder: Path) -> None:
    (folder / "var").mkdir()
    database = await open_database(f"sqlite+aiosqlite:///{folder / 'var' / 'state.sqlite'}")
    plant = Plant(folder, {"gdansk": site()}, database=database)
    await plant.marker.open()
    await plant.counts("meter/gdansk/main-1", 4000.0, (1, 61))
    await plant.settle(25 * 60)
    assert await seal_days(database, "gdansk", START + 1500 * MINUTE) == 1
    await plant.close()


def run(file: Path, *options: str) -> tuple[int, str]:
    told = CliRunner().invoke(cli, ["verify", "--config", str(file), *options])
    return told.exit_code, told.stdout + told.stderr


def test_a_sound_ledger_is_told_with_where_its_chains_end(file: Path) -> None:
    code, told = run(file)
    assert code == 0
    assert "gdansk: seal 1 is " in told
    assert told.rstrip().endswith("all is as it was sealed and signed")
    code, told = run(file, "--as-json", "--site", "gdansk")
    assert (code, json.loads(told)["sound"], json.loads(told)["seals"]) == (0, True, 1)


def test_one_changed_byte_is_named_by_day_meter_and_interval(file: Path) -> None:
    with sqlite3.connect(file.parent / "var" / "state.sqlite") as database:
        database.execute(f"UPDATE energy_ledger SET amount = amount + 1 WHERE quarter = {FIRST + 1}")
    database.close()
    code, told = run(file)
    assert code == 3
    assert "gdansk 2026-10-05 main-1 energy 2026-10-05T00:15:00+00:00: is not as seal 1 holds it" in told
    code, told = run(file, "--as-json")
    (found,) = [one for one in json.loads(told)["differences"] if one["meter"] == "main-1"]
    assert (code, found["what"], found["day"]) == (3, "row", "2026-10-05")


def test_a_site_that_never_was_cannot_be_checked(file: Path) -> None:
    code, told = run(file, "--site", "atlantis")
    assert code == 1
    assert "atlantis" in told
