"""The account of a scenario, kept with the test's result and shown at the end of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from tests.acceptance.chaos.ledger import Count

ACCOUNT = "account"
"""Under this name the account stands among the user properties of a test."""

NOTICED = ("missed", "session_gaps", "duplicates", "late", "rejected")
"""What the service itself says of a scenario."""

Recorder = Callable[[Count, Mapping[str, Any]], None]


def account(count: Count, told: Mapping[str, Any]) -> str:
    """One line: what was counted, then what the service told at the end."""
    counted = [f"{name} {value}" for name, value in asdict(count).items()]
    noticed = [f"{name} {told[name]}" for name in NOTICED if told.get(name)]
    return ", ".join(counted) + " | it says: " + (", ".join(noticed) or "nothing")
