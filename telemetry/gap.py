"""What a store lacks because the journal could not wait for it: how many batches, and of what times."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from telemetry.frame import Frame

MINUTE_MS = 60_000

MOST_SPANS = 1_000
"""Spans that are told apart; more become fewer and longer, and then more is filled in than was lost."""


@dataclass(frozen=True, order=True)
class Span:
    """Rows of ``measurement`` with ``first_ms <= at < until_ms``."""

    first_ms: int
    until_ms: int
    measurement: str


@dataclass(frozen=True)
class Gap:
    """What a store lacks of the batches up to position ``upto``.

    Attributes:
        batches: how many it never got.
        lost: how many of them cannot be filled in, or not wholly: nobody knows what was in them, or the
            first store does not keep it.
        since_ms: arrival of the first of them, in ms; None if that is not known.
        spans: where rows of them lie that are not filled in yet, oldest first.
    """

    upto: int = 0
    batches: int = 0
    lost: int = 0
    since_ms: int | None = None
    spans: tuple[Span, ...] = ()

    def widened(self, upto: int, batches: int, since_ms: int | None, spans: Iterable[Span]) -> Gap:
        """Also ``batches`` more, up to position ``upto``, with rows in ``spans``."""
        since = self.since_ms if self.batches else since_ms
        return replace(
            self,
            upto=max(upto, self.upto),
            batches=self.batches + batches,
            since_ms=since,
            spans=_joined([*self.spans, *spans]),
        )

    def lacking(self, upto: int, batches: int) -> Gap:
        """Also ``batches`` more, up to position ``upto``, of which only the number is known."""
        wider = self.widened(upto, batches, None, ())
        return replace(wider, lost=wider.lost + batches)

    def accepted(self) -> Gap:
        """Without what is lost for good: a person knows of it."""
        left = self.batches - self.lost
        return replace(self, batches=left, lost=0, since_ms=self.since_ms if left else None)

    def filled(self, done: Span) -> Gap:
        """Without the rows of ``done``; when no others are left, nothing but what is lost is lacking."""
        left = [rest for span in self.spans for rest in _without(span, done)]
        if left:
            return replace(self, spans=tuple(sorted(left)))
        return Gap(self.upto, self.lost, self.lost, self.since_ms if self.lost else None)

    def encoded(self) -> str:
        """As text, for :meth:`decoded`."""
        return json.dumps(asdict(self))

    @classmethod
    def decoded(cls, told: str) -> Gap:
        """What was :meth:`encoded`."""
        content = json.loads(told)
        return cls(**content | {"spans": tuple(Span(**one) for one in content["spans"])})


def spans_of(frames: Iterable[Frame], wanted: Callable[[str], bool]) -> list[Span]:
    """The minutes in which ``frames`` of ``wanted`` measurements have rows: of a late row its own alone."""
    minutes: dict[str, list[np.ndarray]] = {}
    for frame in frames:
        if len(frame) and wanted(frame.measurement.name):
            minutes.setdefault(frame.measurement.name, []).append(np.unique(frame.at_ms // MINUTE_MS))
    found = []
    for name, parts in minutes.items():
        known = np.unique(np.concatenate(parts))
        for run in np.split(known, np.flatnonzero(np.diff(known) > 1) + 1):
            found.append(Span(int(run[0]) * MINUTE_MS, (int(run[-1]) + 1) * MINUTE_MS, name))
    return found


def _joined(spans: Sequence[Span]) -> tuple[Span, ...]:
    apart = 0
    while True:
        found: list[Span] = []
        for span in sorted(spans, key=lambda one: (one.measurement, one.first_ms)):
            last = found[-1] if found else None
            if last and last.measurement == span.measurement and span.first_ms <= last.until_ms + apart:
                found[-1] = replace(last, until_ms=max(last.until_ms, span.until_ms))
            else:
                found.append(span)
        if len(found) <= MOST_SPANS:
            return tuple(sorted(found))
        apart = max(MINUTE_MS, 2 * apart)


def _without(span: Span, done: Span) -> list[Span]:
    if span.measurement != done.measurement:
        return [span]
    before = replace(span, until_ms=min(span.until_ms, done.first_ms))
    after = replace(span, first_ms=max(span.first_ms, done.until_ms))
    return [rest for rest in (before, after) if rest.first_ms < rest.until_ms]
