"""``service.py certificates``: what an officer enters without a running service."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from commands.cli import cli
from runtime.clock import SystemClock
from tests.unit.energy.certificates.vault import HEADERS, wind

SITE = """
[service]
data_dir = "var"
[sites.gdansk]
name = "Gdańsk"
zone = "Europe/Warsaw"
grid = "PL"
[[sites.gdansk.meter]]
id = "main-1"
role = "utility"
[[sites.gdansk.meter]]
id = "ups-a"
role = "it"
category = "pue1"
"""

LAST = SystemClock().now() - timedelta(days=40)
DAYS = f"{LAST:%Y-%m}-01", f"{LAST:%Y-%m}-02"
"""The command line reads the machine's clock, by which a certificate may have expired."""

OLD = "2020-01-01", "2020-01-31"

Verb = Callable[..., Result]


@pytest.fixture
def verb(tmp_path: Path) -> Verb:
    """Runs a verb on a configuration of its own."""
    config = tmp_path / "amberwatt.toml"
    config.write_text(SITE, encoding="utf-8")

    def run(name: str, *options: str) -> Result:
        return CliRunner().invoke(cli, ["certificates", name, *options, "--config", str(config)])

    return run


def written(folder: Path, *rows: str) -> str:
    file = folder / "tge.csv"
    file.write_text("\n".join([HEADERS, *rows, ""]), encoding="utf-8")
    return str(file)


def test_certificates_from_a_file_to_a_cancellation(verb: Verb, tmp_path: Path) -> None:
    file = written(tmp_path, wind(1, 100, days=DAYS), wind(101, 110, days=DAYS, zone="SE4"))
    order = ("--registry", "pl", "--who", "Anna")
    dry = verb("import", file, *order, "--dry-run")
    assert (dry.exit_code, "would be imported into PL" in dry.output) == (0, True)
    done = verb("import", file, *order)
    assert "2 runs of numbers, 110.0 MWh, imported into PL" in done.output
    assert "line 3: foreign zone SE4" in done.output
    again = verb("import", file, *order)
    assert (again.exit_code, "by Anna; nothing to do" in again.output) == (0, True)
    month = f"{LAST:%Y-%m}"
    serving = ("--site", "gdansk", "--period", month, "--who", "Anna")
    assert verb("allocate", "--registry", "PL", *serving, "--mwh", "60").exit_code == 0
    assert "released: PL-000001 to PL-000060" in verb("release", *serving).output
    assert verb("allocate", "--registry", "PL", *serving, "--mwh", "50").exit_code == 0
    refused = verb("cancel", *serving, "--statement", "TGE 5", "--on", "tomorrow")
    assert (refused.exit_code, "is no day" in refused.output) == (1, True)
    assert "for gdansk" in verb("cancel", *serving, "--statement", "TGE 5").output
    assert "sold: PL-000051" in verb("sell", *order, "--mwh", "1", "--document", "contract 9").output
    listed = verb("list", "--state", "cancelled").output
    assert f"cancelled as part 2 for gdansk {month} (TGE 5)" in listed
    rows = [json.loads(line) for line in verb("list", "--json", "--site", "gdansk").output.splitlines()]
    assert [(row["numbers"], row["statement"]) for row in rows] == [("PL-000001 to PL-000050", "TGE 5")]
    void = ("--part", "2", "--document", "TGE 6", "--reason", "wrong site", "--who", "Anna")
    assert "revoked: PL-000001" in verb("revoke", *void).output
    assert verb("receive", "--bundle", "1", "--who", "Anna").output == "received: 0\n"


def test_a_file_with_wrong_lines_is_refused_and_each_is_named(verb: Verb, tmp_path: Path) -> None:
    file = written(tmp_path, wind(1, 100, days=DAYS), wind(50, 60, days=DAYS), wind(200, 210, days=OLD))
    found = verb("import", file, "--registry", "PL", "--who", "Anna")
    assert found.exit_code == 1
    assert "line 3: PL-000050 to PL-000060: duplicate of numbers in line 2" in found.output
    assert "line 4: expired on 2021-02-01" in found.output
    assert "nothing of it is taken" in found.output
    assert verb("list").output == ""
    assert verb("import", str(tmp_path / "none.csv"), "--registry", "PL", "--who", "Anna").exit_code == 1
    unknown = verb("import", file, "--registry", "XX", "--who", "Anna")
    assert (unknown.exit_code, "there is no 'XX'; choose from" in unknown.output) == (1, True)
