"""Power at the inlet above what is contracted."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from pydantic import Field

from alerts.reading import Reading
from alerts.verdict import RULES, Cadence, Severity, Verdict
from energy.configuration.metering import MeterOptions
from energy.configuration.site import SiteOptions
from energy.interval import QUARTER_MS
from energy.quantity import quantity
from energy.tree import boundary
from energy.tree.dating import valid_at
from runtime.clock import from_ms, to_ms
from runtime.options import Duration, Options
from telemetry.catalogue import METER
from telemetry.live import LiveState


class PowerContractOptions(Options):
    """``deadband`` is a share of the contract; a reading older than ``periods`` of its meter is stale."""

    severity: Severity = Severity.HIGH
    deadband: float = Field(default=0.02, ge=0, lt=1)
    on_delay: Duration = timedelta(seconds=60)
    periods: float = Field(default=3, ge=1)


@RULES.add("power_contract", PowerContractOptions)
class PowerContract:
    """One condition per site with a ``contracted_kw``: the sum of its utility meters, export negative."""

    cadence = Cadence.LIVE

    def __init__(self, options: PowerContractOptions) -> None:
        self._options = options

    async def judge(self, at: datetime, read: Reading) -> Iterable[Verdict]:
        """Unknown while any utility meter's reading is missing or stale."""
        return [
            self._site(key, valid_at(site, to_ms(at) // QUARTER_MS), site.contracted_kw, (at, read.live))
            for key, site in read.sites.items()
            if site.contracted_kw is not None
        ]

    def _site(
        self, key: str, site: SiteOptions, contracted: float, now: tuple[datetime, LiveState]
    ) -> Verdict:
        counted = {name: times for (_, name), times in boundary.inlet(site).items()}
        meters = [m for m in site.meter if m.id in counted]
        watts = {m.id: self._watts(key, m, *now) for m in meters}
        missing = sorted(name for name, power in watts.items() if power is None)
        known = bool(meters) and not missing
        total = sum(counted[m] * (power or 0.0) for m, power in watts.items()) / 1000 if known else None
        return Verdict(
            key=f"contract/{key}",
            rule="power_contract",
            site=key,
            severity=self._options.severity,
            active=None if total is None else total > contracted,
            clears=total is not None and total <= contracted * (1 - self._options.deadband),
            title="Power above contract",
            summary=f"The site draws {quantity(total, 'kW')} of the {quantity(contracted, 'kW')} contracted."
            if total is not None
            else f"Power is not known: no fresh reading of {', '.join(missing) or 'any utility meter'}.",
            value=total,
            limit=contracted,
            unit="kW",
            on_delay=self._options.on_delay,
            link=f"/?site={key}",
            evidence={"power_w": watts},
            advice="Shed or defer load, or start on-site generation, before the supplier's metering interval "
            "ends; exceeding the contract costs money and may trip the connection.",
        )

    def _watts(self, site: str, meter: MeterOptions, at: datetime, live: LiveState) -> float | None:
        found = live.value(METER, (site, meter.id), "power_w")
        if found is None or at - from_ms(found[1]) > self._options.periods * meter.period:
            return None
        return found[0]
