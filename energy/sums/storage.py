"""Where the energy in the batteries came from: first in, first out, month by month, losses included."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from energy.sums.balance import Balance
from energy.sums.line import HOUR, Flags
from energy.sums.overflow import months, overflow
from energy.sums.share_out import in_proportion, reached
from telemetry.frame import Floats

Wh = dict[str, Floats]
"""By supply or battery."""

_BLUR = 1e-5
"""Wh: what interpolating in the sums of a month may lose."""


@dataclass(frozen=True)
class Stored:
    """What batteries kept for later, in whole Wh per quarter.

    Attributes:
        kept: by supply: its surplus that charged a battery.
        offers: by battery: what its discharge may claim as green, losses and what the grid got taken off.
        doubt: of what batteries gave, how much may have been green, though nobody can tell.
        spilt: what they took that cannot be in them any more, nor is a loss that was declared.
    """

    kept: Mapping[str, Floats]
    offers: Mapping[str, Floats]
    doubt: Floats
    spilt: Floats


@dataclass(frozen=True)
class _Flow:
    """One battery by the hour: Wh that came in (``green`` of them by supply, ``doubt`` perhaps) and went out.

    ``out`` left the store and ``given`` of it reached the site; ``lost`` is where that is not known.
    """

    came: Floats
    green: Wh
    doubt: Floats
    out: Floats
    given: Floats
    lost: Flags


def stored(balance: Balance, first: int) -> Stored:
    """Trace what every battery of ``balance`` (from quarter ``first``, a whole hour) took in and gave.

    The method is fixed (ADR 18). Only what supplies delivered beyond the load of an hour of which everything
    is known is green; batteries take of it in their order, earlier rungs first. What a battery gives is what
    came in first. It starts empty of anything green with every month of UTC, whichever part of it is asked
    for. Energy that comes in and goes out within one hour was matched in it, and earns nothing here. After
    discharges that are not known nothing is left in it that is known to be green; a charge that is not known
    takes the room of the largest that there can have been. Once its registers have contradicted what is
    declared of it, nothing that it gives in the rest of the month is known to be green.
    """
    quarters = len(balance.load)
    names = list(balance.batteries.charge)
    if not names:
        return Stored({}, {}, np.zeros(quarters), np.zeros(quarters))
    left, sound = _surplus(balance)
    kept = {supply: np.zeros(quarters) for supply in left}
    offers: Wh = {}
    doubt, spilt = np.zeros(quarters), np.zeros(quarters)
    fed = _fed(balance)
    for name in names:
        charge = balance.batteries.charge[name]
        flow = _flow(balance, name, (left, sound), fed[name])
        for supply, green in flow.green.items():
            left[supply] = left[supply] - green
            kept[supply] += in_proportion(green, _hours(charge)).ravel()
        green, unsure = _traced(flow, first // HOUR)
        beyond = overflow(balance.batteries, name, first)
        refuted = beyond.broken.reshape(-1, HOUR).any(axis=1)
        green, unsure = np.where(refuted, 0.0, green), unsure + np.where(refuted, green, 0.0)
        spilt += beyond.spilt
        discharge = _hours(balance.batteries.discharge[name])
        offers[name] = in_proportion(green, discharge).ravel()
        doubt += in_proportion(unsure, discharge).ravel()
    return Stored(kept, offers, doubt, spilt)


def _surplus(balance: Balance) -> tuple[Wh, Flags]:
    """Wh that each supply gave in each hour beyond its load, and the hours of which everything is known."""
    known = ~np.isnan(balance.load) & ~balance.loose
    for offer in balance.contracted.values():
        known = known & ~np.isnan(offer)
    sound: Flags = np.all(known.reshape(-1, HOUR), axis=1)
    load = np.where(sound, np.maximum(_hours(balance.load).sum(axis=1), 0.0), 0.0)
    left: Wh = {}
    offered, spared = np.zeros(len(load)), np.zeros(len(load))
    for supply, offer in balance.contracted.items():
        offered = offered + np.where(sound, _hours(offer).sum(axis=1), 0.0)
        beyond = np.maximum(reached(offered) - load, 0.0)
        left[supply], spared = np.where(sound, beyond - spared, 0.0), beyond
    return left, sound


def _flow(balance: Balance, name: str, surplus: tuple[Wh, Flags], fed: Floats) -> _Flow:
    """One battery's hours; it takes of the ``surplus`` what the ones before it left."""
    left, sound = surplus
    charge, discharge = balance.batteries.charge[name], balance.batteries.discharge[name]
    told = sound & ~np.isnan(_hours(charge)).any(axis=1)
    came = np.where(np.isnan(charge), balance.batteries.most[name], charge)
    by_hour = _hours(came).sum(axis=1)
    green: Wh = {}
    offered, taken = np.zeros(len(told)), np.zeros(len(told))
    for supply, wh in left.items():
        offered = offered + wh
        until = np.where(told, np.minimum(offered, by_hour), 0.0)
        green[supply], taken = until - taken, until
    return _Flow(
        came=by_hour,
        green=green,
        doubt=np.where(told, 0.0, by_hour),
        out=np.nan_to_num(_hours(balance.batteries.withdrawn[name])).sum(axis=1),
        given=np.nan_to_num(_hours(discharge - fed)).sum(axis=1),
        lost=np.any(np.isnan(_hours(discharge)), axis=1),
    )


