"""From the events of a job, in whatever order they came, to who ran on what from when to when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import groupby
from typing import NamedTuple

from energy.workloads.flag import Flag
from runtime.clock import MILLISECOND
from telemetry.job import JobEvent

LONGEST_SILENCE = timedelta(days=35)
"""A job of which nothing more is told for so long, not even an update, is taken for ended then."""


class Owner(NamedTuple):
    """Who pays; empty where the job does not say."""

    tenant: str
    project: str


@dataclass(frozen=True)
class Span:
    """A job ran on ``members`` for ``since_ms <= t < until_ms`` (None: it runs still).

    ``share`` is the part of them that it was promised, None where it was not said.
    """

    since_ms: int
    until_ms: int | None
    owner: Owner
    members: tuple[str, ...]
    share: float | None


@dataclass(frozen=True)
class History:
    """What the events of one job come to."""

    owner: Owner
    name: str
    spans: tuple[Span, ...]
    flags: Flag

    @property
    def since_ms(self) -> int | None:
        """When it first began; None if no start is known."""
        return self.spans[0].since_ms if self.spans else None

    @property
    def until_ms(self) -> int | None:
        """When it last ended; None while it runs."""
        return self.spans[-1].until_ms if self.spans else None


def history(events: Sequence[JobEvent]) -> History:
    """What ``events`` (at least one, any order, repeats harmless) of one job come to.

    Of events of one moment a stop comes first if the job was running, last if it was not. A start while it
    runs changes what it runs on, as an update does; a start after a stop begins a new span.
    """
    teller = _Teller()
    for event in _ordered(events, teller):
        teller.hear(event)
    return teller.told()


def _ordered(events: Sequence[JobEvent], teller: _Teller) -> Iterator[JobEvent]:
    ranked = sorted(events, key=lambda one: one.at_ms)
    for _, together in groupby(ranked, key=lambda one: one.at_ms):
        stop = 0 if teller.open is not None else 2
        yield from sorted(together, key=lambda one: (stop if one.kind == "stop" else 1, repr(one)))


class _Teller:
    """Goes through the events of a job in the order of their time."""

    def __init__(self) -> None:
        self.open: Span | None = None
        self._spans: list[Span] = []
        self._flags = Flag(0)
        self._owner, self._name = Owner("", ""), ""
        self._heard_ms = 0

    def hear(self, event: JobEvent) -> None:
        self._give_up(event.at_ms)
        self._heard_ms = event.at_ms
        self._owner = Owner(
            self._owner.tenant if event.tenant is None else event.tenant,
            self._owner.project if event.project is None else event.project,
        )
        self._name = self._name if event.name is None else event.name
        if event.kind == "stop":
            if self.open is None and not self._spans:
                self._flags |= Flag.NO_START
            self._close(event.at_ms)
        elif self.open is not None or event.members:
            self._go_on(event)

    def told(self) -> History:
        spans = tuple(self._spans) if self.open is None else (*self._spans, self.open)
        return History(self._owner, self._name, spans, self._flags)

    def _go_on(self, event: JobEvent) -> None:
        before = self.open
        if before is None and event.kind == "update":
            self._flags |= Flag.NO_START
        told = Span(event.at_ms, None, self._owner, event.members or (), event.share)
        if before is not None:
            kept = before.members if event.members is None else event.members
            told = replace(told, members=kept, share=before.share if event.share is None else event.share)
            if replace(told, since_ms=before.since_ms) == before:
                return  # a sign of life
            self._close(event.at_ms)
        self.open = told

    def _close(self, at_ms: int) -> None:
        if self.open is not None and at_ms > self.open.since_ms:
            self._spans.append(replace(self.open, until_ms=at_ms))
        self.open = None

    def _give_up(self, at_ms: int) -> None:
        end = self._heard_ms + LONGEST_SILENCE // MILLISECOND
        if self.open is not None and at_ms > end:
            self._flags |= Flag.NEVER_ENDED
            self._close(end)
