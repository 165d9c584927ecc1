from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.board import AlertState
from alerts.state import FIRING, Memory, Notice, Step, acknowledge, advance
from alerts.verdict import Severity
from tests.unit.alerts.verdicts import verdict

START = datetime(2026, 10, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ON, OFF = {"on_delay": 2 * MINUTE}, {"off_delay": 2 * MINUTE}


def memory(state: AlertState, **more: object) -> Memory:
    return Memory(state, START - 60 * MINUTE, Severity.HIGH, **more)  # type: ignore[arg-type]


def play(story: str, **options: object) -> str:
    """One letter per minute in, one per minute out.

    In: ``X`` active, ``.`` clear, ``-`` in the deadband, ``?`` unknown, ``a`` acknowledged (and still on).
    Out: n(ormal) p(ending) U(nacknowledged) A(cknowledged) r(eturned); ``!`` after it where people are told.
    """
    remembered: Memory | None = None
    told = ""
    for minute, letter in enumerate(story):
        if letter == "a":
            remembered = acknowledge(remembered).memory
        given = verdict({"X": True, "a": True, "?": None}.get(letter, False), clears=letter != "-", **options)
        step = advance(remembered, given, START + minute * MINUTE)
        remembered = step.memory
        told += (
            "n"
            if remembered is None
            else {"unacknowledged": "U", "acknowledged": "A"}.get(remembered.state, remembered.state[0])
        )
        told += "!" if step.notice.tells else ""
    return told


@pytest.mark.parametrize(
    ("story", "told", "options"),
    [
        ("..XX.", "nnU!Ur!", {}),
        ("XaX.", "U!AAn!", {}),
        ("X.X", "U!r!U!", {}),
        ("XX.XXX", "ppnppU!", ON),
        ("XXX..X...", "ppU!r!rrrrr", ON),
        ("XXX.XXX", "ppU!r!rrU!", ON),
        ("X.X...", "U!UUUUr!", OFF),
        ("X.-...", "U!UUUUr!", OFF),
        ("X--.", "U!UUr!", {}),
        ("-X", "nU!", {}),
        ("??X???.", "nnU!UUUr!", {}),
        ("X?", "U!U", {}),
        ("?X?X", "nppU!", ON),
    ],
)
def test_stories(story: str, told: str, options: dict[str, object]) -> None:
    assert play(story, **options) == told


def test_a_rise_in_severity_is_told_and_asks_for_attention_again() -> None:
    step = advance(memory(AlertState.ACKNOWLEDGED), verdict(True, severity=Severity.CRITICAL), START)
    assert step.memory is not None
    assert (step.memory.state, step.memory.severity) == (AlertState.UNACKNOWLEDGED, Severity.CRITICAL)
    assert step.notice is Notice.RAISED
    assert step.changes[0].note == "severity high became critical"


def test_a_fall_in_severity_keeps_the_worst() -> None:
    step = advance(memory(AlertState.ACKNOWLEDGED), verdict(True, severity=Severity.LOW), START)
    assert step == Step(memory(AlertState.ACKNOWLEDGED))


def test_a_new_period_rearms_though_the_condition_never_paused() -> None:
    october = memory(AlertState.ACKNOWLEDGED, episode="2026-10")
    step = advance(october, verdict(True, episode="2026-11"), START)
    assert step.closes is not None
    assert (step.closes.before, step.closes.after) == (AlertState.ACKNOWLEDGED, AlertState.NORMAL)
    assert step.memory == Memory(AlertState.UNACKNOWLEDGED, START, Severity.HIGH, "2026-11")
    assert step.notice is Notice.FIRST


@pytest.mark.parametrize(
    ("state", "after"),
    [
        (AlertState.UNACKNOWLEDGED, AlertState.RETURNED),
        (AlertState.ACKNOWLEDGED, AlertState.NORMAL),
    ],
)
def test_a_new_period_without_the_condition_ends_the_old_and_keeps_its_result(
    state: AlertState, after: AlertState
) -> None:
    first = memory(state, episode="2026-10-02")
    step = advance(first, verdict(False, episode="2026-10-03", off_delay=MINUTE, clears=False), START)
    (change,) = step.changes
    assert (change.before, change.after) == (state, after)
    assert change.note == "a new period has begun: 2026-10-03"
    assert (step.keeps, step.notice, step.ended) == (True, Notice.RETURNED, START)
    assert step.memory is None or step.memory.episode == "2026-10-02"


def test_what_waits_for_a_person_when_its_next_period_is_missed_too_closes_for_that() -> None:
    waiting = memory(AlertState.RETURNED, episode="2026-10-02")
    step = advance(waiting, verdict(True, episode="2026-10-03"), START)
    assert step.closes is not None
    assert step.closes.note == "a new period has begun: 2026-10-03"


def test_late_data_within_the_period_are_news_of_it() -> None:
    step = advance(
        memory(AlertState.UNACKNOWLEDGED, episode="2026-10-02"), verdict(False, episode="2026-10-02"), START
    )
    assert (step.keeps, step.changes[0].note) == (False, None)


def test_a_condition_that_is_no_longer_named_is_no_new_period() -> None:
    step = advance(memory(AlertState.UNACKNOWLEDGED, episode="2026-10"), verdict(False), START)
    assert (step.keeps, step.changes[0].note) == (False, None)


def test_a_new_period_that_is_unknown_changes_nothing() -> None:
    october = memory(AlertState.UNACKNOWLEDGED, episode="2026-10")
    assert advance(october, verdict(None, episode="2026-11"), START).memory == october


def test_it_tells_when_the_condition_began_not_when_its_delay_ended() -> None:
    waiting = advance(None, verdict(True, **ON), START).memory
    step = advance(waiting, verdict(True, **ON), START + 2 * MINUTE)
    assert step.memory is not None
    assert step.memory.since == START


def test_it_ended_when_the_condition_cleared_not_when_its_delay_ended() -> None:
    clearing = advance(memory(AlertState.UNACKNOWLEDGED), verdict(False, **OFF), START).memory
    assert advance(clearing, verdict(False, **OFF), START + 2 * MINUTE).ended == START


def test_acknowledging_what_is_normal_or_pending_changes_nothing() -> None:
    assert acknowledge(None) == Step(None)
    assert acknowledge(memory(AlertState.PENDING)) == Step(memory(AlertState.PENDING))


LETTERS = st.text(alphabet="X.-?a", max_size=40)


@given(LETTERS, st.integers(0, 3), st.integers(0, 3))
def test_unknown_never_changes_the_state(story: str, on: int, off: int) -> None:
    delays = {"on_delay": on * MINUTE, "off_delay": off * MINUTE}
    before = play(story, **delays).replace("!", "")
    after = play(story + "???", **delays).replace("!", "")
    assert after == before + (before[-1:] or "n") * 3


@given(LETTERS, st.integers(0, 3), st.integers(0, 3))
def test_each_start_is_told_once_and_each_end_once(story: str, on: int, off: int) -> None:
    told = play(story, on_delay=on * MINUTE, off_delay=off * MINUTE)
    assert all(state in "Unr" for state, mark in itertools.pairwise(told) if mark == "!")
    states = "n" + told.replace("!", "")
    starts = sum(b in "U" and a not in "UA" for a, b in itertools.pairwise(states))
    ends = sum(b in "nr" and a in "UA" for a, b in itertools.pairwise(states))
    assert told.count("U!") == starts
    assert told.count("r!") + told.count("n!") == ends


@given(LETTERS, st.integers(0, 3), st.integers(0, 3))
def test_changes_form_a_chain(story: str, on: int, off: int) -> None:
    remembered: Memory | None = None
    for minute, letter in enumerate(story):
        given_verdict = verdict(
            {"X": True, "a": True, "?": None}.get(letter, False),
            clears=letter != "-",
            on_delay=on * MINUTE,
            off_delay=off * MINUTE,
        )
        step = advance(remembered, given_verdict, START + minute * MINUTE)
        at = AlertState.NORMAL if remembered is None else remembered.state
        for change in (*([step.closes] if step.closes else []), *step.changes):
            assert change.before is at
            at = change.after
        assert at is (AlertState.NORMAL if step.memory is None else step.memory.state)
        if step.memory is not None and step.memory.state not in FIRING:
            assert step.notice in (Notice.RETURNED, Notice.WAITING, Notice.UNKNOWN, Notice.UNCHANGED)
        remembered = step.memory