def _fed(balance: Balance) -> Wh:
    """What of each battery's discharge went to the grid: in proportion to what each of them gave."""
    given = balance.batteries.discharge
    whole = sum((np.nan_to_num(wh) for wh in given.values()), start=np.zeros(len(balance.fed)))
    part = np.divide(balance.fed, whole, out=np.zeros_like(whole), where=whole > 0)
    return {name: wh * np.minimum(part, 1.0) for name, wh in given.items()}


def _traced(flow: _Flow, first_hour: int) -> tuple[Floats, Floats]:
    """Wh of each hour's discharge that are green, and Wh that may have been; month by month of UTC."""
    green, unsure = np.zeros(len(flow.came)), np.zeros(len(flow.came))
    for low, high in months(first_hour, len(flow.came)):
        part = slice(low, high)
        within = _Flow(
            flow.came[part],
            {supply: wh[part] for supply, wh in flow.green.items()},
            flow.doubt[part],
            flow.out[part],
            flow.given[part],
            flow.lost[part],
        )
        green[part], unsure[part] = _first_out(within)
    return green, unsure


def _first_out(flow: _Flow) -> tuple[Floats, Floats]:
    """The queue of one month, as cumulated Wh: ``entry`` is how much had come in when an hour began.

    What stands in it then is drawn from ``out`` of the front up to ``end``; nothing before ``wall``, where
    discharges were last lost sight of, is known to be green.
    """
    came = np.concatenate([[0.0], flow.came.cumsum()])
    ledge = np.concatenate([[0.0], (flow.came - flow.out).cumsum()])
    content = ledge - np.minimum(np.minimum.accumulate(ledge), 0.0)
    entry, front = came[:-1], came - content
    start, end = front[:-1], np.minimum(front[1:], entry)
    end = np.maximum(start, end)
    wall = np.maximum.accumulate(np.where(flow.lost, came[1:], 0.0))
    low, high = np.maximum(start, wall), np.maximum(end, wall)
    whole = sum(flow.green.values(), start=np.zeros(len(flow.came)))
    green, doubt = (_between(came, wh, low, high) for wh in (whole, flow.doubt))
    doubt = doubt + np.minimum(end, wall) - np.minimum(start, wall)
    part = np.divide(flow.given, flow.out, out=np.zeros_like(flow.given), where=flow.out > 0)
    return np.floor(green * part + _BLUR), np.ceil(doubt * part - _BLUR)


def _between(edges: Floats, wh: Floats, low: Floats, high: Floats) -> Floats:
    """How much of ``wh``, spread evenly from edge to edge, lies between ``low`` and ``high``."""
    until = np.concatenate([[0.0], wh.cumsum()])
    found: Floats = np.interp(high, edges, until) - np.interp(low, edges, until)
    return found


def _hours(quarters: Floats) -> Floats:
    return quarters.reshape(-1, HOUR)
