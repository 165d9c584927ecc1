"""Evidence as people read it: every number with its unit, every time in the site's zone."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from alerts.evidence import lines

WARSAW = ZoneInfo("Europe/Warsaw")


@pytest.mark.parametrize(
    ("key", "value", "name", "parts"),
    [
        ("best_possible", 0.9286146349493503, "Best possible", ["92.86 %"]),
        ("expected_rest_wh", 14_396_280.033398822, "Expected until the end", ["14.396 MWh"]),
        ("start", "2026-10-01T22:00:00+00:00", "Start", ["2026-10-02 00:00 CEST"]),
        ("standing", "at_risk", "Standing", ["at risk"]),
        ("metric", "hourly_matched", "Metric", ["hourly matched"]),
        ("power_w", {"main-1": 5.4e6, "main-2": None}, "Power", ["main-1: 5.40 MW", "main-2: –"]),
        ("bytes", 1_400_000_000, "Bytes", ["1.4 GB"]),
        ("reasons", {"stale": 12_500}, "Reasons", ["stale: 12,500"]),
        ("silent", ["a/meter/x", "a/meter/y"], "Silent", ["a/meter/x", "a/meter/y"]),
        ("topics", [], "Topics", ["–"]),
        ("error", None, "Error", ["–"]),
        ("month", "2026-09", "Month", ["2026-09"]),
        ("pue", 1.52, "Pue", ["1.52"]),
        (
            "worst_hours",
            [{"start": "2026-10-02T03:00:00+00:00", "uncovered_wh": 234_600.0, "edc_wh": 3_190_000.0}],
            "Worst hours (not green, of all used)",
            ["2026-10-02 05:00 CEST: 0.235 MWh of 3.190 MWh"],
        ),
    ],
)
def test_a_line(key: str, value: Any, name: str, parts: list[str]) -> None:
    (line,) = lines({key: value}, WARSAW)
    assert (line.name, list(line.parts)) == (name, parts)


def test_energies_of_one_evidence_have_one_unit_to_be_compared() -> None:
    told = lines({"edc_wh": 13_459_000.0, "unknown_wh": 234_600.0, "green_wh": 0.0}, WARSAW)
    assert [line.parts[0] for line in told] == ["13.459 MWh", "0.235 MWh", "0 MWh"]
