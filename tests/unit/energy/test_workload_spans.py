"""Who ran on what from when to when, whatever order the events come in."""

from __future__ import annotations

from itertools import permutations

import pytest

from energy.workloads.flag import Flag
from energy.workloads.spans import LONGEST_SILENCE, Owner, history
from runtime.clock import MILLISECOND
from telemetry.job import JobEvent, Kind

NODE, OTHER = "a/r1/n01", "a/r1/n02"


def event(
    kind: Kind, at_ms: int, members: tuple[str, ...] | None = None, tenant: str | None = None
) -> JobEvent:
    """An event of one job."""
    return JobEvent("gdansk", "j1", kind, at_ms, tenant=tenant, members=members)


def test_a_job_runs_from_its_start_to_its_stop() -> None:
    known = history([event("start", 10, (NODE,), "t"), event("stop", 30)])
    (span,) = known.spans
    assert (span.since_ms, span.until_ms, span.members) == (10, 30, (NODE,))
    assert known.now.owner == Owner("t", "")
    assert known.now.flags == Flag(0)


def test_the_order_and_number_of_arrivals_do_not_matter() -> None:
    told = [
        event("start", 10, (NODE,), "t"),
        event("update", 20, (NODE, OTHER)),
        event("stop", 30),
        event("start", 40, (OTHER,)),
    ]
    wanted = history(told)
    assert [(s.since_ms, s.until_ms) for s in wanted.spans] == [(10, 20), (20, 30), (40, None)]
    for order in permutations(told):
        assert history([*order, order[0]]) == wanted


def test_a_job_that_runs_still_has_no_end() -> None:
    known = history([event("start", 10, (NODE,))])
    assert [(s.since_ms, s.until_ms) for s in known.spans] == [(10, None)]


def test_a_stop_without_start_is_told_and_has_no_span() -> None:
    known = history([event("stop", 30)])
    assert known.spans == ()
    assert known.now.flags == Flag.NO_START


def test_an_update_without_start_begins_it_and_says_so() -> None:
    known = history([event("update", 20, (NODE,)), event("stop", 30)])
    assert [(s.since_ms, s.until_ms) for s in known.spans] == [(20, 30)]
    assert known.now.flags == Flag.NO_START


def test_a_second_start_with_the_same_members_is_a_repeat() -> None:
    known = history([event("start", 10, (NODE,)), event("start", 15, (NODE,)), event("stop", 30)])
    assert [(s.since_ms, s.until_ms) for s in known.spans] == [(10, 30)]


def test_a_stop_and_a_start_of_one_moment_are_a_restart() -> None:
    known = history([event("start", 10, (NODE,)), event("start", 30, (OTHER,)), event("stop", 30)])
    assert [(s.since_ms, s.until_ms, s.members) for s in known.spans] == [
        (10, 30, (NODE,)),
        (30, None, (OTHER,)),
    ]


def test_a_job_that_is_stopped_as_it_starts_used_nothing() -> None:
    assert history([event("stop", 10), event("start", 10, (NODE,))]).spans == ()


def test_a_job_of_which_nothing_is_heard_for_long_is_taken_for_ended() -> None:
    silence = LONGEST_SILENCE // MILLISECOND
    known = history([event("start", 10, (NODE,)), event("start", 20 + silence, (NODE,))])
    assert [(s.since_ms, s.until_ms) for s in known.spans] == [(10, 10 + silence), (20 + silence, None)]
    assert known.now.flags == Flag.NEVER_ENDED


@pytest.mark.parametrize("days", [20, 34])
def test_an_update_is_a_sign_of_life(days: int) -> None:
    step = days * 86_400_000
    events = [event("start", 0, (NODE,)), *(event("update", n * step) for n in range(1, 4))]
    known = history(events)
    assert [(s.since_ms, s.until_ms) for s in known.spans] == [(0, None)]
