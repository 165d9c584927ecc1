"""A gap of the broker's session is told for a while, and again with each further one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from alerts.options import AlertOptions
from telemetry.status import IngestStatus
from tests.unit.alerts.test_rules import Ingest, reading

AT = datetime(2026, 10, 20, 12, tzinfo=UTC)


class Gapped(Ingest):
    """An ingest whose session had its newest gap ``last``."""

    def __init__(self, last: datetime | None) -> None:
        super().__init__()
        self._last = last

    async def status(self) -> IngestStatus:
        return replace(await super().status(), session_gaps=3, last_gap_at=self._last)


@pytest.mark.parametrize(
    ("ago", "active"),
    [(None, False), (timedelta(0), True), (timedelta(minutes=59), True), (timedelta(hours=1), False)],
)
async def test_a_gap_is_told_for_an_hour(ago: timedelta | None, active: bool) -> None:
    rule = AlertOptions().rules()["broker_session"]
    (verdict,) = await rule.judge(AT, reading(ingest=Gapped(None if ago is None else AT - ago)))
    assert (verdict.key, verdict.active, verdict.clears) == ("broker/session", active, True)
    assert verdict.evidence["session_gaps"] == 3
    assert "client id" in verdict.advice
