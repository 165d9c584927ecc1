"""Hourly matching: each hour's consumption against what contracted supplies delivered in that hour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from energy.balance import HOUR, Flags
from telemetry.frame import Floats


@dataclass(frozen=True)
class Match:
    """Where E_DC came from per quarter, in Wh: ``green`` by supply, ``other``, ``unknown``.

    Wherever E_DC is known the three add up to it; where it is not, all are NaN.
    """

    green: Mapping[str, Floats]
    matched: Floats
    other: Floats
    unknown: Floats


def match(edc: Floats, loose: Flags, contracted: Mapping[str, Floats]) -> Match:
    """Match ``edc`` with ``contracted`` (by supply, in ladder order) hour by hour.

    An hour's matched energy is the lesser of the two, over the quarters in which both are known; surplus of
    one hour earns nothing in another. It is shared out to the hour's quarters in proportion to their E_DC.
    Where a supply is not known, what the others cover is green and the rest of the quarter unknown, not
    other; where E_DC is ``loose`` (its hour is a guess) nothing is claimed. Lengths are multiples of 4.
    """
    firm = ~np.isnan(edc) & ~loose
    load = np.where(firm, edc, 0.0).reshape(-1, HOUR)
    left = load.sum(axis=1)
    share = np.divide(load, left[:, None], out=np.zeros_like(load), where=left[:, None] > 0)
    nowhere = np.where(np.isnan(edc), np.nan, 0.0)
    unsure = ~firm
    green, matched = {}, nowhere.copy()
    for supply, offered in contracted.items():
        unsure |= np.isnan(offered)
        given = np.where(firm & ~np.isnan(offered), offered, 0.0).reshape(-1, HOUR).sum(axis=1)
        taken = np.minimum(given, left)
        left = left - taken
        green[supply] = (taken[:, None] * share).ravel() + nowhere
        matched += green[supply]
    matched = np.minimum(matched, edc)
    rest = edc - matched
    unknown = np.where(unsure, rest, nowhere)
    return Match(green, matched, rest - unknown, unknown)
