"""Energy per 15-minute interval from the readings of one cumulative register.

The register's value at each interval boundary is interpolated between the readings that bracket it, and an
interval's amount is the difference of two boundary values: what one interval ends with the next begins with,
so quarter-hours add up to what the register counted, exactly. Nothing here knows a device or a database.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import get_args

import numpy as np
import numpy.typing as npt

from energy.counting.frozen import CAUGHT_UP, FROZEN
from energy.counting.register import HOUR_MS, Register
from energy.counting.scale import ERROR
from energy.counting.verdict import HEADROOM, Verdict, joined, judge
from energy.figures import Quality
from energy.interval import QUARTER_MS
from runtime.clock import from_ms
from telemetry.frame import Floats, Millis

QUALITIES: tuple[Quality, ...] = get_args(Quality)
OK, ESTIMATED, RESET, INTEGRATED, MISSING, SUBSTITUTED = range(len(QUALITIES))
"""Qualities as small integers, in the order of :data:`energy.figures.Quality`."""

ROLLOVER_BAND = 0.05
"""A rollover starts within this last share of the modulus."""

RESTARTED = 0.1
"""A register that fell was reset only if no more than this share of its count is left.

After a small step back the whole count would pass for energy, a supply's for green energy.
"""


@dataclass
class Intervals:
    """Amounts of ``len(amount)`` consecutive intervals.

    Attributes:
        amount: float64, in quanta of the register; NaN where ``quality`` is :data:`MISSING`.
        quality: int8, an index into :data:`QUALITIES`.
        absent: bool, where it is missing or interpolated for want of readings rather than because of what
            they say.
        reasons: interval index -> why it is not simply ``ok``, or what was decided for it to be so.
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
    """What happened between each two neighbouring readings that count.

    ``count`` is what the register tells in the unit of the amounts, ``gain`` what it gained, ``step`` that
    less the difference of the counts; ``judged`` where a reading in between was dropped. ``notes`` tell what
    was decided where that left the amount well known.
    """

    at_ms: Millis
    count: Floats
    gain: Floats
    step: Floats
    quality: npt.NDArray[np.int8]
    judged: npt.NDArray[np.bool_]
    reasons: dict[int, str]
    notes: dict[int, str]


def settle_register(at_ms: Millis, register: Floats, start_ms: int, count: int, how: Register) -> Intervals:
    """Amounts of the ``count`` intervals from ``start_ms`` (a multiple of 15 minutes) on.

    ``at_ms`` and ``register`` are the readings, in any order, NaN allowed; they should reach beyond both ends
    of the range, as an interval without a reading at or after its end (or at or before its start) is missing.
    """
    return settle_verdict(judge(at_ms, register, how), start_ms, count, how)


def settle_verdict(verdict: Verdict, start_ms: int, count: int, how: Register) -> Intervals:
    """The same from readings that have been judged already, perhaps with the meter's power as evidence."""
    if len(verdict.at) == 0:
        return Intervals.empty(count, "no reading arrived")
    segments = _segments(verdict, how)
    edges = start_ms + QUARTER_MS * np.arange(count + 1, dtype=np.int64)
    amount = np.maximum(np.diff(_at_edges(segments, edges, how.quantum)), 0.0)
    result = Intervals(amount, np.zeros(count, dtype=np.int8), np.zeros(count, dtype=np.bool_))
    for kind, judged in ((ESTIMATED, False), (ESTIMATED, True), (RESET, None), (MISSING, None)):
        _flag(result, segments, (kind, judged), start_ms)
    _open_ends(result, segments.at_ms, edges, verdict)
    result.amount[result.quality == MISSING] = np.nan
    _annotate(result, segments, (verdict, how), start_ms)
    return result


