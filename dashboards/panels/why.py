"""Why a figure is what it is: its formula with numbers, then days, hours, quarter-hours, meters, readings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from dashboards.house import House
from dashboards.panels.boundaries import Register, registers
from energy.carbon.factor_row import FactorRow
from energy.figures import ALL, Figures, KpiRow, MixRow
from energy.interval import QUARTER, Period, Step, day_of, month_of
from energy.kpi import Form, Kpi
from energy.proof.history import Revision
from energy.proof.trail import Entry
from energy.quotient import Filled, Term
from energy.sums.hall import PREFIX
from energy.tree.formula import Formula, formulas
from reports.headline import kpis

HOUR = timedelta(hours=1)
MOST_REVISIONS = 20
"""Revisions that the page lists; the Ledger page has all of a month."""

_MIXED = ("hourly_matched", "hourly_matched_upper", "cfe_score", "cfe_contracted", "ref")
_SCOPES = {
    "cue": ("location", "scope1"),
    "cue_market": ("market", "scope1"),
    "co2_location_kg": ("location",),
    "co2_market_kg": ("market",),
    "co2_scope1_kg": ("scope1",),
    "co2_lifecycle_kg": ("lifecycle",),
}
_BOUNDED = ("hourly_matched", "hourly_matched_upper")


@dataclass(frozen=True)
class Named:
    """What a figure is called and measured in, and its method in words."""

    name: str
    label: str
    unit: str
    form: Form
    method: str
    needs_mix: bool


@dataclass(frozen=True)
class Line:
    """One part of the period (or one site): its row, and the formula with its numbers."""

    row: KpiRow
    filled: Filled
    site: str | None = None

    @property
    def period(self) -> Period:
        """What it is of."""
        return Period(self.row.start, self.row.end)

    def amount(self, term: Term) -> float:
        """What it has of ``term``."""
        return next(p.amount for p in (*self.filled.above, *self.filled.below) if p.term == term)


@dataclass(frozen=True)
class Why:
    """One figure over one period and everything below it.

    ``lines`` are its parts by ``step``; ``sites`` those of all sites. ``entries`` are rows of the ledger with
    every revision, of at most an hour; ``registers`` the readings around one quarter-hour. ``wider`` are the
    periods that hold this one, the narrowest first.
    """

    named: Named
    whole: Line
    period: Period
    step: Step | None
    lines: Sequence[Line]
    sites: Sequence[Line]
    mix: MixRow | None
    factors: Sequence[FactorRow]
    revisions: Sequence[Revision]
    more: int
    entries: Sequence[Entry]
    registers: Sequence[Register]
    formulas: Mapping[str, Sequence[Formula]]
    wider: Sequence[tuple[str, Period]]

    @property
    def terms(self) -> list[Term]:
        """Every sum of the formula once, those above the line first."""
        return list(dict.fromkeys(p.term for p in (*self.whole.filled.above, *self.whole.filled.below)))

    def summed(self, lines: Sequence[Line], term: Term) -> float:
        """What all of ``lines`` have of ``term``."""
        return sum(line.amount(term) for line in lines)

    def quarter(self, start: datetime) -> Period:
        """The quarter-hour from ``start``."""
        return Period(start, start + QUARTER)

    @property
    def bounds(self) -> tuple[float, float] | None:
        """The lower and the upper bound, of a figure that has them and where both are known."""
        low, high = (self.whole.row.value(name) for name in _BOUNDED)
        return (low, high) if self.named.name in _BOUNDED and low is not None and high is not None else None


@dataclass(frozen=True)
class Asked:
    """Which figure of which site, over what, and as it was known when (None: now)."""

    kpi: str
    site: str
    period: Period
    as_of: datetime | None = None


def named(kpi: str) -> Named | None:
    """The registered figure called ``kpi``, a hall's among them; None where there is none."""
    if kpi.startswith(PREFIX):
        told = f"Partial PUE of {kpi.removeprefix(PREFIX)}"
        return Named(kpi, told, "1", "ratio", "All energy of the hall over its E_IT.", False)
    found: Kpi | None = kpis().get(kpi)
    if found is None:
        return None
    return Named(kpi, found.label, found.unit, found.form, found.method, found.needs_mix)


async def why(house: House, asked: Asked, what: Named, tz: ZoneInfo) -> Why | None:
    """All of it; None where nothing of the period is told at all. Raises StoreError."""
    figures, site, period, as_of = house.figures.snapshot(), asked.site, asked.period, asked.as_of
    only = None if asked.kpi.startswith(PREFIX) else {asked.kpi, *(_BOUNDED if asked.kpi in _BOUNDED else ())}

    async def told(key: str, step: Step | None = None) -> list[Line]:
        rows = await figures.kpi(key, period, step, as_of, only)
        named_site = key if key != site else None
        return [Line(row, row.parts[asked.kpi], named_site) for row in rows if asked.kpi in row.parts]

    whole = await told(site)
    if not whole:
        return None
    step = step_below(period)
    deep = period.end - period.start <= HOUR
    configured = await figures.configured(site, period) if deep else {}
    alone = period.end - period.start <= QUARTER
    revisions = await _revisions(house, asked)
    return Why(
        named=what,
        whole=whole[0],
        period=period,
        step=step,
        lines=await told(site, step) if step else [],
        sites=[line for key in house.sites for line in await told(key)] if site == ALL else [],
        mix=(await figures.mix(site, period, as_of=as_of))[0] if asked.kpi in _MIXED else None,
        factors=await _factors(figures, asked) if what.needs_mix else [],
        revisions=revisions[:MOST_REVISIONS],
        more=max(0, len(revisions) - MOST_REVISIONS),
        entries=await _entries(house, asked) if deep else [],
        registers=await registers(house.store, configured, period.start) if alone else [],
        formulas={key: formulas(one) for key, one in configured.items()},
        wider=list(_wider(period, tz)),
    )


def step_below(period: Period) -> Step | None:
    """The steps in which a period is told, about thirty at most of a month; None for a quarter-hour."""
    long = period.end - period.start
    if long > timedelta(days=62):
        return Step.MONTH
    if long > timedelta(hours=36):
        return Step.DAY
    if long > HOUR:
        return Step.HOUR
    return Step.QUARTER if long > QUARTER else None


async def _factors(figures: Figures, asked: Asked) -> list[FactorRow]:
    """The factors that a figure was made with."""
    scopes = _SCOPES.get(asked.kpi, ())
    rows = await figures.factors(asked.site, asked.period, asked.as_of) if scopes else []
    return [row for row in rows if row.scope in scopes]


async def _revisions(house: House, asked: Asked) -> Sequence[Revision]:
    if house.proof is None:
        return []
    return await house.proof.revisions(asked.site, asked.period, asked.as_of, MOST_REVISIONS)


async def _entries(house: House, asked: Asked) -> Sequence[Entry]:
    if house.proof is None:
        return []
    return await house.proof.trail(asked.site, asked.period, asked.as_of)


def _wider(period: Period, tz: ZoneInfo) -> list[tuple[str, Period]]:
    hour = period.start.replace(minute=0, second=0, microsecond=0)
    holding = (
        ("hour", Period(hour, hour + HOUR)),
        ("day", day_of(period.start, tz)),
        ("month", month_of(period.start, tz)),
    )
    return [(name, one) for name, one in holding if one.end - one.start > period.end - period.start]
