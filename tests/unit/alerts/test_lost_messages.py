"""Lost messages wake people once per site, by what the completeness ledger says of the last whole hour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from alerts.options import AlertOptions
from alerts.reading import Reading
from alerts.verdict import Verdict
from runtime.errors import StoreError
from telemetry.completeness_lines import SourceHour
from telemetry.live import LiveState
from telemetry.series import SeriesRegistry
from telemetry.status import IngestStatus, SourceStatus
from tests.fakes.figures import SyntheticFigures, site
from tests.fakes.house import ToldHours

HOUR = datetime(2026, 10, 20, 11, tzinfo=UTC)
NEXT = HOUR + timedelta(hours=1)
AT = NEXT + timedelta(minutes=15)
NODES = [f"gdansk/a/r1/n{n:02}/gpu" for n in range(10)]


@dataclass
class Configured:
    """An ingest that knows the names of sources."""

    names: Sequence[str]

    async def status(self) -> IngestStatus:
        raise AssertionError("not asked")

    def sources(self) -> Sequence[SourceStatus]:
        last = SourceStatus("gdansk/meter/old", "meter", "gdansk", AT, 1, configured=False)
        return [*(SourceStatus(name, "gpu", name.split("/")[0], AT, 1) for name in self.names), last]


def line(source: str, kept: int, hour: datetime = HOUR, missed: int = 0, **more: Any) -> SourceHour:
    """An hour in which 3,600 messages were expected unless ``expected`` says otherwise."""
    expected = more.pop("expected", 3_600)
    missing = missed or None if expected is None else max(expected - kept, missed)
    told: dict[str, Any] = {"rejected": {}, "session_gaps": 0, **more}
    return SourceHour(source, hour, expected, kept, kept, 0, 0, missing=missing, missed=missed,
                      unstamped=0, kept=kept, **told)  # fmt: skip


async def ask(hours: Any, at: datetime = AT, **options: Any) -> dict[str, Verdict]:
    tables = AlertOptions.model_validate({"rule": [{"type": "lost_messages", **options}]})
    sites = {"gdansk": site(), "kaunas": site()}
    registry = SeriesRegistry()
    ingest = Configured([*NODES, "kaunas/meter/m"])
    read = Reading(
        sites, (), SyntheticFigures(sites, settled=at), LiveState(registry), ingest, completeness=hours
    )
    return {one.key: one for one in await tables.rules()["lost_messages"].judge(at, read)}


def speaking(lines: list[SourceHour]) -> ToldHours:
    """All of them spoke after the hour, too."""
    return ToldHours([*lines, *(line(name, 900, NEXT) for name in {one.source for one in lines})])


async def test_a_night_of_losses_is_one_alarm_per_site_with_the_worst_first() -> None:
    lines = [line(name, 3_600 - 200 * n) for n, name in enumerate(NODES)]
    found = await ask(speaking([*lines, line("kaunas/meter/m", 3_600)]))
    assert {key: one.active for key, one in found.items()} == {"lost/gdansk": True, "lost/kaunas": False}
    gdansk = found["lost/gdansk"]
    assert (gdansk.value, gdansk.limit) == (25.0, 1.0)
    assert gdansk.evidence["missing"] == 9_000
    assert gdansk.evidence["count"] == 9
    assert gdansk.evidence["sources"][0] == f"{NODES[9]}: 1800 of 3600"
    assert "9,000 of 36,000 messages of the hour from 2026-10-20 11:00 UTC are missing" in gdansk.summary


async def test_what_publishers_counted_themselves_is_enough() -> None:
    found = await ask(speaking([line(NODES[0], 1_000, expected=None, missed=50)]))
    assert found["lost/gdansk"].active is True
    assert found["lost/gdansk"].evidence["missed_by_their_own_count"] == 50
    assert found["lost/kaunas"].active is None, "nothing was expected of it"


@pytest.mark.parametrize(
    ("kept", "active", "clears"), [(3_590, False, True), (3_575, False, False), (3_560, True, False)]
)
async def test_it_ends_below_the_deadband_only(kept: int, active: bool, clears: bool) -> None:
    verdict = (await ask(speaking([line(NODES[0], kept)])))["lost/gdansk"]
    assert (verdict.active, verdict.clears) == (active, clears)


async def test_few_messages_and_other_limits_are_as_configured() -> None:
    few = speaking([line(NODES[0], 51, expected=60)])
    assert (await ask(few))["lost/gdansk"].active is False
    assert (await ask(few, least=5))["lost/gdansk"].active is True
    assert (await ask(few, least=5, limit=0.2))["lost/gdansk"].active is False


async def test_who_is_silent_is_left_to_the_rule_about_that() -> None:
    found = await ask(ToldHours([line(NODES[0], 100), line(NODES[1], 3_600), line(NODES[1], 900, NEXT)]))
    assert (found["lost/gdansk"].active, found["lost/gdansk"].value) == (False, 0.0)


async def test_who_is_not_configured_wakes_nobody() -> None:
    found = await ask(speaking([line("gdansk/meter/old", 5), line(NODES[0], 3_600)]))
    assert found["lost/gdansk"].active is False


async def test_a_gap_of_the_session_and_a_store_that_is_away_leave_it_unknown() -> None:
    lines = [line(NODES[0], 100), line("", 3, expected=None, session_gaps=1)]
    verdict = (await ask(speaking(lines)))["lost/gdansk"]
    assert verdict.active is None
    assert "session" in verdict.summary

    class Away(ToldHours):
        async def lines(self, *_: Any, **__: Any) -> Sequence[SourceHour]:
            raise StoreError("away")

    assert [one.active for one in (await ask(Away())).values()] == [None, None]
    assert await ask(None) == {}


async def test_an_hour_is_judged_once_what_was_on_its_way_has_come() -> None:
    hours = speaking([line(NODES[0], 100)])
    assert (await ask(hours, NEXT))["lost/gdansk"].active is None
    assert (await ask(hours, NEXT + timedelta(minutes=45)))["lost/gdansk"].active is True
