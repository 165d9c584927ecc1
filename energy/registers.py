"""Energy per 15-minute interval from the readings of one cumulative register.

The register's value at each interval boundary is interpolated between the readings that bracket it, and an
interval's amount is the difference of two boundary values: what one interval ends with the next begins with,
so quarter-hours add up to what the register counted, exactly. Nothing here knows a device or a database.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from energy.figures import Quality
from energy.interval import QUARTER_MS
from runtime.clock import from_ms
from telemetry.frame import Floats, Millis

QUALITIES: tuple[Quality, ...] = get_args(Quality)
OK, ESTIMATED, RESET, INTEGRATED, MISSING = range(len(QUALITIES))
"""Qualities as small integers, in the order of :data:`energy.figures.Quality`."""

HEADROOM = 1.2
"""How far above its rated power a register may gain before the gain is held for a fault."""

ROLLOVER_BAND = 0.05
"""A rollover starts within this last share of the modulus."""

RESTARTED = 0.1
"""A register that fell was reset only if no more than this share of its count is left.

After a small step back the whole count would pass for energy, a supply's for green energy.
"""

_HOUR_MS = 3_600_000


@dataclass(frozen=True)
class Register:
    """How a register counts, in its own unit (Wh, m³).

    Attributes:
        period_ms: nominal time between readings.
        rated: most that it can gain in one hour; :data:`HEADROOM` is added before a gain is refused.
        modulus: the count at which it starts again from 0, if known.
        on_decrease: what a decrease means that is no rollover.
        quantum: the resolution to which boundary values are rounded.
    """

    period_ms: int
    rated: float
    modulus: float | None = None
    on_decrease: Literal["reset", "unknown"] = "reset"
    quantum: float = 1.0

    @property
    def bracket_ms(self) -> int:
        """Longest time between two readings whose interpolation still counts as measured.

        Never more than an hour, whatever the period: a straight line through a day would give the night sun.
        """
        return max(min(2 * self.period_ms, _HOUR_MS), QUARTER_MS)


@dataclass
class Intervals:
    """Amounts of ``len(amount)`` consecutive intervals.

    Attributes:
        amount: float64, in quanta of the register; NaN where ``quality`` is :data:`MISSING`.
        quality: int8, an index into :data:`QUALITIES`.
        absent: bool, where it is missing for want of readings rather than because of what they say.
        reasons: interval index -> why it is not simply ``ok``.
    """

    amount: Floats
    quality: npt.NDArray[np.int8]
    absent: npt.NDArray[np.bool_]
    reasons: dict[int, str] = field(default_factory=dict)

    @classmethod
    def empty(cls, count: int, reason: str) -> Intervals:
        """``count`` missing intervals that all share ``reason``."""
        return cls(
            np.full(count, np.nan),
            np.full(count, MISSING, dtype=np.int8),
            np.ones(count, dtype=np.bool_),
            dict.fromkeys(range(count), reason),
        )


@dataclass(frozen=True)
class _Segments:
    """What happened between each two neighbouring readings; ``step`` is gain less raw difference."""

    at_ms: Millis
    value: Floats
    gain: Floats
    step: Floats
    quality: npt.NDArray[np.int8]
    reasons: dict[int, str]


def clean(at_ms: Millis, register: Floats) -> tuple[Millis, Floats]:
    """Readings in time order, the last of those with one time, without missing ones and without glitches.

    A glitch is one single sample that stands below (or above) both its neighbours while those two agree that
    the register only grew.
    """
    known = ~np.isnan(register)
    order = np.argsort(at_ms[known], kind="stable")
    at, value = at_ms[known][order], register[known][order]
    if len(at) > 1:
        newest = np.append(at[1:] != at[:-1], True)
        at, value = at[newest], value[newest]
    if len(at) < 3:
        return at, value
    before, here, after = value[:-2], value[1:-1], value[2:]
    returns = after >= before
    glitch = returns & ((here < before) | (here > after))
    keep = np.concatenate(([True], ~glitch, [True]))
    return at[keep], value[keep]


def settle_register(at_ms: Millis, register: Floats, start_ms: int, count: int, how: Register) -> Intervals:
    """Amounts of the ``count`` intervals from ``start_ms`` (a multiple of 15 minutes) on.

    ``at_ms`` and ``register`` are the readings, in any order, NaN allowed; they should reach beyond both ends
    of the range, as an interval without a reading at or after its end (or at or before its start) is missing.
    """
    at, value = clean(at_ms, register)
    if len(at) == 0:
        return Intervals.empty(count, "no reading arrived")
    segments = _segments(at, value, how)
    edges = start_ms + QUARTER_MS * np.arange(count + 1, dtype=np.int64)
    amount = np.maximum(np.diff(_at_edges(segments, edges, how.quantum)), 0.0)
    result = Intervals(amount, np.zeros(count, dtype=np.int8), np.zeros(count, dtype=np.bool_))
    for kind in (ESTIMATED, RESET, MISSING):
        _flag(result, segments, kind, start_ms)
    _open_ends(result, at, edges)
    result.amount[result.quality == MISSING] = np.nan
    return result


def _segments(at: Millis, value: Floats, how: Register) -> _Segments:
    elapsed = np.diff(at).astype(np.float64)
    difference = np.diff(value)
    limit = HEADROOM * how.rated * elapsed / _HOUR_MS
    down = difference < 0
    gain = difference.copy()
    quality = np.where((elapsed > how.bracket_ms) | _smeared(at), ESTIMATED, OK).astype(np.int8)
    if how.modulus is not None:
        rolled = down & _rolls_over(value, how.modulus, limit)
        gain[rolled] += how.modulus
        down &= ~rolled
    gain[down] = value[1:][down]
    restarted = down & (value[1:] <= RESTARTED * value[:-1])
    quality[down] = MISSING
    if how.on_decrease == "reset":
        quality[restarted] = RESET
    quality[gain > limit] = MISSING
    reasons = {int(i): _reason(int(i), at, value, (how, quality)) for i in np.flatnonzero(quality != OK)}
    gain[quality == MISSING] = 0.0
    return _Segments(at, value, gain, gain - difference, quality, reasons)


def _smeared(at: Millis) -> npt.NDArray[np.bool_]:
    """Whether more than a quarter lies on either side of a full hour between two readings.

    A straight line over it gives the one hour what the other used, however slow the meter promised to be.
    """
    hour = (at[:-1] // _HOUR_MS + 1) * _HOUR_MS
    result: npt.NDArray[np.bool_] = np.minimum(hour - at[:-1], at[1:] - hour) > QUARTER_MS
    return result


def _rolls_over(value: Floats, modulus: float, limit: Floats) -> npt.NDArray[np.bool_]:
    before, after = value[:-1], value[1:]
    near_the_top = (before >= (1 - ROLLOVER_BAND) * modulus) & (before <= modulus)
    result: npt.NDArray[np.bool_] = near_the_top & (after - before + modulus <= limit)
    return result


def _reason(i: int, at: Millis, value: Floats, verdict: tuple[Register, npt.NDArray[np.int8]]) -> str:
    how, quality = verdict
    moment = from_ms(int(at[i + 1])).strftime("%Y-%m-%d %H:%M:%SZ")
    span = f"from {value[i]:.15g} to {value[i + 1]:.15g}"
    if quality[i] == ESTIMATED:
        minutes = (int(at[i + 1]) - int(at[i])) / 60_000
        return (
            f"no reading for {minutes:.0f} min before {moment}: the total is known, its shape is interpolated"
        )
    if quality[i] == RESET:
        return f"the register was reset {span} before {moment}: a lower bound"
    if value[i + 1] < value[i] and (how.on_decrease == "unknown" or value[i + 1] > RESTARTED * value[i]):
        return f"the register fell {span} before {moment}: not credited"
    return f"the register went {span} before {moment}, more than {HEADROOM} × its rated power: not credited"


def _at_edges(segments: _Segments, edges: Millis, quantum: float) -> Floats:
    """The register at each edge in quanta, without its falls; edges beyond the readings take the nearest.

    Rounding the register itself, never a difference, makes the result independent of where a recomputation
    starts. ``step`` undoes each fall from the reading at which it shows.
    """
    at, value = segments.at_ms, segments.value
    index = np.clip(np.searchsorted(at, edges, side="right") - 1, 0, len(at) - 1)
    level = value[index].copy()
    inside = (edges > at[index]) & (index < len(at) - 1)
    left = index[inside]
    share = (edges[inside] - at[left]) / (at[left + 1] - at[left])
    level[inside] += share * segments.gain[left]
    steps = np.concatenate(([0.0], np.cumsum(np.rint(segments.step / quantum))))
    edged: Floats = np.rint(level / quantum) + steps[index]
    return edged


def _flag(result: Intervals, segments: _Segments, kind: int, start_ms: int) -> None:
    """Give every interval that a segment of ``kind`` touches that quality; later kinds overrule earlier."""
    chosen = np.flatnonzero(segments.quality == kind)
    first = (segments.at_ms[chosen] - start_ms) // QUARTER_MS
    last = (segments.at_ms[chosen + 1] - 1 - start_ms) // QUARTER_MS
    count = len(result.amount)
    for segment, low, high in zip(chosen, first, last, strict=True):
        touched = range(max(0, int(low)), min(count - 1, int(high)) + 1)
        if touched:
            result.quality[touched.start : touched.stop] = kind
            result.reasons.update(dict.fromkeys(touched, segments.reasons[int(segment)]))


def _open_ends(result: Intervals, at: Millis, edges: Millis) -> None:
    early = edges[:-1] < at[0]
    late = edges[1:] > at[-1]
    result.quality[early | late] = MISSING
    result.absent[early | late] = True
    for index in np.flatnonzero(early | late):
        silent = edges[index] > at[-1] or edges[index + 1] <= at[0]
        side = "after" if late[index] else "before"
        result.reasons[int(index)] = (
            "no reading arrived" if silent else f"no reading {side} the interval brackets it"
        )
