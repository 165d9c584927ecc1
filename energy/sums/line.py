"""The registers of a sheet as figures read them: how much, how well known, and whether they are there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from energy.configuration.device import ENERGY, EXPORT
from energy.settlement.registers import ESTIMATED, INTEGRATED, RESET, SUBSTITUTED
from energy.sums.sheet import NO_ROW, RegisterKey, Sheet
from telemetry.frame import Floats

Flags = npt.NDArray[np.bool_]

HOUR = 4
"""Quarters to the hour, within which energy is matched."""


@dataclass(frozen=True)
class Line:
    """One register: ``amount`` is NaN where not known; ``loose`` where only the total of a gap is known.

    An interval is loose when it was interpolated across a gap that leaves its hour, so that even the hour's
    amount is a guess; a reset within the gap makes it no better known. ``bound``: the amount is no more than
    a lower bound; ``guessed``: nothing was measured, the documented estimate stands in. ``before`` the first
    reading of the site, and the first interval that was ever settled of it, nothing is missed.
    """

    amount: Floats
    estimated: Flags
    loose: Flags
    bound: Flags
    there: Flags
    before: Flags
    guessed: Flags


@dataclass
class Lines:
    """The registers of a sheet by name, noting which of them were asked for."""

    sheet: Sheet
    used: dict[RegisterKey, Line] = field(default_factory=dict)

    def __call__(self, measurement: str, meter: str, channel: str = ENERGY) -> Line:
        key = (measurement, meter, channel)
        if key not in self.used:
            self.used[key] = _line(self.sheet, key)
        return self.used[key]


def total(amounts: Iterable[Floats], sheet: Sheet) -> Floats:
    """Their sum per quarter of ``sheet``; NaN where one is not known."""
    return sum(amounts, start=np.zeros(sheet.quarters))


def anywhere(flags: Iterable[Flags], sheet: Sheet) -> Flags:
    """Where at least one of ``flags`` is set, per quarter of ``sheet``."""
    result = np.zeros(sheet.quarters, dtype=np.bool_)
    for flag in flags:
        result |= flag
    return result


def _line(sheet: Sheet, key: RegisterKey) -> Line:
    """A register of the sheet; one that is not in it is not known.

    An export register counts nothing before it begins, and one that never spoke is not there at all.
    """
    number = next((i for i, r in enumerate(sheet.registers) if r.key == key), None)
    nothing = np.zeros(sheet.quarters, dtype=np.bool_)
    if number is None:
        fill = 0.0 if key[2] == EXPORT else np.nan
        there = nothing | (key[2] != EXPORT)
        return Line(np.full(sheet.quarters, fill), nothing, nothing, nothing, there, nothing, nothing)
    at = np.arange(sheet.first, sheet.first + sheet.quarters)
    begun = sheet.registers[number].begun(at)
    there = begun | (key[2] != EXPORT)
    amount, quality = np.where(there, sheet.amount[number], 0.0), sheet.quality[number]
    spread, reset, guessed = quality == ESTIMATED, quality == RESET, quality == SUBSTITUTED
    # What a meter without an export register exports is a mean between samples of its power.
    estimated = spread | guessed | ((quality == INTEGRATED) & (key[2] == EXPORT))
    return Line(
        amount,
        estimated,
        _leaving_their_hour(spread | reset) | guessed,
        reset,
        there,
        ~np.logical_or.accumulate(quality != NO_ROW) | (np.isnan(amount) & (at <= _first_reading(sheet))),
        guessed,
    )


def _first_reading(sheet: Sheet) -> int:
    """The quarter of the first reading of any register, up to which nobody can have missed anything."""
    return min((r.since for r in sheet.registers if r.since is not None), default=-1)


def _leaving_their_hour(spread: Flags) -> Flags:
    """Quarters of spread energy whose run of such quarters goes on beyond their hour."""
    hours = spread.reshape(-1, HOUR)
    loose = np.zeros_like(hours)
    crossing = hours[:-1, -1] & hours[1:, 0]
    # Within an hour, a quarter belongs to the crossing run if all quarters up to the edge are of it.
    to_the_end = np.flip(np.logical_and.accumulate(np.flip(hours, axis=1), axis=1), axis=1)
    from_the_start = np.logical_and.accumulate(hours, axis=1)
    loose[:-1] |= to_the_end[:-1] & crossing[:, None]
    loose[1:] |= from_the_start[1:] & crossing[:, None]
    flat: Flags = loose.ravel()
    return flat
