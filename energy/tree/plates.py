"""What a meter's plate and papers say, checked: class, calibration, transformers, exchanges."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from energy.configuration.metering import CtRatio, RegisterOptions, WaterOptions

if TYPE_CHECKING:
    from energy.configuration.site import SiteOptions

_TABLES = ("meter", "supply", "cooling", "heat", "water")

_FINEST, _COARSEST = 0.05, 10.0
"""Percent; standards know classes of 0.1 to 3."""

_CORRECTION = 0.05
"""A ratio within this of 1 corrects a small error."""

_RATIO = 1.25
"""The least ratio of two transformers that are made."""

_AHEAD = timedelta(days=1)
"""It may be tomorrow already where the meter stands."""

_SLIP = (100.0, 1000.0)
_NEAR = 0.01


def plate_faults(key: str, site: SiteOptions, today: date | None) -> list[str]:
    """What is wrong with single registers of ``[sites.key]``; without ``today`` no date is in the future."""
    return [
        f"sites.{key}.{table} {one.id!r}: {fault}"
        for table in _TABLES
        for one in getattr(site, table)
        for fault in _faults(one, today)
    ]


def _faults(one: RegisterOptions | WaterOptions, today: date | None) -> Iterator[str]:
    if one.accuracy_class is not None and not _FINEST <= one.accuracy_class <= _COARSEST:
        yield (
            f"accuracy_class = {one.accuracy_class:g} is no class of a meter, which is written in percent: "
            "0.2, 0.5 or 1"
        )
    if today is not None and one.calibrated is not None and one.calibrated > today + _AHEAD:
        yield f"calibrated = {one.calibrated}: lies in the future; write when it was calibrated last"
    if isinstance(one, WaterOptions):
        yield from _unordered("swap", [entry.at for entry in one.swap], "at")
        return
    yield from _unordered("ct", [entry.since for entry in one.ct], "since")
    for channel in dict.fromkeys(entry.channel for entry in one.swap):
        yield from _unordered("swap", [entry.at for entry in one.swap if entry.channel == channel], "at")
    yield from _ratios(one.ct)


def _unordered(table: str, times: Sequence[datetime], field: str) -> Iterator[str]:
    for number, (before, after) in enumerate(pairwise(times), start=1):
        if after <= before:
            yield (
                f"{table}[{number}].{field} = {after.isoformat()} is not after the entry before it; write "
                "them in order, each moment once"
            )


def _ratios(history: Sequence[CtRatio]) -> Iterator[str]:
    """A correction is near 1 and a ratio of transformers far from it: what lies between is a slip."""
    for number, entry in enumerate(history):
        correction = abs(entry.ratio - 1) <= _CORRECTION
        if not correction and (entry.ratio < 1 / 2 or 1 / _RATIO < entry.ratio < _RATIO):
            yield (
                f"ct[{number}].ratio = {entry.ratio:g} is neither a correction nor a ratio of transformers; "
                "a correction of 0.2 % is written 1.002"
            )
    for number, (before, after) in enumerate(pairwise(history), start=1):
        step = max(before.ratio, after.ratio) / min(before.ratio, after.ratio)
        if any(abs(step / slip - 1) <= _NEAR for slip in _SLIP):
            yield (
                f"ct[{number}].ratio = {after.ratio:g} is {step:.0f} times off the one before it, as when a "
                "unit is mistaken; write what stands on the transformers"
            )
