"""scripts/install: a line a step the first time, nothing to do and nothing to say later."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "install"
PYTHON = """#!/usr/bin/env bash
# A Python whose venv is a copy of itself, and whose pip installs nothing and says what pip says.
case "$1 $2" in
  "-m venv") mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
  "-m pip") [ -z "${BROKEN:-}" ] || { echo "ERROR: no matching distribution" >&2; exit 1; }
    for n in $(seq 1 60); do echo "Collecting p$n==1.0 (from -r some.lock)"; echo "  Downloading p$n"; done
    echo "Installing collected packages: p1, p2"; echo "Successfully installed p1-1.0" ;;
  *) exec REAL "$@" ;;
esac
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree with the script and what it reads, of which the pages are built."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(SCRIPT, tmp_path / "scripts")
    python = tmp_path / "python"
    python.write_text(PYTHON.replace("REAL", sys.executable))
    python.chmod(0o755)
    pins = "".join(f"p{n}==1.0 --hash=sha256:00\n" for n in range(1, 61))
    (tmp_path / "requirements.lock").write_text(f"# made by a tool\n{pins}")
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "hatch_build.py").write_text("")
    return tmp_path


def install(tree: Path, **more: str) -> subprocess.CompletedProcess[str]:
    command = [str(tree / "scripts" / "install")]
    told = os.environ | {"PYTHON": str(tree / "python")} | more
    return subprocess.run(command, env=told, capture_output=True, text=True, check=False)


def test_the_first_time_says_each_step_and_later_ones_nothing(tree: Path) -> None:
    first, second = install(tree), install(tree)
    assert first.stderr.splitlines() == [
        "Making a Python environment in .venv …",
        "Installing Amberwatt's Python packages into .venv (once, about two minutes) …",
        "  25 of 60 packages fetched",
        "  50 of 60 packages fetched",
        "  unpacking them",
    ]
    assert (first.returncode, first.stdout) == (0, "")
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")


def test_what_could_not_be_installed_is_said_and_tried_again(tree: Path) -> None:
    broken = install(tree, BROKEN="yes")
    assert broken.returncode == 1
    assert "no matching distribution" in broken.stderr
    assert install(tree).stderr.count("Installing Amberwatt") == 1
