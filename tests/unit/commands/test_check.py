"""``check`` says what shards lack before their processes refuse to start."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from commands.cli import cli
from tests.unit.commands.test_certificates import SITE

SHARD = '[[shard]]\nname = "rest"\ntopics = ["dc/v1/#"]\nlisten = "127.0.0.1:9101"\n'
INFLUX = '[[store]]\ntype = "influx"\nurl = "http://127.0.0.1:8086"\ndatabase = "amberwatt"\n'
POSTGRES = '[service]\ndatabase = "postgresql+asyncpg://amberwatt@db.example.org/amberwatt"\n'


def checked(folder: Path, text: str) -> list[str]:
    """The warnings about ``text``, which is right."""
    file = folder / "amberwatt.toml"
    file.write_text(text, encoding="utf-8")
    told = CliRunner().invoke(cli, ["check", str(file)])
    assert told.exit_code == 0, told.output
    assert json.loads(told.stdout)["retention"]["minute"] == "400d"
    return told.stderr.splitlines()


def test_shards_on_files_of_one_process_are_warned_of(tmp_path: Path) -> None:
    database, store = checked(tmp_path, SHARD)
    assert database.startswith("warning: service.database: processes of several roles share a PostgreSQL")
    assert store.startswith("warning: store[0].type: 'duckdb' is read by the process that writes it")


def test_one_process_and_shards_that_can_run_are_not(tmp_path: Path) -> None:
    assert checked(tmp_path, "") == []
    assert checked(tmp_path, POSTGRES + INFLUX + SHARD) == []


def test_a_meter_is_named_of_which_only_readings_prove_that_it_tells_what_leaves(tmp_path: Path) -> None:
    sun = '[[sites.gdansk.supply]]\nid = "pv"\nkind = "onsite_solar"\nmax_power_kw = 1\n'
    (told,) = checked(tmp_path, SITE + sun)
    assert told.startswith("warning: sites.gdansk.meter 'main-1': this site generates or stores energy")
    assert checked(tmp_path, SITE.replace('"utility"', '"utility"\nexports = "none"') + sun) == []
