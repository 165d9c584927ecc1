"""The systemd units start what is there: the program of the tree that scripts/install prepares."""

from __future__ import annotations

import shlex
from configparser import ConfigParser
from pathlib import Path

import pytest
from typer.testing import CliRunner

from commands.cli import cli

ROOT = Path(__file__).resolve().parents[2]
HOME = Path("/opt/amberwatt")
UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))


def unit(path: Path) -> ConfigParser:
    """A unit file; ``%i`` in it is the name of an instance and no reference."""
    found = ConfigParser(interpolation=None, strict=True)
    found.optionxform = str  # type: ignore[assignment, method-assign]
    found.read(path, encoding="utf-8")
    return found


def test_there_is_a_unit_for_one_process_and_for_each_role() -> None:
    assert [path.name for path in UNITS] == [
        "amberwatt-ingest@.service",
        "amberwatt-jobs.service",
        "amberwatt-web.service",
        "amberwatt.service",
    ]


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_starts_the_program_of_the_tree(path: Path) -> None:
    python, program, verb, *options = shlex.split(unit(path)["Service"]["ExecStart"])
    assert python == str(HOME / ".venv" / "bin" / "python"), "scripts/install makes no other"
    assert (ROOT / Path(program).relative_to(HOME)).is_file()
    told = CliRunner().invoke(cli, [verb, *options, "--help"])
    assert told.exit_code == 0, told.output
    assert options[-2:] == ["--config", "/etc/amberwatt/amberwatt.toml"]


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_the_handbook_installs_what_a_unit_expects(path: Path) -> None:
    service = unit(path)["Service"]
    handbook = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
    assert f"useradd --system --home-dir {service['WorkingDirectory']}" in handbook
    assert f'data_dir = "{service["WorkingDirectory"]}"' in handbook
    assert service["WorkingDirectory"] == f"/var/lib/{service['StateDirectory']}"
    assert service["ExecStart"].split()[-1] in handbook
