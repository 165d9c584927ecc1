"""A replay tells the same transitions as the rules would have made, and keeps nothing."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from alerts.board import AlertState
from alerts.reading import Reading
from alerts.replay import Replay
from alerts.verdict import Cadence, Severity, Verdict
from energy.interval import Period
from telemetry.live import LiveState
from telemetry.series import SeriesRegistry
from tests.fakes.figures import SyntheticFigures, site

START = datetime(2026, 10, 5, tzinfo=UTC)


class Night:
    """Active from 22:00 to 02:00 UTC, with an on-delay of half an hour."""

    cadence = Cadence.LEDGER

    async def judge(self, at: datetime, read: Reading) -> Iterable[Verdict]:
        return [
            Verdict(
                key="night/gdansk",
                rule="night",
                site="gdansk",
                severity=Severity.LOW,
                active=at.hour >= 22 or at.hour < 2,
                title="Night",
                summary="It is night.",
                on_delay=timedelta(minutes=30),
            )
        ]


class Live(Night):
    """The same, but for values of this moment: a replay has none."""

    cadence = Cadence.LIVE


async def test_transitions_come_in_order_and_live_rules_are_left_out() -> None:
    sites = {"gdansk": site()}
    figures = SyntheticFigures(sites, START + timedelta(days=9))
    reading = Reading(sites, (), figures, LiveState(SeriesRegistry()), ingest=None)  # type: ignore[arg-type]
    period = Period(START + timedelta(hours=12), START + timedelta(hours=36))
    seen = [c async for c in Replay({"night": Night(), "live": Live()}, reading).run(period)]
    assert [(c.at.hour, c.at.minute, c.after) for c in seen] == [
        (22, 0, AlertState.PENDING),
        (22, 30, AlertState.UNACKNOWLEDGED),
        (2, 0, AlertState.RETURNED),
    ]
    assert [c.told for c in seen] == [False, True, True]
