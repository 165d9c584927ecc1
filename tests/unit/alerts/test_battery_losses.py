"""A battery that loses more than it declares is told once per site, until its month ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from alerts.reading import Reading
from alerts.rules.battery_losses import BatteryLosses, BatteryLossesOptions
from alerts.verdict import Verdict
from energy.configuration.site import SiteOptions
from energy.figures import MixRow
from energy.interval import Period, Step
from telemetry.live import LiveState
from telemetry.series import SeriesRegistry
from tests.fakes.figures import SyntheticFigures, site
from tests.unit.alerts.test_rules import Ingest

AT = datetime(2026, 10, 20, 12, tzinfo=UTC)


class Lossy(SyntheticFigures):
    """Figures of a site whose battery lost 5 MWh that nobody declared, all in October."""

    async def mix(
        self, site: str, period: Period, step: Step | None = None, as_of: datetime | None = None
    ) -> list[MixRow]:
        rows = await super().mix(site, period, step, as_of)
        return [replace(row, spilt_wh=5e6 if row.start.month == 10 else 0.0) for row in rows]


def having() -> SiteOptions:
    supply = [{"id": "bat", "kind": "battery", "max_power_kw": 10, "round_trip": 0.95}]
    return SiteOptions.model_validate({**site().model_dump(exclude_unset=True), "supply": supply})


async def told(at: datetime, settled: datetime, sites: dict[str, SiteOptions]) -> Sequence[Verdict]:
    figures = Lossy(sites, settled=settled)
    read = Reading(
        sites=sites, targets=(), figures=figures, live=LiveState(SeriesRegistry()), ingest=Ingest()
    )
    return list(await BatteryLosses(BatteryLossesOptions()).judge(at, read))


async def test_what_a_battery_cannot_hold_is_told_until_the_month_ends() -> None:
    sites = {"gdansk": having(), "kaunas": site()}
    (verdict,) = await told(AT, AT, sites)
    assert (verdict.key, verdict.active, verdict.value) == ("battery_losses/gdansk", True, 5e6)
    assert "bat took 5.000 MWh more than the declared round_trip" in verdict.summary
    assert verdict.evidence["start"] == "2026-10-01T00:00:00+00:00"
    november = datetime(2026, 11, 2, tzinfo=UTC)
    (verdict,) = await told(november, november, sites)
    assert (verdict.active, verdict.summary) == (
        False,
        "What bat took and gave agrees with what is declared.",
    )
    (verdict,) = await told(november, november - timedelta(days=5), sites)
    assert verdict.active is None
