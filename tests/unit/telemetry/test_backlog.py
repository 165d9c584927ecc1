"""After a start nothing is judged before the broker has delivered what it kept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from runtime.clock import ManualClock, to_ms
from telemetry.backlog import NO_BROKER_S, PATIENCE_S, Backlog

NOW = datetime(2026, 10, 5, 12, tzinfo=UTC)


class Rows:
    """Times of the newest row, one per look."""

    def __init__(self, *ages: timedelta | None) -> None:
        self._times = [None if age is None else to_ms(NOW - age) for age in ages]
        self.looks = 0

    def newest_ms(self) -> int | None:
        self.looks += 1
        return self._times[min(self.looks, len(self._times)) - 1]


def waiting(rows: Rows, connected: Callable[[], bool] = lambda: True) -> Backlog:
    return Backlog(rows.newest_ms, ManualClock(NOW), connected, patience_s=0.0)


async def test_waits_while_older_rows_come_in() -> None:
    hours = timedelta(hours=1)
    rows = Rows(2 * hours, 1.5 * hours, 0.5 * hours, timedelta(seconds=30))
    backlog = waiting(rows)
    await backlog.wait()
    assert rows.looks == 4
    await backlog.wait()
    assert rows.looks == 4, "once over, it is over"


async def test_a_site_that_is_silent_holds_nothing_up_for_ever() -> None:
    rows = Rows(timedelta(hours=2), timedelta(hours=2))
    await waiting(rows).wait()
    assert rows.looks == 2


async def test_a_first_start_has_no_backlog() -> None:
    rows = Rows(None)
    await waiting(rows).wait()
    assert rows.looks == 1


async def test_live_rows_need_no_wait() -> None:
    rows = Rows(timedelta(seconds=5))
    await waiting(rows).wait()
    assert rows.looks == 1


async def test_a_broker_that_comes_up_later_is_waited_for() -> None:
    """After a power cut the whole host starts: the service first, then the broker with two hours of rows."""
    old, hour = timedelta(hours=2), timedelta(hours=1)
    rows = Rows(old, old, old, old, hour, timedelta(seconds=30))
    backlog = waiting(rows, lambda: rows.looks > 3)
    await backlog.wait()
    assert rows.looks == 6


async def test_patience_begins_when_the_broker_is_there() -> None:
    rows = Rows(timedelta(hours=2))
    await waiting(rows, lambda: rows.looks not in (1, 3, 4)).wait()
    assert rows.looks == 6, "connected for a whole patience, without a break"


async def test_a_broker_that_never_comes_is_judged_after_some_minutes() -> None:
    rows = Rows(timedelta(hours=2))
    await waiting(rows, lambda: False).wait()
    assert rows.looks == 2 + NO_BROKER_S / PATIENCE_S


async def test_a_broker_that_comes_and_goes_without_a_row_holds_nothing_up_for_ever() -> None:
    rows = Rows(timedelta(hours=2))
    await waiting(rows, lambda: rows.looks % 2 == 0).wait()
    assert rows.looks > 2 * NO_BROKER_S / PATIENCE_S
