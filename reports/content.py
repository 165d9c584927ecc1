"""The monthly report as one value: everything that any format shows, and nothing that a format decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

from energy.figures import GridHour, KpiRow, MixRow, Quality
from reports.evidence import Evidence

SCHEMA = "amberwatt/monthly-report/1"

ReportState = Literal["draft", "provisional", "final"]
"""``draft``: the month has not ended or is not settled. ``provisional``: settled, certificates not yet
cancelled. ``final``: nothing can change but by a new revision."""

Form = Literal["energy", "share", "ratio", "amount"]
"""How a figure is written: in Wh and their multiples, in percent, as a quotient, or in its own unit."""

Grade = Literal["measured", "measured with estimates", "indicative", "not settled"]
"""How far a meter's month may be relied on, by the share of its intervals that are known."""


@dataclass(frozen=True)
class SiteLine:
    """Whose month it is; ``zone`` is the IANA zone in which its days begin, ``grid`` the bidding zone."""

    key: str
    name: str
    zone: str
    grid: str
    contracted_kw: float | None
    pue_limit: float | None
    completeness_floor: float | None


@dataclass(frozen=True)
class MonthSpan:
    """The civil month ``name`` (``2026-10``): UTC bounds, and its length, which DST changes."""

    name: str
    start: datetime
    end: datetime
    days: int
    hours: int
    quarters: int


@dataclass(frozen=True)
class Figure:
    """One figure of the month, unrounded; ``key`` is its name for programs, ``name`` the one for people.

    ``reason`` says why there is none.
    """

    key: str
    name: str
    unit: str
    form: Form
    value: float | None
    reason: str | None


@dataclass(frozen=True)
class DayLine:
    """One civil day; ``hours`` is 23, 24 or 25."""

    date: date
    hours: int
    kpi: KpiRow
    mix: MixRow


@dataclass(frozen=True)
class HourLine:
    """One UTC-aligned hour, with its beginning in the site's zone."""

    local: datetime
    kpi: KpiRow


@dataclass(frozen=True)
class HeatCell:
    """Hour ``hour`` of day ``date`` in the site's zone: matched energy over the load.

    ``hours`` counts the hours that fall in the cell: 0 where the clock skips it, 2 where it repeats it.
    ``share`` is None when the energy of any of them is unknown.
    """

    date: date
    hour: int
    hours: int
    edc_wh: float | None
    green_wh: float | None
    share: float | None
    reason: str | None


@dataclass(frozen=True)
class SourceLine:
    """What one supply delivered and how much of it was matched with consumption in the same hour, in Wh."""

    supply: str
    kind: str
    zone: str | None
    certificates: str
    available_wh: float | None
    matched_wh: float


@dataclass(frozen=True)
class TargetDay:
    """How a daily target stood on one day."""

    date: date
    standing: str
    value: float | None
    reason: str


@dataclass(frozen=True)
class TargetLine:
    """One target over the month; ``days`` holds the single days of a daily target.

    ``site`` is the site that it is set for: the month is that of its zone, also in the report of all sites.
    ``label`` is what people call it, ``name`` what programs do.
    """

    site: str
    name: str
    metric: str
    goal: float
    period: str
    severity: str
    standing: str
    value: float | None
    best_possible: float | None
    reason: str
    days: tuple[TargetDay, ...]
    label: str = ""


@dataclass(frozen=True)
class AlertLine:
    """One alarm that was active in the month, as the alert board knew it when the report was issued.

    ``evidence`` is what its rule judged by, as the rule told it: Wh, W, shares of 0..1, ISO times.
    """

    id: int
    rule: str
    severity: str
    state: str
    title: str
    summary: str
    value: float | None
    limit: float | None
    unit: str
    start: datetime
    end: datetime | None
    acknowledged_by: str | None
    acknowledged_at: datetime | None
    note: str | None
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class CompletenessLine:
    """The completeness statement of one register over the settled part of the month.

    ``completeness`` is known over expected intervals; energy in Wh. A water meter has ``volume_l`` (litres)
    in its place.
    """

    site: str
    meter: str
    channel: str
    role: str
    energy_wh: float | None
    expected: int
    known: int
    estimated: int
    resets: int
    longest_gap_intervals: int
    completeness: float | None
    grade: Grade
    volume_l: float | None = None


