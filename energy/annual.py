"""Figures over twelve months up to a midnight, or why there are none yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from energy.sums.basis import Basis

ANNUAL = ("pue", "ref", "erf", "ere", "cue", "wue", "cer")
"""The KPIs that standards define over a year; over less they are interim values."""


@dataclass(frozen=True)
class Trailing:
    """What the year up to ``end`` tells: twelve civil months, which begin at ``start``.

    ``end`` is the last midnight (of the site; of ``all`` that of UTC) up to which all is settled, no later
    than what was asked for; both are null before there is one. ``figures`` holds every KPI that is defined
    over a year; one that is null is explained in ``withheld``: all of them are while fewer than ``of_days``
    days are settled. ``days`` counts those from the first reading of the inlet's meters on; of several sites,
    of the one that has the fewest. ``completeness``, ``estimated``, ``state``, ``revision``,
    ``pue_category``, ``uncertainty``, ``basis`` and ``marks`` are of the year, as they are of a row. Where
    nothing is told of it the first two are null and it is open, with revision 0. ``unproven_wh`` is what of
    ``ref`` no cancelled certificate proves.
    """

    start: datetime | None = None
    end: datetime | None = None
    days: int = 0
    of_days: int = 365
    figures: Mapping[str, float | None] = field(default_factory=lambda: dict.fromkeys(ANNUAL))
    withheld: Mapping[str, str] = field(default_factory=dict)
    completeness: float | None = None
    estimated: float | None = None
    state: Literal["open", "provisional", "settled", "restated", "final"] = "open"
    revision: int = 0
    pue_category: str | None = None
    uncertainty: Mapping[str, float] = field(default_factory=dict)
    basis: Mapping[str, Basis] = field(default_factory=dict)
    marks: Mapping[str, str] = field(default_factory=dict)
    unproven_wh: float | None = None
