"""Hourly matching: each hour's load against what the rungs of the ladder gave in that hour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from energy.sums.line import HOUR, Flags
from energy.sums.share_out import in_proportion, reached
from telemetry.frame import Floats

Rung = Literal["onsite", "storage", "ppa", "timed"]
"""Own plants behind the meter, batteries that these or contracts charged, contracts, certificates."""

RUNGS: tuple[Rung, ...] = ("onsite", "storage", "ppa", "timed")
"""In the order in which they are taken."""

Ladder = Mapping[Rung, Mapping[str, Floats]]
"""Wh that may be matched, by rung and by supply; NaN where not known."""


@dataclass(frozen=True)
class Match:
    """Where the load was covered from per quarter, in Wh: ``green`` by supply, ``other``, ``unknown``.

    Wherever the load is known the three add up to it; where it is not, all are NaN. ``rungs`` is ``green`` by
    rung, ``matched`` all of it.
    """

    green: Mapping[str, Floats]
    rungs: Mapping[str, Floats]
    matched: Floats
    other: Floats
    unknown: Floats


def match(load: Floats, loose: Flags, ladder: Ladder, doubt: Floats | None = None) -> Match:
    """Match ``load`` with the supplies of ``ladder``, rung by rung, hour by hour.

    An hour's matched energy is the lesser of the two, over the quarters in which both are known; surplus of
    one hour earns nothing in another. It is shared out to those quarters in proportion to their load, in
    whole Wh, so that quarters, hours, days and months add up to the watt-hour. A quarter in which a supply is
    not known is matched for itself with the supplies that are; then, as the missing supply might have covered
    it, what is left of that hour is unknown, not other. So is what is in ``doubt`` (Wh per quarter), and of
    an hour as much as supplies gave in quarters whose load is not known: less of it may have been used there.
    Where the load is ``loose`` (its hour is a guess) nothing is claimed. Lengths are multiples of 4.
    """
    contracted = {supply: offer for rung in RUNGS for supply, offer in ladder.get(rung, {}).items()}
    firm = ~np.isnan(load) & ~loose
    wanted = np.where(firm, load, 0.0)
    offers = {supply: np.where(firm, np.nan_to_num(offer), 0.0) for supply, offer in contracted.items()}
    partial = np.zeros_like(firm)
    for offer in contracted.values():
        partial |= firm & np.isnan(offer)
    by_hour = _taken(wanted, offers, ~partial, HOUR)
    alone = _taken(wanted, offers, partial, 1)
    nowhere = np.where(np.isnan(load), np.nan, 0.0)
    green = {supply: by_hour[supply] + alone[supply] + nowhere for supply in contracted}
    rungs: dict[str, Floats] = {
        rung: sum((green[supply] for supply in ladder.get(rung, {})), start=nowhere + 0.0) for rung in RUNGS
    }
    matched = sum(green.values(), start=nowhere)
    rest = load - matched
    spare = _spare(load, contracted)
    unsure = (partial | loose).reshape(-1, HOUR).any(axis=1).repeat(HOUR) | np.isnan(spare)
    left = np.maximum(rest, 0.0)
    doubted = nowhere if doubt is None else np.minimum(left, doubt)
    unknown = np.where(unsure, rest, doubted + _reaching(spare, left - doubted))
    return Match(green, rungs, matched, rest - unknown, unknown)


def _spare(load: Floats, offers: Mapping[str, Floats]) -> Floats:
    """What supplies gave in those quarters of each hour whose load is not known; NaN where one is not."""
    lost = np.isnan(load)
    given = sum((np.where(lost, offer, 0.0) for offer in offers.values()), start=np.zeros(len(load)))
    by_hour: Floats = given.reshape(-1, HOUR).sum(axis=1).repeat(HOUR)
    return by_hour


def _reaching(spare: Floats, left: Floats) -> Floats:
    """How far ``spare`` Wh of each hour reach in what is ``left`` of its quarters, in whole Wh."""
    quarters = np.nan_to_num(left).reshape(-1, HOUR)
    most = np.minimum(np.nan_to_num(np.ceil(spare)).reshape(-1, HOUR)[:, 0], quarters.sum(axis=1))
    shared = in_proportion(most, quarters).ravel()
    return np.where(np.isnan(left), np.nan, np.minimum(shared, np.nan_to_num(left)))


def _taken(load: Floats, offers: Mapping[str, Floats], where: Flags, length: int) -> dict[str, Floats]:
    """What each supply gives to runs of ``length`` quarters, counting only the quarters ``where`` it may.

    In whole Wh, as loads are: rounded down over all supplies up to this one, so that several that each give
    a fraction of a Wh are not rounded down one by one.
    """
    wanted = np.where(where, load, 0.0).reshape(-1, length)
    whole, left = np.maximum(wanted.sum(axis=1), 0.0), np.maximum(wanted, 0.0)
    offered, given = np.zeros(len(left)), np.zeros(len(left))
    taken = {}
    for supply, offer in offers.items():
        offered = offered + np.where(where, offer, 0.0).reshape(-1, length).sum(axis=1)
        until = reached(np.minimum(offered, whole))
        shared = in_proportion(until - given, left)
        taken[supply] = shared.ravel()
        left, given = left - shared, until
    return taken
