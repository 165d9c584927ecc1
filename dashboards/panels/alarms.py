"""Alarms as people see them: counts by severity, a list with filters, and one alarm in full."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from alerts.board import Alert, AlertState, Delivery, Transition
from alerts.evidence import Line, lines
from alerts.flood import CALM, WITHIN, flooded_since
from alerts.state import FIRING
from alerts.verdict import Severity
from dashboards.house import House
from dashboards.panels.power import PowerHistory, power_history
from dashboards.view import View, zone_of
from energy.figures import ALL, KpiRow
from energy.interval import Period, Step, floor_quarter

HISTORY = timedelta(days=31)
PAST = 2_000
"""Alarms of the past listed at most, the newest."""
AROUND = timedelta(hours=1)
FLOODING = timedelta(days=1)
"""How long ago a flood that goes on may have started."""

TALKERS = 3
"""Rules that the notice of a flood names."""

UNSEEN = (AlertState.UNACKNOWLEDGED, AlertState.RETURNED)
"""States that wait for a person."""

SILENCES: dict[str, timedelta] = {
    "15m": timedelta(minutes=15),
    "1h": timedelta(hours=1),
    "8h": timedelta(hours=8),
    "24h": timedelta(hours=24),
}


@dataclass(frozen=True)
class Chip:
    """How many alarms of one severity are going on, and how many of them nobody has acknowledged."""

    severity: Severity
    active: int
    unseen: int


@dataclass(frozen=True)
class Flood:
    """More alarms than a person can attend to: ``count`` began within :data:`alerts.flood.WITHIN`, ``first``
    before all others of the flood; ``talkers`` are the rules that most of the ``count`` come from, with how
    many."""

    count: int
    first: Alert
    talkers: Sequence[tuple[str, int]]


@dataclass(frozen=True)
class AlarmPage:
    """One alarm with all that is known of it; ``chart`` is pue or power when it has such a figure over time.

    All its times are told in ``zone``, that of the alarm's site.
    """

    alert: Alert
    timeline: Sequence[Transition]
    deliveries: Sequence[Delivery]
    chart: str | None
    evidence: Sequence[Line]
    zone: ZoneInfo


async def active_alarms(house: House, view: View) -> Sequence[Alert]:
    """Active alarms of the sites shown, those that wait for a person first."""
    return await house.alerts.alerts(active=True, site=None if view.every_site else view.site)


async def past_alarms(house: House, view: View, at: datetime) -> Sequence[Alert]:
    """Alarms of the last 31 days that are over, newest first."""
    site = None if view.every_site else view.site
    found = await house.alerts.alerts(active=False, site=site, start=at - HISTORY, end=at, limit=PAST)
    ended = [alert for alert in found if alert.state is AlertState.NORMAL]
    return sorted(ended, key=lambda alert: alert.ended or alert.since, reverse=True)


def going_on(alerts: Sequence[Alert]) -> list[Alert]:
    """Those whose condition holds, in the order given."""
    return [alert for alert in alerts if alert.state in FIRING]


def returned(alerts: Sequence[Alert]) -> list[Alert]:
    """Those that are over though nobody has acknowledged them, newest end first."""
    found = [alert for alert in alerts if alert.state is AlertState.RETURNED]
    return sorted(found, key=lambda alert: alert.ended or alert.since, reverse=True)


async def flood(house: House, view: View, at: datetime) -> Flood | None:
    """The flood of alarms ``at`` a time on the sites shown; None while they can be attended to."""
    site = None if view.every_site else view.site
    if len(_begun(await house.alerts.alerts(site=site, start=at - WITHIN), at - WITHIN, at)) < CALM:
        return None  # as nearly always: the day is not asked for
    day = await house.alerts.alerts(site=site, start=at - FLOODING)
    since = flooded_since([begun for begun, _, _ in _begun(day, at - FLOODING, at)], at)
    if since is None:
        return None
    _, _, first = min(_begun(day, since, at))
    now = [alert.rule for _, _, alert in _begun(day, at - WITHIN, at)]
    return Flood(len(now), first, Counter(now).most_common(TALKERS))


def _begun(alerts: Sequence[Alert], after: datetime, until: datetime) -> list[tuple[datetime, int, Alert]]:
    """Those that people were told of ``after < told <= until``, with when, and their ids."""
    return [(a.fired_at, a.id, a) for a in alerts if a.fired_at is not None and after < a.fired_at <= until]


def chips(alerts: Sequence[Alert]) -> list[Chip]:
    """One per severity, highest first, also where there is none; what is over is not counted."""
    firing = going_on(alerts)
    return [
        Chip(
            severity,
            sum(1 for alert in firing if alert.severity is severity),
            sum(1 for alert in firing if alert.severity is severity and alert.state in UNSEEN),
        )
        for severity in Severity
    ]


def filtered(alerts: Sequence[Alert], severity: Severity | None) -> list[Alert]:
    """Those of ``severity``, or all."""
    return [alert for alert in alerts if severity is None or alert.severity is severity]


async def alarm_page(house: House, alert_id: int) -> AlarmPage | None:
    """The alarm with this id, or None."""
    alert = await house.alerts.alert(alert_id)
    if alert is None:
        return None
    site = alert.site if alert.site in house.sites else None
    zone = zone_of(site or ALL, house.sites)
    return AlarmPage(
        alert=alert,
        timeline=await house.alerts.timeline(alert_id),
        deliveries=await house.alerts.deliveries(alert_id),
        chart=chart_of(alert) if site else None,
        evidence=lines(alert.evidence, zone),
        zone=zone,
    )


def chart_of(alert: Alert) -> str | None:
    """Which figure over time belongs to it: decided by its unit, so that a new rule needs nothing here."""
    if alert.unit in ("W", "kW", "MW"):
        return "power"
    if alert.rule.startswith("pue"):
        return "pue"
    return None


async def power_around(house: House, alert: Alert, at: datetime) -> PowerHistory:
    """The power of the alarm's site from an hour before it began to an hour after, or until ``at``."""
    assert alert.site is not None, "only an alarm of a site has a chart"
    end = min(at, alert.since + AROUND)
    return await power_history(house, alert.site, end, end - (alert.since - AROUND))


async def pue_around(house: House, alert: Alert, at: datetime) -> list[KpiRow]:
    """The quarter-hours of the alarm's site from an hour before it began to an hour after."""
    assert alert.site is not None, "only an alarm of a site has a chart"
    start = floor_quarter(alert.since - AROUND)
    return await house.figures.kpi(
        alert.site, Period(start, floor_quarter(min(at, alert.since + AROUND))), Step.QUARTER
    )
