"""A replay tells the same transitions as the rules would have made, and keeps nothing."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from alerts.board import AlertState
from alerts.options import AlertOptions
from alerts.reading import Reading
from alerts.replay import Replay
from alerts.verdict import Cadence, Severity, Verdict
from energy.interval import QUARTER, Period
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


async def test_a_figure_is_judged_as_it_was_at_each_time_and_its_delay_passes_in_that_time() -> None:
    sites = {"gdansk": site().model_copy(update={"pue_limit": 1.2})}
    figures = SyntheticFigures(sites, START + timedelta(days=9))
    reading = Reading(sites, (), figures, LiveState(SeriesRegistry()), ingest=None)  # type: ignore[arg-type]
    rules = {"pue_limit": AlertOptions().rules()["pue_limit"]}
    first = START + timedelta(hours=12)
    seen = [c async for c in Replay(rules, reading).run(Period(first, first + timedelta(hours=48)))]
    above, raised, back = (change.at for change in seen)
    assert [c.after for c in seen] == [
        AlertState.PENDING,
        AlertState.UNACKNOWLEDGED,
        AlertState.RETURNED,
    ]
    assert raised - above == timedelta(minutes=30)
    for at, high in ((above, True), (above - QUARTER, False), (back, False)):
        (row,) = await figures.kpi("gdansk", Period(at - timedelta(hours=1), at))
        assert row.pue is not None
        assert (row.pue > 1.2) is high
