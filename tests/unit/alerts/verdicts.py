"""Verdicts for tests, with everything filled in that a test does not care about."""

from __future__ import annotations

from typing import Any

from alerts.verdict import Severity, Verdict


def verdict(active: bool | None, **more: Any) -> Verdict:
    """One on ``pue/gdansk`` unless ``more`` says otherwise."""
    given: dict[str, Any] = {
        "key": "pue/gdansk",
        "rule": "pue_limit",
        "site": "gdansk",
        "severity": Severity.HIGH,
        "title": "PUE above its limit",
        "summary": "PUE is 1.52, the limit is 1.40.",
        "value": 1.52,
        "limit": 1.4,
    }
    return Verdict(active=active, **(given | more))
