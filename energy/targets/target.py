"""``[[target]]``: a promise on a figure over a period, and the verdict on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from energy.configuration.site import SiteOptions
from energy.figures import ALL
from energy.outlook.action import Action
from energy.outlook.budget import Budget, Span
from energy.outlook.foresight import Foresight
from energy.outlook.nowcast import Nowcast
from energy.targets.aim import Aim, Direction, aim_of, aims, metric_form, metric_label, metric_unit
from runtime.options import Options, shown


class TargetOptions(Options):
    """One ``[[target]]``: ``metric`` over ``period`` is to be at least, or at most, ``goal``.

    ``metric`` names a KPI that can be promised; which side of the goal is good is the KPI's own
    (:mod:`energy.targets.aim`). ``label`` is what people call it; without one it is made of the rest.
    """

    name: str = Field(pattern=r"^[a-z0-9-]+$")
    site: str
    metric: str = "hourly_matched"
    goal: float = Field(default=1.0, gt=0)
    period: Span = "month"
    severity: Literal["critical", "high", "medium", "low"] = "high"
    label: str | None = Field(default=None, min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")

    @field_validator("metric")
    @classmethod
    def _can_be_promised(cls, value: str) -> str:
        if aim_of(value) is None:
            known = ", ".join(aims())
            raise ValueError(f"no figure that can be promised is named {shown(value)}; there are: {known}")
        return value

    @field_validator("goal")
    @classmethod
    def _can_be_reached(cls, value: float, info: ValidationInfo) -> float:
        aim = aim_of(info.data.get("metric", ""))
        problem = aim.problem(value) if aim is not None else None
        if problem is not None:
            raise ValueError(problem)
        return value

    @property
    def aim(self) -> Aim:
        """Which side of the goal is good, and what its budget is counted in."""
        aim = aim_of(self.metric)
        assert aim is not None  # the options were validated with it
        return aim

    @property
    def promise(self) -> str:
        """``Hourly matched at least 80 % each day``."""
        side = "at least" if self.aim.direction is Direction.AT_LEAST else "at most"
        share = metric_form(self.metric) == "share"
        unit = "" if share or metric_unit(self.metric) == "1" else f" {metric_unit(self.metric)}"
        goal = f"{100 * self.goal:.6g} %" if share else f"{self.goal:.6g}{unit}"
        return f"{metric_label(self.metric)} {side} {goal} each {self.period}"

    def title(self, sites: Mapping[str, SiteOptions]) -> str:
        """What people call it: its ``label``, or the promise and the name of its site."""
        if self.label is not None:
            return self.label
        place = "all sites" if self.site == ALL else self.site
        return f"{self.promise}, {sites[self.site].name if self.site in sites else place}"


class Standing(StrEnum):
    """Where a target stands.

    ``met``: it is kept, whatever still comes. ``on_course``: that is not decided, and the whole range of the
    nowcast keeps it. ``at_risk``: a part of that range does not. ``missed``: nothing can keep it any more.
    """

    MET = "met"
    ON_COURSE = "on_course"
    AT_RISK = "at_risk"
    MISSED = "missed"
    UNKNOWN = "unknown"

    @property
    def words(self) -> str:
        """``on course``, as people read it."""
        return self.value.replace("_", " ")


@dataclass(frozen=True)
class TargetVerdict:
    """How ``target`` stands ``at`` a time, up to ``until``.

    ``best_possible`` is the figure if all the rest were as good as can be; ``foresight`` is None where
    nothing of the period is settled.
    """

    target: TargetOptions
    at: datetime
    start: datetime
    end: datetime
    standing: Standing
    value: float | None
    best_possible: float | None
    reason: str
    evidence: dict[str, Any] = field(default_factory=dict)
    until: datetime | None = None
    foresight: Foresight | None = None

    @property
    def nowcast(self) -> Nowcast | None:
        """What the figure will likely be; None where the period has ended or too little was measured."""
        return self.foresight.nowcast if self.foresight else None

    @property
    def budget(self) -> Budget | None:
        """What the period may cost, and what of it is used."""
        return self.foresight.budget if self.foresight else None

    @property
    def action(self) -> Action | None:
        """What to do; None where nothing is to be done, or can be."""
        open_ = self.standing in (Standing.ON_COURSE, Standing.AT_RISK)
        return self.foresight.action if self.foresight and open_ else None

    @property
    def falls_short(self) -> bool:
        """Whether it is not missed yet and expected to be; by the figure so far where there is no nowcast."""
        return self.standing is Standing.AT_RISK and (self.nowcast is None or self.nowcast.short > 0)