def _segments(verdict: Verdict, how: Register) -> _Segments:
    kept = np.flatnonzero(verdict.kept)
    at, value = verdict.at[kept], verdict.value[kept]
    elapsed = np.diff(at).astype(np.float64)
    limit = HEADROOM * how.rated * elapsed / HOUR_MS
    ratio = how.ratio_between(at)
    swapped = how.swapped_between(at)
    gain = np.diff(how.onwards(at, value))
    down = gain < 0
    quality = np.where((elapsed > how.bracket_ms) | _smeared(at), ESTIMATED, OK).astype(np.int8)
    rolled = np.zeros(len(down), dtype=np.bool_)
    if how.modulus is not None:
        rolled = down & ~swapped & _rolls_over(value, how.modulus, limit / ratio)
        gain[rolled] += how.modulus
        down &= ~rolled
    gain[down] = value[1:][down]
    restarted = down & ~swapped & (value[1:] >= 0) & (value[1:] <= RESTARTED * value[:-1])
    quality[down] = MISSING
    if how.on_decrease == "reset":
        quality[restarted] = RESET
    gain *= ratio
    stood = _stuck(verdict, kept, (gain, quality))
    quality[gain > limit] = MISSING
    told = _Told(how, at, value, swapped)
    reasons = {i: stood.get(i) or told.reason(i, quality[i]) for i in np.flatnonzero(quality != OK).tolist()}
    for i in reasons:
        if verdict.slipped_between(int(kept[i]), int(kept[i + 1])):
            reasons[i] = joined((reasons[i], f"readings in another unit between them: {ERROR}"))
    notes = {i: told.note(i, bool(rolled[i])) for i in np.flatnonzero(rolled | swapped).tolist()}
    gain[quality == MISSING] = 0.0
    scaled = value * how.ratio_at(at)
    return _Segments(at, scaled, gain, gain - np.diff(scaled), quality, np.diff(kept) > 1, reasons, notes)


def _stuck(
    verdict: Verdict, kept: npt.NDArray[np.intp], found: tuple[Floats, npt.NDArray[np.int8]]
) -> dict[int, str]:
    """Put the quality of every segment in which the register was stuck; why, by segment."""
    gain, quality = found
    told = {}
    for first, stand in verdict.stands.items():
        i = int(np.searchsorted(kept, first))
        if i >= len(gain) or quality[i] in (RESET, MISSING):
            continue
        minutes = (int(verdict.at[kept[i + 1]]) - int(verdict.at[first])) / 60_000
        until = from_ms(int(verdict.at[kept[i + 1]])).strftime("%Y-%m-%d %H:%M:%SZ")
        caught_up = gain[i] >= CAUGHT_UP * stand.wh
        quality[i] = ESTIMATED if caught_up else MISSING
        end = "its total is known, its shape is interpolated" if caught_up else "not credited"
        told[i] = (
            f"{FROZEN} the register stood at {verdict.value[first]:.15g} for {minutes:.0f} min before "
            f"{until} while its power told {stand.wh:.0f} Wh: {end}"
        )
    return told


