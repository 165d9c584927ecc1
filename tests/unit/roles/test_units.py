"""The units that operators copy start what there is."""

from __future__ import annotations

import shlex
from configparser import ConfigParser
from pathlib import Path

import pytest
from typer.testing import CliRunner

from commands.cli import cli
from roles.station import ROLES

UNITS = sorted((Path(__file__).parents[3] / "deploy" / "systemd").glob("*.service"))


def told(unit: Path) -> ConfigParser:
    """The unit's sections."""
    parser = ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(unit, encoding="utf-8")
    return parser


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: str(unit.name))
def test_each_unit_starts_a_role_by_options_that_there_are(unit: Path) -> None:
    program, verb, *options = shlex.split(told(unit)["Service"]["ExecStart"])
    assert (Path(program).name, verb) == ("amberwatt", "run")
    known = CliRunner().invoke(cli, ["run", "--help"], env={"COLUMNS": "200"}).output
    names, values = options[::2], options[1::2]
    assert all(name in known for name in names)
    asked = dict(zip(names, values, strict=True))
    assert asked["--config"] == "/etc/amberwatt/amberwatt.toml"
    assert asked.get("--role", "all") in ROLES
    assert ("--shard" in asked) == (asked.get("--role") == "ingest")


def test_there_is_a_unit_for_each_role() -> None:
    found = {shlex.split(told(unit)["Service"]["ExecStart"]).count("--role") for unit in UNITS}
    assert (len(UNITS), found) == (4, {0, 1})
