"""The units that operators copy start what there is."""

from __future__ import annotations

import shlex
from configparser import ConfigParser
from pathlib import Path

import pytest
from typer.testing import CliRunner

from commands.cli import cli
from roles.station import ROLES

ROOT = Path(__file__).resolve().parents[3]
HOME = Path("/opt/amberwatt")
UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))


def told(unit: Path) -> ConfigParser:
    """The unit's sections."""
    parser = ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(unit, encoding="utf-8")
    return parser


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: str(unit.name))
def test_each_unit_starts_a_role_by_options_that_there_are(unit: Path) -> None:
    python, program, verb, *options = shlex.split(told(unit)["Service"]["ExecStart"])
    assert python == str(HOME / ".venv" / "bin" / "python"), "scripts/install makes no other"
    assert (ROOT / Path(program).relative_to(HOME)).is_file()
    assert verb == "run"
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


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: str(unit.name))
def test_the_handbook_installs_what_a_unit_expects(unit: Path) -> None:
    service = told(unit)["Service"]
    handbook = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
    assert service["WorkingDirectory"] == f"/var/lib/{service['StateDirectory']}"
    assert f"useradd --system --home-dir {service['WorkingDirectory']}" in handbook
    assert f'data_dir = "{service["WorkingDirectory"]}"' in handbook
    assert shlex.split(service["ExecStart"])[-1] in handbook
