"""Hourly matching: each hour's consumption against what contracted supplies delivered in that hour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from energy.balance import HOUR, Flags
from telemetry.frame import Floats

_DUST = 1e-6
"""Wh: what adding binary fractions up may lose."""


@dataclass(frozen=True)
class Match:
    """Where E_DC came from per quarter, in Wh: ``green`` by supply, ``other``, ``unknown``.

    Wherever E_DC is known the three add up to it; where it is not, all are NaN.
    """

    green: Mapping[str, Floats]
    matched: Floats
    other: Floats
    unknown: Floats


def match(edc: Floats, fed: Floats, loose: Flags, contracted: Mapping[str, Floats]) -> Match:
    """Match ``edc`` with ``contracted`` (by supply, in ladder order) hour by hour.

    An hour's matched energy is the lesser of the two, over the quarters in which both are known; surplus of
    one hour earns nothing in another. It is shared out to those quarters in proportion to their E_DC, in
    whole Wh, so that quarters, hours, days and months add up to the watt-hour. A
    quarter in which a supply is not known is matched for itself with the supplies that are; then, as the
    missing supply might have covered it, what is left of that hour is unknown, not other. Where E_DC is
    ``loose`` (its hour is a guess) nothing is claimed. What batteries ``fed`` to the grid was matched when
    they were charged: it is taken back from the first supply, as nobody knows from which it came. Lengths
    are multiples of 4.
    """
    firm = ~np.isnan(edc) & ~loose
    load = np.where(firm, np.maximum(edc, 0.0), 0.0)
    offers = {supply: np.where(firm, np.nan_to_num(offer), 0.0) for supply, offer in contracted.items()}
    partial = np.zeros_like(firm)
    for offer in contracted.values():
        partial |= firm & np.isnan(offer)
    by_hour = _taken(load, offers, ~partial, HOUR)
    alone = _taken(load, offers, partial, 1)
    nowhere = np.where(np.isnan(edc), np.nan, 0.0)
    green = {supply: by_hour[supply] + alone[supply] + nowhere for supply in contracted}
    for supply in list(green)[:1]:
        green[supply] = green[supply] - fed
    matched = sum(green.values(), start=nowhere)
    rest = edc - matched
    unsure = (partial | loose).reshape(-1, HOUR).any(axis=1).repeat(HOUR)
    unknown = np.where(unsure, rest, nowhere)
    return Match(green, matched, rest - unknown, unknown)


def _taken(load: Floats, offers: Mapping[str, Floats], where: Flags, length: int) -> dict[str, Floats]:
    """What each supply gives to runs of ``length`` quarters, counting only the quarters ``where`` it may.

    In whole Wh, as loads are: rounded down over all supplies up to this one, so that several that each give
    a fraction of a Wh are not rounded down one by one.
    """
    left = np.where(where, load, 0.0).reshape(-1, length)
    whole, offered, given = left.sum(axis=1), np.zeros(len(left)), np.zeros(len(left))
    taken = {}
    for supply, offer in offers.items():
        offered = offered + np.where(where, offer, 0.0).reshape(-1, length).sum(axis=1)
        reached = np.floor(np.minimum(offered, whole) + _DUST)
        shared = _shared(reached - given, left)
        taken[supply] = shared.ravel()
        left, given = left - shared, reached
    return taken


def _shared(given: Floats, left: Floats) -> Floats:
    """``given`` to each run, shared out in proportion to what is ``left`` of its loads, in whole Wh."""
    until = left.cumsum(axis=1)
    whole = until[:, -1:]
    part = np.divide(until, whole, out=np.zeros_like(until), where=whole > 0)
    return np.diff(np.rint(given[:, None] * part), axis=1, prepend=0.0)
