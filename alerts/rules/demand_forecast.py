"""The running quarter-hour will pass the contracted power: told while load can still be shed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from datetime import datetime, timedelta

from pydantic import Field

from alerts.reading import Reading
from alerts.verdict import RULES, Cadence, Severity, Verdict
from energy.configuration.site import SiteOptions
from energy.interval import QUARTER
from energy.outlook.demand import Demand, Sample, inlet_terms, running
from energy.quantity import moment, power
from runtime.clock import to_ms
from runtime.options import Duration, Options
from telemetry.catalogue import METER
from telemetry.live import LiveState

_ADVICE = (
    "Shed or defer that load, or start on-site generation, before the quarter-hour ends: its mean is what "
    "the grid operator bills."
)


class DemandForecastOptions(Options):
    """``deadband`` is a share of the contract; a reading older than ``periods`` of its meter is stale."""

    severity: Severity = Severity.HIGH
    deadband: float = Field(default=0.02, ge=0, lt=1)
    on_delay: Duration = timedelta(seconds=60)
    periods: float = Field(default=3, ge=1)


@RULES.add("demand_forecast", DemandForecastOptions)
class DemandForecast:
    """One condition per site with a ``contracted_kw``: what the running quarter-hour will come to.

    It remembers the power of the last half hour; after a start, what was drawn before is taken to be like
    what is drawn since.
    """

    cadence = Cadence.LIVE

    def __init__(self, options: DemandForecastOptions) -> None:
        self._options = options
        self._samples: dict[str, deque[Sample]] = {}

    async def judge(self, at: datetime, read: Reading) -> Iterable[Verdict]:
        """Unknown while any meter at the inlet is silent."""
        return [
            self._site(key, site, site.contracted_kw * 1000, self._demand(key, site, at, read.live))
            for key, site in read.sites.items()
            if site.contracted_kw is not None
        ]

    def _demand(self, key: str, site: SiteOptions, at: datetime, live: LiveState) -> Demand:
        samples = self._samples.setdefault(key, deque())
        terms = inlet_terms(site)
        told = {name: live.value(METER, (key, name), "power_w") for name in terms}
        patience = max((self._patience(site, name) for name in terms), default=timedelta(0))
        known = {name: found for name, found in told.items() if found is not None}
        if terms and len(known) == len(terms):
            newest = max(at_ms for _, at_ms in known.values())
            oldest = min(at_ms for _, at_ms in known.values())
            fresh = to_ms(at) - oldest <= patience / timedelta(milliseconds=1)
            if fresh and (not samples or newest > samples[-1][0]):
                samples.append((newest, sum(terms[name] * watts for name, (watts, _) in known.items())))
        while samples and samples[0][0] < to_ms(at - 2 * QUARTER):
            samples.popleft()
        return running(samples, at, patience)

    def _patience(self, site: SiteOptions, meter: str) -> timedelta:
        period = next((m.period for m in site.meter if m.id == meter), timedelta(seconds=60))
        return self._options.periods * period

    def _site(self, key: str, site: SiteOptions, limit_w: float, demand: Demand) -> Verdict:
        forecast, calm = demand.forecast_w, limit_w * (1 - self._options.deadband)
        return Verdict(
            key=f"demand/{key}",
            rule="demand_forecast",
            site=key,
            severity=self._options.severity,
            active=None if forecast is None else forecast > limit_w,
            clears=forecast is not None and max(forecast, demand.steady_w or 0.0) <= calm,
            title="Demand will pass the contract",
            summary=_summary(site, limit_w, demand),
            value=None if forecast is None else forecast / 1000,
            limit=limit_w / 1000,
            unit="kW",
            on_delay=self._options.on_delay,
            link=f"/?site={key}",
            evidence={
                "start": demand.start.isoformat(),
                "end": demand.end.isoformat(),
                "so_far_w": demand.so_far_w,
                "now_w": demand.now_w,
                "forecast_w": forecast,
                "steady_w": demand.steady_w,
            },
            advice=_ADVICE,
        )


def _summary(site: SiteOptions, limit_w: float, demand: Demand) -> str:
    if demand.forecast_w is None:
        return f"The demand is not known: {demand.reason}."
    told = (
        f"The quarter-hour to {moment(demand.end, site.tz)} will come to {power(demand.forecast_w)} "
        f"of the {power(limit_w)} contracted"
    )
    shed = demand.excess_w(limit_w)
    return f"{told}: shed {power(shed)} until then." if shed > 0 else f"{told}."