def _smeared(at: Millis) -> npt.NDArray[np.bool_]:
    """Whether more than a quarter lies on either side of a full hour between two readings.

    A straight line over it gives the one hour what the other used, however slow the meter promised to be.
    """
    hour = (at[:-1] // HOUR_MS + 1) * HOUR_MS
    result: npt.NDArray[np.bool_] = np.minimum(hour - at[:-1], at[1:] - hour) > QUARTER_MS
    return result


def _rolls_over(value: Floats, modulus: float, limit: Floats) -> npt.NDArray[np.bool_]:
    before, after = value[:-1], value[1:]
    near_the_top = (before >= (1 - ROLLOVER_BAND) * modulus) & (before <= modulus)
    result: npt.NDArray[np.bool_] = near_the_top & (after - before + modulus <= limit)
    return result


@dataclass(frozen=True)
class _Told:
    """The words for what happened between readings ``i`` and ``i + 1``."""

    how: Register
    at: Millis
    value: Floats
    swapped: npt.NDArray[np.bool_]

    def _span(self, i: int) -> tuple[str, str]:
        moment = from_ms(int(self.at[i + 1])).strftime("%Y-%m-%d %H:%M:%SZ")
        return f"from {self.value[i]:.15g} to {self.value[i + 1]:.15g}", moment

    def reason(self, i: int, quality: int) -> str:
        span, moment = self._span(i)
        if quality == ESTIMATED:
            minutes = (int(self.at[i + 1]) - int(self.at[i])) / 60_000
            return (
                f"no reading for {minutes:.0f} min before {moment}: the total is known, "
                "its shape is interpolated"
            )
        if quality == RESET:
            return f"the register was reset {span} before {moment}: a lower bound"
        if self.swapped[i]:
            return (
                f"the register went {span} across its exchange before {moment}, which cannot be: not credited"
            )
        fell = self.value[i + 1] < self.value[i]
        left = self.value[i + 1] / self.value[i] if fell and self.value[i] else 1.0
        if fell and (self.how.on_decrease == "unknown" or not 0 <= left <= RESTARTED):
            return f"the register fell {span} before {moment}: not credited"
        return (
            f"the register went {span} before {moment}, more than {HEADROOM} × its rated power: not credited"
        )

    def note(self, i: int, rolled: bool) -> str:
        span, moment = self._span(i)
        found = [f"the register rolled over {span} before {moment}"] if rolled else []
        for swap in self.how.swaps:
            if self.at[i] < swap.at_ms <= self.at[i + 1]:
                when = from_ms(swap.at_ms).strftime("%Y-%m-%d %H:%M:%SZ")
                found.append(
                    f"the meter was exchanged at {when}: the old one ended at {swap.end:.15g}, "
                    f"the new one began at {swap.start:.15g}"
                )
        return joined(found)


def _at_edges(segments: _Segments, edges: Millis, quantum: float) -> Floats:
    """The register at each edge in quanta, without its falls; edges beyond the readings take the nearest.

    Rounding the register itself, never a difference, makes the result independent of where a recomputation
    starts. ``step`` undoes each fall from the reading at which it shows.
    """
    at, value = segments.at_ms, segments.count
    index = np.clip(np.searchsorted(at, edges, side="right") - 1, 0, len(at) - 1)
    level = value[index].copy()
    inside = (edges > at[index]) & (index < len(at) - 1)
    left = index[inside]
    share = (edges[inside] - at[left]) / (at[left + 1] - at[left])
    level[inside] += share * segments.gain[left]
    steps = np.concatenate(([0.0], np.cumsum(np.rint(segments.step / quantum))))
    edged: Floats = np.rint(level / quantum) + steps[index]
    return edged


def _touched(segments: _Segments, i: int, start_ms: int, count: int) -> range:
    """The intervals that segment ``i`` reaches into."""
    low = (int(segments.at_ms[i]) - start_ms) // QUARTER_MS
    high = (int(segments.at_ms[i + 1]) - 1 - start_ms) // QUARTER_MS
    return range(max(0, low), min(count - 1, high) + 1)


def _flag(result: Intervals, segments: _Segments, what: tuple[int, bool | None], start_ms: int) -> None:
    """Give every interval that a segment of a kind touches that quality; later kinds overrule earlier.

    ``what`` is the kind, and whether its readings were judged; None takes both.
    """
    kind, judged = what
    chosen = segments.quality == kind
    if judged is not None:
        chosen &= segments.judged == judged
    for segment in np.flatnonzero(chosen).tolist():
        touched = _touched(segments, segment, start_ms, len(result.amount))
        if touched:
            result.quality[touched.start : touched.stop] = kind
            result.absent[touched.start : touched.stop] = judged is False
            result.reasons.update(dict.fromkeys(touched, segments.reasons[segment]))


def _open_ends(result: Intervals, at: Millis, edges: Millis, verdict: Verdict) -> None:
    early = edges[:-1] < at[0]
    late = edges[1:] > at[-1]
    result.quality[early | late] = MISSING
    result.absent[early | late] = True
    slip = verdict.slipping
    for index in np.flatnonzero(early | late).tolist():
        silent = edges[index] > at[-1] or edges[index + 1] <= at[0]
        side = "after" if late[index] else "before"
        result.reasons[index] = (
            "no reading arrived" if silent else f"no reading {side} the interval brackets it"
        )
        if slip is not None and late[index] and edges[index] <= verdict.at[-1]:
            since = from_ms(slip[0]).strftime("%Y-%m-%d %H:%M:%SZ")
            result.absent[index] = False
            result.reasons[index] = (
                f"{ERROR}: since {since} the register tells {slip[1]}: not credited; "
                "if its unit was changed for good, configure a swap"
            )


def _annotate(
    result: Intervals, segments: _Segments, judged: tuple[Verdict, Register], start_ms: int
) -> None:
    """Add what was decided to the reasons, also where the amount stays well known."""
    verdict, how = judged
    told: list[tuple[Iterable[int], str]] = [
        (_touched(segments, i, start_ms, len(result.amount)), note) for i, note in segments.notes.items()
    ]
    first = start_ms // QUARTER_MS
    told += [((quarter - first,), note) for quarter, note in (*verdict.notes().items(), *how.changes())]
    for touched, note in told:
        for index in touched:
            if 0 <= index < len(result.amount) and note not in (known := result.reasons.get(index, "")):
                result.reasons[index] = joined((known, note))
