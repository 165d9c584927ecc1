"""The scheduled check settles once for many due times, outlasts a restart of the database, judges each."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.exc import OperationalError

from alerts.verdict import Cadence
from energy.interval import QUARTER
from reports.green_check import GreenCheck
from runtime.backoff import Backoff
from runtime.clock import ManualClock
from runtime.errors import StoreError

NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)
GRACE = timedelta(minutes=2)
HOUR = timedelta(hours=1)


@dataclass
class Steps:
    """Backlog, ledger, rules and reports in one: writes down what is asked, and fails as it is told to."""

    done: list[tuple[str, datetime | None]] = field(default_factory=list)
    errors: dict[str, list[Exception]] = field(default_factory=dict)

    def _do(self, what: str, at: datetime | None) -> None:
        if waiting := self.errors.get(what):
            raise waiting.pop(0)
        self.done.append((what, at))

    async def wait(self) -> None:
        self._do("waited", None)

    async def settle(self, at: datetime) -> None:
        self._do("settled", at)

    async def evaluate(self, at: datetime, cadence: Cadence | None = None) -> None:
        assert cadence is Cadence.LEDGER
        self._do("judged", at)

    async def issue_due(self, due: datetime) -> None:
        self._do("issued", due)

    def times(self, what: str) -> list[datetime | None]:
        return [at for name, at in self.done if name == what]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON + GRACE)


@pytest.fixture
def steps() -> Steps:
    return Steps()


@pytest.fixture
def check(clock: ManualClock, steps: Steps) -> GreenCheck:
    return GreenCheck(clock, steps, steps, steps, steps, Backoff(0.0, 0.0))


async def test_a_due_time_is_waited_for_settled_and_judged(check: GreenCheck, steps: Steps) -> None:
    due = NOON + GRACE
    await check.check(due)
    assert steps.done == [("waited", None), ("settled", due), ("judged", due)]


async def test_many_due_times_of_the_past_are_settled_once_and_judged_each(
    check: GreenCheck, steps: Steps
) -> None:
    dues = [NOON + GRACE - back * QUARTER for back in reversed(range(100))]
    for due in dues:
        await check.check(due)
    assert steps.times("settled") == [NOON + GRACE]
    assert steps.times("judged") == dues


async def test_while_a_recording_plays_each_quarter_hour_of_its_time_is_settled(
    check: GreenCheck, steps: Steps, clock: ManualClock
) -> None:
    await check.check(NOON - 5 * HOUR)
    clock.advance(QUARTER - timedelta(seconds=1))
    await check.check(NOON - 4 * HOUR)
    assert len(steps.times("settled")) == 1
    clock.advance(timedelta(seconds=1))
    await check.check(NOON - 3 * HOUR)
    assert steps.times("settled") == [NOON + GRACE, NOON + GRACE + QUARTER]


async def test_a_due_time_after_the_last_settlement_is_settled(
    check: GreenCheck, steps: Steps, clock: ManualClock
) -> None:
    await check.check(clock.now())
    clock.advance(timedelta(minutes=1))
    await check.check(clock.now())
    assert len(steps.times("settled")) == 2


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError("refused"),
        StoreError("gone"),
        OperationalError("select", {}, Exception("away")),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_quarter_is_settled_and_judged_once_the_database_is_back(
    check: GreenCheck, steps: Steps, error: Exception
) -> None:
    steps.errors["settled"] = [error, error]
    if not isinstance(error, StoreError):
        steps.errors["judged"] = [error]
    await check.check(NOON + GRACE)
    assert steps.done == [("waited", None), ("settled", NOON + GRACE), ("judged", NOON + GRACE)]
    assert check.unsettled is None


async def test_a_database_that_stays_away_is_told_and_ends_the_run(check: GreenCheck, steps: Steps) -> None:
    steps.errors["settled"] = [StoreError("disk full\nand much more") for _ in range(24)]
    with pytest.raises(StoreError):
        await check.check(NOON)
    assert check.unsettled == "disk full"
    assert steps.times("judged") == []
    await check.check(NOON)
    assert check.unsettled is None


async def test_no_report_is_issued_before_the_alerts_that_it_tells_are_judged(
    check: GreenCheck, steps: Steps, clock: ManualClock
) -> None:
    now = clock.now()
    await check.issue(now)
    await check.check(now - 3 * HOUR)
    await check.issue(now)
    assert now not in steps.times("issued")
    await check.check(now)
    await check.issue(now)
    assert steps.times("issued")[-1] == now


async def test_reports_of_past_hours_are_issued_before_those_are_judged(
    check: GreenCheck, steps: Steps
) -> None:
    past = NOON + GRACE - 3 * HOUR
    dues = [past + number * QUARTER for number in range(4)]
    for due in dues:
        await check.check(due)
    assert [one for one in steps.done if one[0] in ("issued", "judged")] == [
        ("issued", past),
        *(("judged", due) for due in dues),
    ]


async def test_the_present_leaves_reports_to_their_own_job(
    check: GreenCheck, steps: Steps, clock: ManualClock
) -> None:
    await check.check(clock.now() - HOUR)
    await check.check(clock.now())
    assert steps.times("issued") == []


async def test_a_report_that_fails_keeps_nothing_from_being_judged(check: GreenCheck, steps: Steps) -> None:
    steps.errors["issued"] = [ValueError("no such month")]
    await check.check(NOON + GRACE - 3 * HOUR)
    assert steps.times("issued") == []
    assert steps.times("judged") == [NOON + GRACE - 3 * HOUR]