@dataclass(frozen=True)
class QualityRange:
    """Neighbouring intervals of one register that are known in the same way, other than measured."""

    site: str
    meter: str
    channel: str
    quality: Quality
    start: datetime
    end: datetime
    intervals: int
    energy_wh: float | None
    reason: str | None
    volume_l: float | None = None


@dataclass(frozen=True)
class MeterLine:
    """One meter or supply as configured; ``accuracy_class`` in percent, ``modulus`` in Wh, of water in m³."""

    site: str
    id: str
    kind: str
    role: str
    category: str | None
    parent: str | None
    accuracy_class: float | None
    period_s: float
    modulus: float | None
    on_decrease: str
    zone: str | None
    certificates: str | None


@dataclass(frozen=True)
class LedgerSeries:
    """Every 15-minute interval of one register, in order from the month's start.

    ``energy_wh`` is None for a water meter, ``volume_l`` (litres) for every other.
    """

    site: str
    meter: str
    channel: str
    start: datetime
    energy_wh: tuple[float | None, ...] | None
    quality: tuple[Quality, ...]
    revision: tuple[int, ...]
    volume_l: tuple[float | None, ...] | None = None

    @property
    def amounts(self) -> tuple[float | None, ...]:
        """What it counted in each interval, in :attr:`unit`."""
        return self.energy_wh or self.volume_l or ()

    @property
    def unit(self) -> str:
        """``Wh``, or ``L`` of water."""
        return "Wh" if self.volume_l is None else "L"


@dataclass(frozen=True)
class Check:
    """A sum that must balance: ``found`` against ``expected`` in Wh; ``words`` is its name for people."""

    name: str
    words: str
    expected: float | None
    found: float | None
    ok: bool


@dataclass(frozen=True)
class MonthFigures:
    """All figures of the month and the evidence behind them; the checksum of a report covers this.

    ``amounts`` are the month's CO2e, water and reused heat, ``grid`` the mix of each bidding zone by hours,
    ``year`` the KPIs that standards define over a year, over the twelve months up to the month's end.
    """

    method_version: str
    state: ReportState
    settled_until: datetime | None
    site: SiteLine
    period: MonthSpan
    total: KpiRow
    headline: tuple[Figure, ...]
    amounts: tuple[Figure, ...]
    mix: MixRow
    sources: tuple[SourceLine, ...]
    days: tuple[DayLine, ...]
    hours: tuple[HourLine, ...]
    grid: tuple[GridHour, ...]
    heat_map: tuple[HeatCell, ...]
    worst_hours: tuple[HourLine, ...]
    targets: tuple[TargetLine, ...]
    completeness: tuple[CompletenessLine, ...]
    ranges: tuple[QualityRange, ...]
    meters: tuple[MeterLine, ...]
    checks: tuple[Check, ...]
    ledger: tuple[LedgerSeries, ...]
    year: tuple[Figure, ...] = ()


@dataclass(frozen=True)
class MonthlyReport:
    """One site's month. ``checksum`` is the SHA-256 of the canonical JSON of ``figures``.

    ``revision`` is 0 for a draft and counts from 1 once the month is settled. ``locale`` (``en``, ``pl_PL``)
    is how people's copies write numbers; it changes no figure. ``evidence`` tells by what the figures can be
    traced and proven. ``alerts_until`` is up to when alarms are judged while that is before what is settled:
    later ones are left out, and the report is a draft.
    """

    schema: str
    revision: int
    checksum: str
    locale: str
    figures: MonthFigures
    alerts: tuple[AlertLine, ...]
    alert_counts: Mapping[str, int]
    evidence: Evidence = field(default_factory=Evidence)
    alerts_until: datetime | None = None
