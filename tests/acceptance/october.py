"""The month that is played: October 2026 in Gdańsk (745 hours), its faults, its truth, its configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from simulator.demo import site_settings
from simulator.faults import Calm, Fault, Rollover, Silent, Window
from simulator.messages import Cadence
from simulator.model import Model
from simulator.plan import GDANSK
from simulator.truth import Truth, TruthRow

NAME = "2026-10"
SITE = "gdansk"
ZONE = ZoneInfo("Europe/Warsaw")
START = datetime(2026, 9, 30, 22, tzinfo=UTC)
END = datetime(2026, 10, 31, 23, tzinfo=UTC)
BEGIN, NIGHT, FINISH = START - timedelta(hours=1), END + timedelta(hours=4), END + timedelta(hours=9)
"""What is published: from an hour before the month to the night after it, and on until its report is due."""

CADENCE = Cadence(node=timedelta(minutes=15), other=timedelta(minutes=5))
WINDLESS = date(2026, 10, 18)
MODULUS = 20_000_000
_PLAN = replace(GDANSK, ppa_wind_ratio=5.0)
TARGET = "green-every-day"
SEVERITY = "high"

_CALM = Window(datetime(2026, 10, 17, 22, tzinfo=UTC), datetime(2026, 10, 18, 6, tzinfo=UTC))
_QUIET = Window(datetime(2026, 10, 9, 3, 20, tzinfo=UTC), datetime(2026, 10, 9, 9, 40, tzinfo=UTC))


def october() -> Model:
    """A site with enough wind on all nights but one; a meter rolls over and a node is silent for hours."""
    faults: list[Fault] = [
        Calm(SITE, _CALM),
        Rollover(f"{SITE}/meter/main-2", MODULUS),
        Silent(f"{SITE}/b/r2/n03/gpu", _QUIET),
    ]
    return Model(datetime(2026, 9, 29, tzinfo=UTC), (_PLAN,), seed=7, faults=faults)


def days(truth: Truth) -> dict[date, TruthRow]:
    """The true figures of each day of the month, by its date in the site's zone."""
    rows = truth.rows(START, END, "P1D")
    return {row.start.astimezone(ZONE).date(): row for row in rows}


def goal(truth: Truth) -> float:
    """A share that the windless day misses and every other day reaches, half-way between the two worst."""
    shares = {day: row.hourly_matched for day, row in days(truth).items()}
    worst = shares.pop(WINDLESS)
    assert worst < min(shares.values()) - 0.05, "the windless night must be the worst by far"
    return round((worst + min(shares.values())) / 2, 3)


def settings(folder: Path, broker_port: int, smtp_port: int, wanted: float) -> dict[str, Any]:
    """The service's configuration: one site, one daily target, mail when it is missed."""
    site = site_settings(_PLAN)
    site["meter"] = [_rolling(meter) for meter in site["meter"]]
    return {
        "service": {"replay_from": BEGIN.isoformat()},
        "broker": {"url": f"mqtt://127.0.0.1:{broker_port}"},
        "ingest": {"accepted_lateness": "36500d"},
        "store": [{"type": "duckdb"}],
        f"sites.{SITE}": site,
        "target": [
            {
                "name": TARGET,
                "site": SITE,
                "metric": "hourly_matched",
                "goal": wanted,
                "period": "day",
                "severity": SEVERITY,
            }
        ],
        "rule": [{"type": "green_target"}],
        "channel": [
            {
                "type": "email",
                "name": "on-call",
                "host": "127.0.0.1",
                "port": smtp_port,
                "sender": "amberwatt@example.org",
                "to": ["oncall@example.org"],
            }
        ],
        "route": [{"match": {"severity": SEVERITY}, "to": ["on-call"], "repeat": "30d"}],
    }


def _rolling(meter: Mapping[str, Any]) -> dict[str, Any]:
    return dict(meter) | ({"modulus_wh": MODULUS} if meter["id"] == "main-2" else {})
