"""What to do for a target: one thing, how much of it, and in which hour it helps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np

from energy.outlook.hours import HOUR, hour_start
from energy.outlook.profile import Ahead
from energy.quantity import energy, quantity
from energy.targets.aim import Basis

Kind = Literal["buy", "discharge", "shift", "save"]

SHIFTABLE = 0.02
"""Share of the load to come that can be moved to other hours; what lacks more has to be bought."""

_DAY = 24


@dataclass(frozen=True)
class Action:
    """``amount`` in ``unit`` until the end of the period; it helps first in the hour from ``hour``.

    ``to`` is the hour into which load is shifted. ``sentence`` says all of it to a person.
    """

    kind: Kind
    amount: float
    unit: str
    hour: datetime
    to: datetime | None
    sentence: str


@dataclass(frozen=True)
class Need:
    """``amount`` (Wh of the basis) that is lacking of ``metric`` until ``end``; what the site could do."""

    metric: str
    basis: Basis
    amount: float
    unit: str
    per_unit: float
    end: datetime
    tz: ZoneInfo
    battery: bool


def action(need: Need, ahead: Ahead) -> Action | None:
    """What to do about ``need``; None where nothing is lacking or nothing of the period is left."""
    count = min(_DAY, len(ahead.cost))
    if need.amount <= 0 or not count:
        return None
    rates = ahead.cost[:count] / np.maximum(ahead.basis[:count], 1e-9)
    dear, cheap = int(np.argmax(ahead.cost[:count])), int(np.argmin(rates))
    if need.basis is not Basis.LOAD:
        return _save(need, ahead, dear)
    if need.metric == "ref":
        return _cancel(need, ahead)
    worst = float(ahead.cost[dear])
    few = need.amount <= SHIFTABLE * float(np.sum(ahead.basis))
    if few and need.battery and worst > 0:
        return _discharge(need, ahead, dear)
    if few and rates[cheap] < rates[dear] / 2:
        return _shift(need, ahead, dear, cheap)
    return _buy(need, ahead, dear)


def _buy(need: Need, ahead: Ahead, dear: int) -> Action:
    hour = hour_start(ahead.first + dear)
    lacking = energy(float(ahead.cost[dear]))
    text = (
        f"Contract {energy(need.amount)} more green supply until {_day(need)} (PPA or hourly certificates), "
        f"first for {_clock(hour, need)}, where {lacking} will be lacking."
    )
    return Action("buy", need.amount, need.unit, hour, None, text)


def _cancel(need: Need, ahead: Ahead) -> Action:
    text = f"Cancel certificates for {energy(need.amount)} of this period, or contract as much more supply."
    return Action("buy", need.amount, need.unit, hour_start(ahead.first), None, text)


def _discharge(need: Need, ahead: Ahead, dear: int) -> Action:
    hour, amount = hour_start(ahead.first + dear), min(need.amount, float(ahead.cost[dear]))
    text = (
        f"Discharge {energy(amount)} of green energy from the battery in {_clock(hour, need)}; "
        f"{energy(need.amount)} are needed until {_day(need)}."
    )
    return Action("discharge", amount, need.unit, hour, None, text)


def _shift(need: Need, ahead: Ahead, dear: int, cheap: int) -> Action:
    hour, to = hour_start(ahead.first + dear), hour_start(ahead.first + cheap)
    text = (
        f"Shift {energy(need.amount)} of load until {_day(need)}, first from {_clock(hour, need)} "
        f"to {_clock(to, need)}, the greenest of the coming day."
    )
    return Action("shift", need.amount, need.unit, hour, to, text)


def _save(need: Need, ahead: Ahead, dear: int) -> Action:
    hour, amount = hour_start(ahead.first + dear), need.amount * need.per_unit
    told = energy(amount) if need.unit == "Wh" else quantity(amount, need.unit)
    what = "overhead (cooling, losses)" if need.metric == "pue" else "what this figure counts"
    text = f"Save {told} of {what} until {_day(need)}; most is expected in {_clock(hour, need)}."
    return Action("save", amount, need.unit, hour, None, text)


def _clock(hour: datetime, need: Need) -> str:
    """``the hour from 2026-10-20 18:00 CEST``."""
    return f"the hour from {hour.astimezone(need.tz):%Y-%m-%d %H:%M %Z}"


def _day(need: Need) -> str:
    """The last day of the period."""
    return f"{(need.end - HOUR).astimezone(need.tz):%Y-%m-%d}"
