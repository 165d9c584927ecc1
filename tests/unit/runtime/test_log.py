"""What is shown at which level: all our own lines, and of noisy libraries only warnings."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

OURS = ("service", "__main__", "settings", "commands.demo", "simulator.broker", "telemetry.follower")
LIBRARIES = (
    "amqtt.broker",
    "transitions.core",
    "apscheduler.scheduler",
    "aiosqlite",
    "sqlalchemy.engine.Engine",
)

SCRIPT = """
import logging, sys, structlog
from runtime import log

log.configure(sys.argv[1])
for name in sys.argv[2:]:
    for level in ("debug", "info", "warning"):
        getattr(structlog.get_logger(name), level)(name, at=level)
        getattr(logging.getLogger(name), level)(name)
"""


def shown(level: str, *names: str) -> dict[str, list[str]]:
    """The levels of the lines that each of ``names`` shows, of structlog's and of the standard library's."""
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT, level, *names], capture_output=True, text=True, check=True
    )
    found: dict[str, list[str]] = {name: [] for name in names}
    for line in map(json.loads, ran.stderr.splitlines()):
        found[line["event"]].append(line["level"])
    return found


@pytest.mark.parametrize(
    ("level", "ours"),
    [
        ("debug", ["debug", "debug", "info", "info", "warning", "warning"]),
        ("info", ["info", "info", "warning", "warning"]),
        ("warning", ["warning", "warning"]),
        ("error", []),
    ],
)
def test_every_room_shows_its_lines_and_libraries_only_their_warnings(level: str, ours: list[str]) -> None:
    found = shown(level, *OURS, *LIBRARIES)
    assert {name: found[name] for name in OURS} == dict.fromkeys(OURS, ours)
    for name in LIBRARIES:
        assert set(found[name]) <= {"warning"}
        assert bool(found[name]) == (level != "error")


HUSHED = """
import structlog, sys
from runtime import log

log.configure(sys.argv[1])
ours = structlog.get_logger("service")
ours.info("before")
with log.hushed():
    ours.info("meanwhile")
    ours.warning("wrong")
ours.info("after")
"""


@pytest.mark.parametrize(
    ("level", "told"),
    [
        ("debug", ["before", "meanwhile", "wrong", "after"]),
        ("info", ["before", "wrong", "after"]),
        ("error", []),
    ],
)
def test_meanwhile_only_warnings_are_shown_unless_everything_was_asked_for(
    level: str, told: list[str]
) -> None:
    ran = subprocess.run([sys.executable, "-c", HUSHED, level], capture_output=True, text=True, check=True)
    assert [json.loads(line)["event"] for line in ran.stderr.splitlines()] == told
