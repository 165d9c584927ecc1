"""``[[target]]``: a promise on a figure over a period, and the verdict on it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from runtime.options import Options


class TargetOptions(Options):
    """One ``[[target]]``: ``metric`` over ``period`` is to be at least ``goal`` (0..1)."""

    name: str = Field(pattern=r"^[a-z0-9-]+$")
    site: str
    metric: Literal["hourly_matched", "ref", "cfe_score"] = "hourly_matched"
    goal: float = Field(default=1.0, gt=0, le=1)
    period: Literal["day", "month"] = "month"
    severity: Literal["critical", "high", "medium", "low"] = "high"


class Standing(StrEnum):
    """Where a target stands: in the period so far, or at its end."""

    MET = "met"
    AT_RISK = "at_risk"
    MISSED = "missed"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class TargetVerdict:
    """How ``target`` stands ``at`` a time; ``best_possible`` is the figure if all the rest were green."""

    target: TargetOptions
    at: datetime
    start: datetime
    end: datetime
    standing: Standing
    value: float | None
    best_possible: float | None
    reason: str
    evidence: dict[str, Any] = field(default_factory=dict)
