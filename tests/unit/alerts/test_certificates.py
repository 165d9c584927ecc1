"""Certificates that expire unused, and months whose target rests on some that are not cancelled."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from alerts.reading import Reading
from alerts.rules.certificates import Certificates, CertificatesOptions
from alerts.verdict import Severity, Verdict
from energy.certificates.book import Order
from energy.certificates.consumption import consumption
from energy.certificates.desk import Certificates as Desk
from energy.certificates.mapping import MappingOptions
from energy.certificates.selection import Selection
from energy.interval import Period
from energy.targets.target import TargetOptions
from runtime.database import Database
from telemetry.live import LiveState
from telemetry.series import SeriesRegistry
from tests.fakes.figures import SyntheticFigures, site
from tests.unit.alerts.test_rules import Ingest
from tests.unit.energy.certificates.vault import ANNA, AT, CANCELLED, file, wind

SITES = {"gdansk": site()}
SEPTEMBER = consumption("2026-09", SITES["gdansk"].tz)
ORDER = Order("PL", "gdansk", "2026-09")
TARGET = TargetOptions(name="all-green", site="gdansk", metric="ref", goal=1.0)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'state.sqlite'}")
    await database.create_all()
    found = Desk(database, SITES, [MappingOptions(registry="PL", supplies={}, window_months=24)])
    await found.take("PL", file(wind(1, 100), wind(101, 200, days=("2025-12-01", "2025-12-10"))), ANNA)
    yield found
    await database.close()


async def told(desk: Desk | None, at: datetime = AT + timedelta(minutes=1)) -> dict[str, Verdict]:
    windless = [Period(SEPTEMBER.start, SEPTEMBER.end)]
    figures = SyntheticFigures(SITES, settled=AT, windless=windless)
    registry = SeriesRegistry()
    read = Reading(SITES, (TARGET,), figures, LiveState(registry), Ingest(), certificates=desk)
    rule = Certificates(CertificatesOptions())
    return {verdict.key: verdict for verdict in await rule.judge(at, read)}


async def test_what_expires_soon_is_told_of_its_registry(desk: Desk) -> None:
    verdicts = await told(desk)
    assert verdicts["certificates/LT/expiring"].active is False
    expiring = verdicts["certificates/PL/expiring"]
    assert expiring.active is True
    assert expiring.severity is Severity.MEDIUM
    assert "100.0 MWh" in expiring.summary
    assert "10 December 2026" in expiring.summary or "11 December 2026" in expiring.summary
    assert list(expiring.evidence["first"]) == ["PL-000101 to PL-000200"]
    # Sooner it was not soon, and once they have expired nothing can be done.
    for at in (AT - timedelta(days=20), AT + timedelta(days=40)):
        assert (await told(desk, at))["certificates/PL/expiring"].active is False


async def test_what_is_cancelled_or_sold_does_not_expire_unused(desk: Desk) -> None:
    await desk.book.allocate(replace(ORDER, wh=100_000_000), CANCELLED)  # what expires first is taken first
    assert (await told(desk))["certificates/PL/expiring"].active is True
    await desk.book.cancel(Selection(site="gdansk", period=SEPTEMBER), AT, CANCELLED)
    assert (await told(desk))["certificates/PL/expiring"].active is False


async def test_a_months_target_that_rests_on_what_is_not_cancelled(desk: Desk) -> None:
    key = "certificates/target/all-green"
    assert (await told(desk))[key].active is False  # nothing is allocated to it
    await desk.book.allocate(replace(ORDER, wh=60_000_000), ANNA)
    lacking = (await told(desk))[key]
    assert lacking.active is True
    assert lacking.severity is Severity.HIGH
    assert lacking.episode == "2026-09"
    assert lacking.summary.startswith("60.000 MWh allocated to September 2026 are not cancelled yet")
    before = (await told(desk, AT - timedelta(days=20)))[key]
    assert (before.active, before.episode) == (False, "2026-08")  # its date has not come
    await desk.book.cancel(Selection(site="gdansk", period=SEPTEMBER), AT, CANCELLED)
    assert (await told(desk))[key].active is False


async def test_without_an_account_nothing_is_judged() -> None:
    assert await told(None) == {}
