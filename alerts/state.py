"""The life of one alarm (ISA-18.2), as a pure function of what is remembered and what a rule says now."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from alerts.board import RAISED, AlertState
from alerts.verdict import Severity, Verdict

FIRING = frozenset({AlertState.UNACKNOWLEDGED, AlertState.ACKNOWLEDGED})
"""States in which the condition holds."""


class Notice(StrEnum):
    """Why people are to be told of a step, or why they are not."""

    FIRST = "it has begun"
    RAISED = "its severity has risen"
    RETURNED = "it is back to normal"
    UNCHANGED = "nothing has changed"
    WAITING = "a delay is running"
    UNKNOWN = "data is missing"

    @property
    def tells(self) -> bool:
        """Whether this is a reason to tell people."""
        return self in (Notice.FIRST, Notice.RAISED, Notice.RETURNED)


@dataclass(frozen=True)
class Memory:
    """What is remembered of an alarm that is not normal.

    ``since`` is when the condition began; ``timer`` when the opposite of the present state was first seen:
    the off-delay while it fires, the on-delay while it is pending or returned.
    """

    state: AlertState
    since: datetime
    severity: Severity
    episode: str = ""
    timer: datetime | None = None


@dataclass(frozen=True)
class Change:
    """One transition; ``note`` says why when the states do not."""

    before: AlertState
    after: AlertState
    note: str | None = None


@dataclass(frozen=True)
class Step:
    """What follows from one verdict. ``memory`` is None when the alarm is normal.

    ``closes`` ends the occurrence that was remembered; ``changes`` then belong to a new one. ``keeps`` tells
    that the verdict is on another period: what was last said of the one remembered is its result and stays.
    """

    memory: Memory | None
    changes: tuple[Change, ...] = ()
    notice: Notice = Notice.UNCHANGED
    closes: Change | None = None
    ended: datetime | None = None
    keeps: bool = False


def advance(memory: Memory | None, verdict: Verdict, at: datetime) -> Step:
    """The step that ``verdict`` makes ``at`` a time; unknown neither starts nor ends anything."""
    if verdict.active is None:
        return Step(memory, notice=Notice.UNKNOWN)
    if memory is None:
        return _begin(verdict, at) if verdict.active else Step(None)
    if memory.state is AlertState.PENDING:
        return _pending(memory, verdict, at)
    if memory.state is AlertState.RETURNED:
        return _returned(memory, verdict, at)
    return _still_firing(memory, verdict, at) if verdict.active else _clearing(memory, verdict, at)


def acknowledge(memory: Memory | None) -> Step:
    """Somebody has seen it: a firing alarm becomes quiet, a returned one is done. Else nothing changes."""
    if memory is not None and memory.state is AlertState.UNACKNOWLEDGED:
        after = AlertState.ACKNOWLEDGED
        return Step(replace(memory, state=after), (Change(memory.state, after),))
    if memory is not None and memory.state is AlertState.RETURNED:
        return Step(None, (Change(memory.state, AlertState.NORMAL),))
    return Step(memory)


def _begin(verdict: Verdict, at: datetime) -> Step:
    if verdict.on_delay:
        after, notice = AlertState.PENDING, Notice.WAITING
    else:
        after, notice = AlertState.UNACKNOWLEDGED, Notice.FIRST
    memory = Memory(after, at, verdict.severity, verdict.episode)
    return Step(memory, (Change(AlertState.NORMAL, after),), notice)


def _pending(memory: Memory, verdict: Verdict, at: datetime) -> Step:
    if not verdict.active:
        return Step(None, (Change(memory.state, AlertState.NORMAL, "it did not last"),), ended=at)
    memory = replace(memory, severity=verdict.severity, episode=verdict.episode)
    if at - memory.since < verdict.on_delay:
        return Step(memory, notice=Notice.WAITING)
    fires = replace(memory, state=AlertState.UNACKNOWLEDGED)
    return Step(fires, (Change(memory.state, fires.state),), Notice.FIRST)


def _returned(memory: Memory, verdict: Verdict, at: datetime) -> Step:
    if not verdict.active:
        return Step(replace(memory, timer=None))
    began = memory.timer or at
    if at - began < verdict.on_delay:
        return Step(replace(memory, timer=began), notice=Notice.WAITING)
    again = "it came back before anybody acknowledged it"
    return _anew(memory, verdict, began, _new_period(memory, verdict) or again)


def _still_firing(memory: Memory, verdict: Verdict, at: datetime) -> Step:
    new_period = _new_period(memory, verdict)
    if new_period:
        return _anew(memory, verdict, at, new_period)
    calm = replace(memory, timer=None)
    if verdict.severity.number >= memory.severity.number:
        return Step(calm)
    note = f"{RAISED}{memory.severity} became {verdict.severity}"
    raised = replace(calm, severity=verdict.severity, state=AlertState.UNACKNOWLEDGED)
    return Step(raised, (Change(memory.state, raised.state, note),), Notice.RAISED)


def _clearing(memory: Memory, verdict: Verdict, at: datetime) -> Step:
    new_period = _new_period(memory, verdict)
    if new_period:
        return _ends(memory, at, new_period)
    if not verdict.clears:
        return Step(replace(memory, timer=None))
    began = memory.timer or at
    if at - began < verdict.off_delay:
        return Step(replace(memory, timer=began), notice=Notice.WAITING)
    return _ends(memory, began)


def _ends(memory: Memory, ended: datetime, new_period: str | None = None) -> Step:
    """No longer firing: done if somebody has acknowledged it, else it waits for that."""
    acknowledged = memory.state is AlertState.ACKNOWLEDGED
    after = AlertState.NORMAL if acknowledged else AlertState.RETURNED
    return Step(
        None if acknowledged else replace(memory, state=after, timer=None),
        (Change(memory.state, after, new_period),),
        Notice.RETURNED,
        ended=ended,
        keeps=new_period is not None,
    )


def _new_period(memory: Memory, verdict: Verdict) -> str | None:
    """That the verdict is on another period than the alarm, in words; None if it is not."""
    if verdict.episode in ("", memory.episode):
        return None
    return f"a new period has begun: {verdict.episode}"


def _anew(memory: Memory, verdict: Verdict, since: datetime, why: str) -> Step:
    fires = Memory(AlertState.UNACKNOWLEDGED, since, verdict.severity, verdict.episode)
    return Step(
        fires,
        (Change(AlertState.NORMAL, fires.state),),
        Notice.FIRST,
        closes=Change(memory.state, AlertState.NORMAL, why),
        ended=since,
    )
