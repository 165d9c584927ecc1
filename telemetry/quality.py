"""Which rows are believed: the reasons for refusing one, and the checks that every frame passes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from runtime.clock import Clock, SystemClock, from_ms, to_ms
from runtime.options import Duration, Options
from telemetry.batch import Batch, Rejection
from telemetry.frame import Frame, Ints, Mask, Millis
from telemetry.reason import REASONS as REASONS
from telemetry.series import SeriesRegistry, source_of

_SAMPLES_PER_FRAME = 5


class QualityOptions(Options):
    """The ``[quality]`` table: how far a reading's own time may stray from the wall clock."""

    accepted_lateness: Duration = timedelta(days=35)
    accepted_lead: Duration = timedelta(seconds=60)


@dataclass(frozen=True)
class Checked:
    """What is left of a frame, the series of the rows refused by reason, and a few of them to look at."""

    frame: Frame
    refused: Mapping[str, Ints]
    samples: tuple[Rejection, ...] = ()

    @property
    def rejected(self) -> Mapping[str, int]:
        """How many rows were refused, by reason."""
        return {reason: len(series) for reason, series in self.refused.items()}


class Quality:
    """Checks frames column by column against the catalogue and the wall clock.

    The wall clock is used even while a recording is replayed: "ahead" and "too old" are about the sender's
    clock, not about the time that the service plays.
    """

    def __init__(
        self, registry: SeriesRegistry, options: QualityOptions | None = None, wall: Clock | None = None
    ) -> None:
        self._registry = registry
        self._options = options or QualityOptions()
        self._wall = wall or SystemClock()

    @property
    def wall(self) -> Clock:
        """The clock that rows are held against."""
        return self._wall

    def check(self, frame: Frame) -> Checked:
        """Split ``frame`` into rows kept and rows refused; a row is refused with all its fields."""
        bad = np.zeros(len(frame), dtype=np.bool_)
        refused: dict[str, list[Ints]] = {}
        samples: list[Rejection] = []
        for reason, mask, field in self._failures(frame):
            fresh = mask & ~bad
            count = int(np.count_nonzero(fresh))
            if count == 0:
                continue
            bad |= fresh
            refused.setdefault(reason, []).append(frame.series[fresh])
            room = _SAMPLES_PER_FRAME - len(samples)
            samples += [self._sample(frame, int(row), reason, field) for row in np.flatnonzero(fresh)[:room]]
        known = {reason: np.concatenate(series) for reason, series in refused.items()}
        return Checked(frame.take(~bad) if refused else frame, known, tuple(samples))

    def doubt_jobs(self, batch: Batch) -> None:
        """Reject the events of jobs in ``batch`` whose time is too far ahead or too old; the others stay."""
        low, high = self._span()
        kept = []
        for event in batch.jobs:
            if low <= event.at_ms <= high:
                kept.append(event)
                continue
            detail = f"its time is {_stamp(event.at_ms)}, the wall clock {self._wall.now():%F %T}Z"
            reason = "future" if event.at_ms > high else "too_old"
            batch.reject(reason, f"dc/v1/{event.site}/job/{event.job}", detail, b"")
        batch.jobs = kept

    def believed(self, at_ms: Millis) -> Mask:
        """Which of these times are neither too far ahead of the wall clock nor too old."""
        low, high = self._span()
        return (at_ms >= low) & (at_ms <= high)

    def _span(self) -> tuple[int, int]:
        now = self._wall.now()
        return to_ms(now - self._options.accepted_lateness), to_ms(now + self._options.accepted_lead)

    def _failures(self, frame: Frame) -> Iterator[tuple[str, Mask, str]]:
        for name, column in frame.columns.items():
            field = frame.measurement.field(name)
            outside = (column < field.low) | (column > field.high)
            if outside.any():
                infinite = np.isinf(column)
                yield "not_finite", infinite, name
                yield "out_of_range", outside & ~infinite, name
        low, high = self._span()
        yield "future", frame.at_ms > high, ""
        yield "too_old", frame.at_ms < low, ""
        yield "no_known_field", _empty_rows(frame), ""

    def _sample(self, frame: Frame, row: int, reason: str, field: str) -> Rejection:
        source = source_of(self._registry.key(int(frame.series[row])))
        if field:
            known = frame.measurement.field(field)
            value = float(frame.columns[field][row])
            detail = f"{field} = {value:g} {known.unit}, plausible are {known.low:g} to {known.high:g}"
        elif reason == "no_known_field":
            detail = REASONS[reason]
        else:
            detail = f"its time is {_stamp(int(frame.at_ms[row]))}, the wall clock {self._wall.now():%F %T}Z"
        told = {name: float(column[row]) for name, column in frame.columns.items()}
        payload = ", ".join(f"{name}={value:g}" for name, value in told.items() if value == value)
        return Rejection(reason, f"dc/v1/{source}", detail, payload.encode())


def _empty_rows(frame: Frame) -> Mask:
    empty = np.ones(len(frame), dtype=np.bool_)
    for column in frame.columns.values():
        empty &= np.isnan(column)
        if not empty.any():
            break
    return empty


def _stamp(at_ms: int) -> str:
    try:
        return f"{from_ms(at_ms):%F %T}Z"
    except OverflowError:
        return f"{at_ms} ms"
