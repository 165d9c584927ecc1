"""From the events of a job, in whatever order they came, to who ran on what from when to when."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import groupby
from typing import NamedTuple

import msgspec

from energy.workloads.flag import Flag
from runtime.clock import MILLISECOND
from runtime.database import storable
from telemetry.job import JobEvent

LONGEST_SILENCE = timedelta(days=35)
"""A job of which nothing more is told for so long, not even an update, is taken for ended then."""

_SILENCE_MS = LONGEST_SILENCE // MILLISECOND

_JSON = msgspec.json.Encoder()
_MARK = msgspec.json.Decoder(tuple[str, str, str, str | None, float | None, bool, int])


class Owner(NamedTuple):
    """Who pays; empty where the job does not say."""

    tenant: str
    project: str


_NOBODY = Owner("", "")
_NONE = Flag(0)


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
class Standing:
    """All that the events up to ``heard_ms`` say of a job and that later ones build upon.

    It runs on ``members``, on nothing if None; ``ran``: it did for some time before.
    """

    heard_ms: int = 0
    owner: Owner = _NOBODY
    name: str = ""
    members: tuple[str, ...] | None = None
    share: float | None = None
    ran: bool = False
    flags: Flag = _NONE

    @property
    def mark(self) -> str:
        """A short text, the same for standings that later events cannot tell apart, but for their time."""
        members = None
        if self.members is not None:
            members = hashlib.sha256(_JSON.encode(self.members)).hexdigest()[:32]
        told = (*self.owner, self.name, members, self.share, self.ran, int(self.flags))
        return _JSON.encode(told).decode()


def standing(mark: str, heard_ms: int, members: tuple[str, ...] | None) -> Standing:
    """What has this ``mark``; ``members`` are what the job ran on then, if it ran."""
    tenant, project, name, runs, share, ran, flags = _MARK.decode(mark)
    here = None if runs is None else members
    return Standing(heard_ms, Owner(tenant, project), name, here, share, ran, Flag(flags))


def runs(mark: str) -> bool:
    """Whether the job runs on anything in the standing with this ``mark``."""
    return _MARK.decode(mark)[3] is not None


@dataclass(frozen=True)
class Turn:
    """What the events of the moment ``at_ms`` come to; what was before them ended at ``ended_ms``.

    That is earlier than they are if nothing had been heard for too long.
    """

    at_ms: int
    ended_ms: int
    now: Standing


def turned(before: Standing, at_ms: int, told: Sequence[JobEvent]) -> Turn:
    """``told`` are all events of one moment, later than ``before``, in any order; repeats are harmless.

    A stop comes first of them if the job was running, last if it was not. A start while it runs changes what
    it runs on, as an update does.
    """
    running, ended_ms = before.members is not None, at_ms
    now = replace(before, heard_ms=at_ms, ran=before.ran or running)
    if running and at_ms > before.heard_ms + _SILENCE_MS:
        ended_ms = before.heard_ms + _SILENCE_MS
        now = replace(now, members=None, share=None, flags=now.flags | Flag.NEVER_ENDED)
    stop = 0 if running else 2
    for event in sorted(told, key=lambda one: (stop if one.kind == "stop" else 1, repr(one))):
        now = _hear(now, event)
    return Turn(at_ms, ended_ms, now)


def _hear(now: Standing, event: JobEvent) -> Standing:
    owner = Owner(
        now.owner.tenant if event.tenant is None else storable(event.tenant),
        now.owner.project if event.project is None else storable(event.project),
    )
    now = replace(now, owner=owner, name=now.name if event.name is None else storable(event.name))
    if event.kind == "stop":
        lost = Flag.NO_START if now.members is None and not now.ran else _NONE
        return replace(now, members=None, share=None, flags=now.flags | lost)
    if now.members is None:
        if not event.members:
            return now
        late = Flag.NO_START if event.kind == "update" else _NONE
        return replace(now, members=event.members, share=event.share, flags=now.flags | late)
    members = now.members if event.members is None else event.members
    return replace(now, members=members, share=now.share if event.share is None else event.share)


def spans(before: Span | None, turns: Iterable[Turn]) -> Iterator[Span]:
    """In time order; the job ran on ``before`` (None: nothing) until the first turn. The last may be open."""
    here = before
    for turn in turns:
        now = turn.now
        if here is not None and (turn.ended_ms < turn.at_ms or not _goes_on(here, now)):
            yield replace(here, until_ms=turn.ended_ms)
            here = None
        if here is None and now.members is not None:
            here = Span(turn.at_ms, None, now.owner, now.members, now.share)
    if here is not None:
        yield replace(here, until_ms=None)


def _goes_on(span: Span, now: Standing) -> bool:
    return (span.owner, span.members, span.share) == (now.owner, now.members, now.share)


@dataclass(frozen=True)
class History:
    """What the events of one job come to: where it stands, and its spans."""

    now: Standing
    spans: tuple[Span, ...]


def history(events: Sequence[JobEvent]) -> History:
    """What ``events`` (at least one, any order, repeats harmless) of one job come to."""
    turns, now = [], Standing()
    ranked = sorted(events, key=lambda one: one.at_ms)
    for at_ms, together in groupby(ranked, key=lambda one: one.at_ms):
        turns.append(turned(now, at_ms, list(together)))
        now = turns[-1].now
    return History(now, tuple(spans(None, turns)))
