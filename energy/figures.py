"""The figures that pages, API, alerts and reports all read, so that one number is the same everywhere."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Literal, Protocol

from pydantic import Field

from energy.annual import Trailing
from energy.carbon.factor_row import FactorRow
from energy.configuration.site import SiteOptions
from energy.interval import Period, Step
from energy.quotient import Filled
from energy.sums.basis import Basis
from energy.sums.covered import Covered
from energy.tree.closing import Closure

ALL = "all"
"""Names all sites as one."""

Quality = Literal["ok", "estimated", "reset", "integrated", "missing", "substituted"]
"""How an interval's energy is known: from registers at both ends; interpolated across a gap whose total is
known; a lower bound after a register reset; integrated from power for want of a register; not at all; put
in its place by the documented estimate, which nothing green may stand on."""

KNOWN_BY: Mapping[Quality, str] = {
    "ok": "registers",
    "estimated": "estimate across a gap",
    "reset": "lower bound after a reset",
    "integrated": "integrated power",
    "missing": "missing",
    "substituted": "documented estimate",
}
"""How an interval is known, in the words of pages and reports."""

State = Literal["open", "provisional", "settled", "restated", "final"]
"""``open``: the period has not ended or is not settled. ``provisional``: settled, and its correction window
is not over. ``settled``: that is over. ``restated``: it was changed afterwards. ``final``: its months are
locked and every certificate that it claims is cancelled. An interval is never ``final``."""


@dataclass(frozen=True)
class LedgerRow:
    """One meter's or supply's energy in one 15-minute interval.

    ``meter`` is the meter's or supply's id; ``channel`` tells the register: ``energy`` (import or
    generation), ``export``, ``charge`` or ``discharge``. ``energy_wh`` is None when it is not known, with
    the ``reason``; of a water meter, whose channel is ``volume``, it is always None, and ``volume_l`` tells
    the litres. ``cause`` is the number of what made this revision; None where that was not kept yet.
    """

    site: str
    meter: str
    channel: str
    start: datetime
    energy_wh: float | None
    quality: Quality
    revision: int
    reason: str | None
    volume_l: float | None = None
    state: State = "open"
    cause: int | None = None


@dataclass(frozen=True)
class KpiRow:
    """All figures of one site (or ``all``) over one step. Energy in Wh; None is explained in ``withheld``.

    ``green_wh + other_wh + unknown_wh == load_wh`` wherever that is known: E_DC less what charged batteries,
    plus what left them for the load; without a battery E_DC itself. ``hourly_matched`` is proven,
    ``hourly_matched_upper`` what it is at most if all that is not known were green. ``completeness`` is the
    share (0..1) of meter intervals that are known; ``estimated`` the greatest share of an energy (E_DC, E_IT,
    supplies, cooling) that is estimated; ``basis`` tells both of the inputs of each KPI that was asked for.
    ``more`` holds every registered KPI that has no field of its own. ``sums`` are what the figures were
    divided from, by name with its unit (:meth:`energy.sums.totals.Totals.told`), if all figures were asked
    for.
    ``uncertainty`` is the relative expanded one (k=2) of each KPI that is told and whose meters all name
    their class; ``interim``: less than 365 days are settled in it, so that nothing in it is an annual figure.
    ``parts`` holds the formula of each KPI that was asked for, with its numbers. ``covered`` are amounts that
    each stand over their own quarters (:meth:`energy.sums.totals.Totals.covered`): never divide two of them.
    ``marks`` say of a KPI what has to be said wherever it is published, as the site is configured now.
    """

    start: datetime
    end: datetime
    edc_wh: float | None
    eit_wh: float | None
    pue: float | None
    pue_category: str | None
    ref: float | None
    hourly_matched: float | None
    cfe_score: float | None
    green_wh: float | None
    other_wh: float | None
    unknown_wh: float | None
    cue: float | None
    wue: float | None
    erf: float | None
    ere: float | None
    completeness: float
    estimated: float
    state: State
    revision: int
    withheld: Mapping[str, str]
    more: Mapping[str, float | None] = field(default_factory=dict)
    sums: Mapping[str, float] = field(default_factory=dict)
    load_wh: float | None = None
    hourly_matched_upper: float | None = None
    parts: Annotated[Mapping[str, Filled], Field(exclude=True)] = field(
        default_factory=dict, repr=False, compare=False
    )
    covered: Annotated[Mapping[str, Covered], Field(exclude=True)] = field(
        default_factory=dict, repr=False, compare=False
    )
    basis: Mapping[str, Basis] = field(default_factory=dict)
    uncertainty: Mapping[str, float] = field(default_factory=dict)
    interim: bool = True
    marks: Mapping[str, str] = field(default_factory=dict)

    def value(self, name: str) -> float | None:
        """The figure or energy that is called ``name``; None if it is withheld or there is none."""
        found: float | None = self.more[name] if name in self.more else getattr(self, name, None)
        return found


@dataclass(frozen=True)
class GridHour:
    """The mix of the bidding zone ``zone`` in the hour from ``start``: the mean of what was told in it.

    Shares of 0..1, g CO2e per kWh; None where nothing was told. ``how`` says whose they are, on which basis
    and by which method: ``told, production, direct``, ``consumption, direct``.
    """

    zone: str
    start: datetime
    renewable_share: float | None
    carbon_free_share: float | None
    carbon_g_per_kwh: float | None
    how: str | None = None


@dataclass(frozen=True)
class MixRow:
    """Where one step's load was covered from: ``green`` Wh by supply, the rest, and what is unknown.

    The three add up to ``load_wh``. A battery stands by its id, time-stamped certificates as
    ``certificates:`` and their registry; ``rungs`` is ``green`` by the rungs of the ladder, in its order.
    ``available_wh`` is what each supply delivered before matching; of that ``stored_wh`` charged batteries as
    surplus, and ``surplus_wh`` earned nothing. ``charged_wh``, ``withdrawn_wh`` and ``lost_wh`` are what all
    batteries took, what left their stores, and what of that they lost, where the load is known: then
    ``edc_wh == load_wh + charged_wh - withdrawn_wh``; ``spilt_wh`` is what they took and cannot hold.
    ``completeness`` is the share (0..1) of quarters whose load is known.
    """

    start: datetime
    end: datetime
    edc_wh: float | None
    green: Mapping[str, float]
    available_wh: Mapping[str, float | None]
    other_wh: float | None
    unknown_wh: float | None
    surplus_wh: float
    completeness: float
    load_wh: float | None = None
    rungs: Mapping[str, float] = field(default_factory=dict)
    stored_wh: Mapping[str, float] = field(default_factory=dict)
    charged_wh: float = 0.0
    withdrawn_wh: float = 0.0
    lost_wh: float = 0.0
    spilt_wh: float = 0.0


@dataclass(frozen=True)
class MeterStatement:
    """The completeness statement of one meter over a period (domain rule 5.3).

    A water meter has ``volume_l`` in the place of ``energy_wh``.
    """

    meter: str
    channel: str
    role: str
    energy_wh: float | None
    expected: int
    known: int
    estimated: int
    resets: int
    longest_gap_intervals: int
    volume_l: float | None = None


class Figures(Protocol):
    """Reads of the ledger; ``site`` may be ``all``. ``as_of`` replays what was known then; None means now.

    ``sites`` are the configured sites by key: they name the zone in which a site's days and months begin.
    Days and months of ``all`` begin at midnight UTC. A site that was removed from the configuration keeps its
    past: it is a part of ``all`` up to then, and may be asked for by its key.
    """

    sites: Mapping[str, SiteOptions]

    def snapshot(self, over: Period | None = None) -> Figures:
        """The same figures from one look at each site's ledger, for questions that belong together.

        What is settled later is not seen, and asking is cheaper: use it for one check, page or report.
        Whoever will ask of many parts of one period names it as ``over``: it is then read all at once.
        """
        ...

    async def kpi(
        self,
        site: str,
        period: Period,
        step: Step | None = None,
        as_of: datetime | None = None,
        only: Collection[str] | None = None,
    ) -> list[KpiRow]:
        """One row per step, or one for the whole period.

        ``only`` names the KPIs that are wanted, such as pue; others may be withheld, so that nobody pays for
        the mix of the grid who does not look at it.
        """
        ...

    async def trailing(
        self, site: str, ends: Sequence[datetime], as_of: datetime | None = None, whole: bool = False
    ) -> list[Trailing]:
        """The twelve months up to the last settled midnight before each of ``ends``, which are in order.

        What is kept for it is a copy that may lack much after an upgrade: figures are then withheld, and the
        reason says so. With ``whole``, or ``as_of``, all is worked out, even if that takes reading a year.
        """
        ...

    async def mix(
        self, site: str, period: Period, step: Step | None = None, as_of: datetime | None = None
    ) -> list[MixRow]:
        """One row per step, or one for the whole period."""
        ...

    async def grid(self, site: str, period: Period, as_of: datetime | None = None) -> list[GridHour]:
        """The mix of the grid in every hour of ``period``, by bidding zone and time, known ``as_of``."""
        ...

    async def factors(self, site: str, period: Period, as_of: datetime | None = None) -> list[FactorRow]:
        """Which energy was counted with which factor: the lines of each scope add up to its figure."""
        ...

    async def rows(
        self, site: str, period: Period, meter: str | None = None, as_of: datetime | None = None
    ) -> Sequence[LedgerRow]:
        """The ledger itself, water included, by meter and time; the newest revision known at ``as_of``."""
        ...

    async def statements(
        self,
        site: str,
        period: Period,
        as_of: datetime | None = None,
        only: Collection[str] | None = None,
    ) -> list[MeterStatement]:
        """How complete each meter is, or each of those that ``only`` names by id."""
        ...

    async def closure(self, site: str, period: Period, as_of: datetime | None = None) -> list[Closure]:
        """How the meter tree closes over what is settled of ``period``: each meter against those below it.

        By site and time: one for each part of the period in which the tree stayed the same. Raises
        StoreError.
        """
        ...

    async def configured(
        self, site: str, period: Period, as_of: datetime | None = None
    ) -> Mapping[str, SiteOptions]:
        """The site, or all, by key, with every meter and supply that it had in some part of ``period``.

        Of sites that have left, those that were there. A device that was changed is told as it was last.
        """
        ...

    async def eras(self, site: str, period: Period) -> Mapping[str, Sequence[tuple[Period, SiteOptions]]]:
        """By site, what it consisted of in each part of ``period`` in which it was there, in time order.

        Also of sites that have left the configuration, if they were there.
        """
        ...

    async def departed(self) -> Mapping[str, SiteOptions]:
        """The sites that have left the configuration, by key, as they were last but without their devices."""
        ...

    async def began(self, site: str) -> datetime | None:
        """Start of the interval of its first reading; of ``all``, of the first of any site; None before."""
        ...

    async def settled_until(self, site: str, as_of: datetime | None = None) -> datetime | None:
        """Every interval before this had been settled ``as_of`` a time; None before the first."""
        ...
