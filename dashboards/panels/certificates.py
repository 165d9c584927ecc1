"""Certificates as people see them: what is held, which site and period each run of numbers serves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from dashboards.view import View, month_name
from energy.certificates.consumption import consumption_name
from energy.certificates.desk import Certificates
from energy.certificates.holdings import STATES, Holding, Page
from energy.certificates.registry import RegistryRules
from energy.configuration.site import SiteOptions

SOON = timedelta(days=30)
"""Before it expires, what is not cancelled is marked."""

RECENT = timedelta(days=460)
"""Since its production nothing that expires in a year is left: what the page shows unless asked for more."""

MOST_RUNS = 50
"""Runs of numbers that one line of the page lists; the API has all."""

_UNUSED = frozenset({"issued", "held", "allocated"})


@dataclass(frozen=True)
class Sort:
    """All certificates of one ``registry`` and ``technology`` that were produced in one month (``vintage``).

    ``states`` are the Wh in each of their states, in the order in which a certificate passes through them;
    ``expires`` is when the first of what is not cancelled yet does, None if nothing is left; ``soon``: within
    :data:`SOON`.
    """

    registry: str
    technology: str
    vintage: str
    timed: bool
    states: Mapping[str, int]
    runs: Sequence[Holding]
    more: int
    expires: datetime | None
    soon: bool


@dataclass(frozen=True)
class Serving:
    """What serves the consumption of ``site`` (called ``name``) in ``period``: Wh by state, and the runs.

    ``month`` is the page of that month, None for a year. ``waiting`` is allocated and not cancelled,
    ``foreign`` of it and of the rest what lies in another bidding zone: it counts in REF only.
    """

    site: str
    name: str
    period: str
    month: str | None
    states: Mapping[str, int]
    runs: Sequence[Holding]
    more: int
    statements: Sequence[str]
    foreign: int

    @property
    def waiting(self) -> int:
        """Wh that would count once they are cancelled."""
        return self.states.get("allocated", 0)


@dataclass(frozen=True)
class CertificatePage:
    """``sorts`` newest production first, ``servings`` newest period first; ``totals`` of what is shown.

    Shown is what was produced after ``since``, if that is told.
    """

    registries: Mapping[str, str]
    sorts: Sequence[Sort]
    servings: Sequence[Serving]
    totals: Mapping[str, int]
    soon_wh: int
    month: str
    since: datetime | None


async def certificate_page(
    desk: Certificates, view: View, at: datetime, tz: ZoneInfo, *, older: bool = False
) -> CertificatePage:
    """What is free, and what serves the sites of ``view``; of what serves others nothing is told.

    What was produced long ago is told only if ``older`` is asked for: a plant's hours are 8,760 a year.
    """
    since = None if older else at - RECENT
    every = await desk.holdings.holdings(at, page=Page(since=since))
    shown = [one for one in every if view.every_site or one.site in (None, view.site)]
    return CertificatePage(
        registries={rules.key: rules.name for rules in _serving_first(desk, view)},
        sorts=_sorts(shown, at, desk),
        servings=_servings([one for one in shown if one.site is not None], desk.sites, at),
        totals=_by_state(shown),
        soon_wh=sum(one.wh for one in shown if _soon(one, at)),
        month=month_name(at.astimezone(tz).replace(day=1) - timedelta(days=1), tz),
        since=since,
    )


def _serving_first(desk: Certificates, view: View) -> list[RegistryRules]:
    """The registries, those in front that serve the sites shown."""
    grids = {desk.sites[key].grid for key in view.keys(desk.sites)}
    return sorted(desk.rules.values(), key=lambda rules: (grids.isdisjoint(rules.zones), rules.key))


def _sorts(holdings: Sequence[Holding], at: datetime, desk: Certificates) -> list[Sort]:
    def key(one: Holding) -> tuple[str, str, bool, str]:
        tz = desk.rules[one.registry].tz if one.registry in desk.rules else ZoneInfo("UTC")
        return month_name(one.production_start, tz), one.registry, one.timed, str(one.technology)

    found = []
    for (vintage, registry, timed, technology), group in groupby(
        sorted(holdings, key=key, reverse=True), key
    ):
        runs = sorted(group, key=lambda one: (one.production_start, one.numbers))
        left = [one for one in runs if one.state in _UNUSED]
        expires = min((one.expires_at for one in left), default=None)
        found.append(
            Sort(registry, technology, vintage, timed, _by_state(runs), runs[:MOST_RUNS],
                 max(0, len(runs) - MOST_RUNS), expires, any(_soon(one, at) for one in left))
        )  # fmt: skip
    return found


def _servings(holdings: Sequence[Holding], sites: Mapping[str, SiteOptions], at: datetime) -> list[Serving]:
    def key(one: Holding) -> tuple[str, str]:
        site, start, end = one.site or "", one.period_start or at, one.period_end or at
        tz = sites[site].tz if site in sites else ZoneInfo("UTC")
        return consumption_name(start, end, tz), site

    found = []
    for (period, site), group in groupby(sorted(holdings, key=key, reverse=True), key):
        runs = sorted(group, key=lambda one: (one.production_start, one.numbers))
        grid = sites[site].grid if site in sites else None
        statements = sorted({one.statement for one in runs if one.statement and one.state == "cancelled"})
        found.append(
            Serving(
                site=site,
                name=sites[site].name if site in sites else site,
                period=period,
                month=period if len(period) == len("2026-10") and site in sites else None,
                states=_by_state(runs),
                runs=runs[:MOST_RUNS],
                more=max(0, len(runs) - MOST_RUNS),
                statements=statements,
                foreign=sum(one.wh for one in runs if one.zone != grid),
            )
        )
    return found


def _by_state(holdings: Sequence[Holding]) -> dict[str, int]:
    sums = {state: sum(one.wh for one in holdings if one.state == state) for state in STATES}
    return {state: wh for state, wh in sums.items() if wh}


def _soon(one: Holding, at: datetime) -> bool:
    return one.state in _UNUSED and one.expires_at <= at + SOON
