"""``service.py contracts import``: what a plant delivered, from a file."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from commands.cli import cli
from tests.unit.commands.test_certificates import SITE

PPA = """
[[sites.gdansk.supply]]
id = "wind"
kind = "ppa_wind"
zone = "PL"
max_power_kw = 1000
volume = "file"
"""


@pytest.fixture
def verb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Imports rows by a configuration of its own."""
    monkeypatch.chdir(tmp_path)
    Path("amberwatt.toml").write_text(SITE + PPA, encoding="utf-8")

    def run(text: str, *options: str):
        Path("wind.csv").write_text(text, encoding="utf-8")
        which = ("--site", "gdansk", "--supply", "wind", "--who", "Anna")
        return CliRunner().invoke(cli, ["contracts", "import", "wind.csv", *which, *options])

    return run


HOURS = "Delivery start;Menge (MWh)\n2025-10-01 00:00;0,5\n2025-10-01 01:00;0\n"
HOW = ("--delimiter", ";", "--decimal", ",", "--time-zone", "Europe/Warsaw", "--column", "volume=Menge (MWh)")


def test_a_file_of_hours_in_a_traders_form(verb):
    dry = verb(HOURS, *HOW, "--dry-run")
    assert (
        "8 quarter-hours of wind, 500.0 kWh (8 new, 0 restated, 0 as before), would be imported" in dry.output
    )
    done = verb(HOURS, *HOW)
    assert (done.exit_code, "(8 new" in done.output) == (0, True)
    assert "by Anna; nothing to do" in verb(HOURS, *HOW).output
    other = verb(HOURS.replace(";0,5", ";0,4"), *HOW, "--reason", "corrected")
    assert "line 2: 4 quarter-hours from here on differ from 'wind.csv': they are restated" in other.output
    assert "(0 new, 4 restated, 4 as before)" in other.output


def test_what_is_wrong_is_named_with_exit_code_1(verb):
    wrong = verb(HOURS.replace("0,5", "500"), *HOW)
    assert wrong.exit_code == 1
    assert "line 2: 500,000,000 Wh in 60 minutes is more than max_power_kw allows" in wrong.output
    assert "nothing of it is taken" in wrong.output
    assert "names no header" in verb(HOURS, "--column", "volume").output
    assert "takes no files" in verb(HOURS, *HOW, "--supply", "sun").output
