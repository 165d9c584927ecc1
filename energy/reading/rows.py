"""Rows of figures from sums: what pages, API, alerts and reports are given."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from functools import cached_property
from typing import NamedTuple

import numpy as np

from energy.figures import KpiRow, MixRow, State
from energy.interval import QUARTER_MS, Period
from energy.kpi import KPIS, Figure, Kpi
from energy.proof.past import Past
from energy.quotient import Filled
from energy.sums.hall import PREFIX, ppue_of, ppues
from energy.sums.line import Flags
from energy.sums.totals import Totals
from runtime.clock import to_ms
from telemetry.frame import Floats

_FIELDS = frozenset(one.name for one in fields(KpiRow))

A_YEAR = 365 * 96
"""Quarter-hours of one site; a figure that a standard defines over a year is interim over less."""

_NOT_ASKED = Figure(None, "it was not asked for")


@dataclass(frozen=True)
class Scope:
    """What a row is of: the floor and category of its ``sites``, and when it was settled and changed since.

    ``uncertainty`` is that of each KPI whose meters name their class. ``proven``: every certificate that its
    figures claim is cancelled, and those of all energy that has some. ``marks`` are as those of a row.
    """

    floor: float
    category: str | None
    settled: datetime | None
    sites: Collection[str] = ()
    past: Past = field(default_factory=Past)
    proven: bool = False
    uncertainty: Mapping[str, float] = field(default_factory=dict)
    marks: Mapping[str, str] = field(default_factory=dict)

    def state(self, part: Period) -> State:
        """``final`` takes a locked month and cancelled certificates."""
        settled = None if self.settled is None else to_ms(self.settled) // QUARTER_MS
        return self.past.state(self.sites, _quarters(part), settled, self.proven)

    def changes(self, part: Period) -> int:
        """How many facts beside the ledger have changed the figures of ``part``."""
        return self.past.beside(self.sites, _quarters(part))


def kpis() -> dict[str, Kpi]:
    """One of every registered KPI by its field."""
    made = [KPIS[name].factory() for name in KPIS]
    return {kpi.name: kpi for kpi in made}


def kpi_row(part: Period, totals: Totals, scope: Scope, using: Mapping[str, Kpi]) -> KpiRow:
    """The figures of ``using`` over ``part``; others are withheld, and the sums behind them not told."""
    figures: dict[str, Figure] = dict.fromkeys(KPIS, _NOT_ASKED)
    figures |= {name: kpi.figure(totals, scope.floor) for name, kpi in using.items()}
    every = len(using) == len(figures)
    figures |= ppues(totals, scope.floor) if every else {}
    used, matched = totals.edc_known > 0, totals.load_known > 0
    withheld = {name: found.withheld for name, found in figures.items() if found.withheld is not None}
    if not used:
        withheld["edc_wh"] = "no meter interval of the inlet is known in this period"
    elif not totals.load_known:
        withheld["load_wh"] = "no interval of the batteries is known in this period"
    if not totals.eit_known:
        withheld["eit_wh"] = "no meter interval of the IT equipment is known in this period"
    return KpiRow(
        start=part.start,
        end=part.end,
        edc_wh=totals.edc if used else None,
        eit_wh=totals.eit if totals.eit_known else None,
        pue=figures["pue"].value,
        pue_category=scope.category,
        ref=figures["ref"].value,
        hourly_matched=figures["hourly_matched"].value,
        cfe_score=figures["cfe_score"].value,
        green_wh=totals.green if matched else None,
        other_wh=totals.other if matched else None,
        unknown_wh=totals.unknown if matched else None,
        cue=figures["cue"].value,
        wue=figures["wue"].value,
        erf=figures["erf"].value,
        ere=figures["ere"].value,
        completeness=figures["completeness"].value or 0.0,
        estimated=totals.estimated("edc", "eit", "supply", "cooling"),
        state=replace(scope, proven=totals.goo_left == 0 and totals.owed == 0).state(part),
        revision=1 + int(totals.corrections) + scope.changes(part),
        withheld=withheld,
        more={name: found.value for name, found in figures.items() if name not in _FIELDS},
        sums=totals.told() if every else {},
        load_wh=totals.load if matched else None,
        hourly_matched_upper=figures["hourly_matched_upper"].value,
        parts=Parts(totals, using),
        covered=totals.covered() if every else {},
        basis={name: kpi.basis(totals) for name, kpi in using.items()},
        uncertainty={name: u for name, u in scope.uncertainty.items() if figures[name].value is not None},
        marks={name: mark for name, mark in scope.marks.items() if name in using},
        interim=totals.expected < max(1, len(scope.sites)) * A_YEAR,
    )


@dataclass(frozen=True)
class Parts(Mapping[str, Filled]):
    """Formulas of the KPIs ``using``, with the numbers of ``totals``: few rows are ever asked for theirs."""

    totals: Totals
    using: Mapping[str, Kpi]

    def __getitem__(self, name: str) -> Filled:
        if name in self.using:
            return self.using[name].formula.of(self.totals)
        found = ppue_of(name, self.totals)
        if found is None:
            raise KeyError(name)
        return found

    def __iter__(self) -> Iterator[str]:
        halls = (f"{PREFIX}{hall.name}" for hall in self.totals.halls)
        return iter([*self.using, *halls])

    def __len__(self) -> int:
        return len(self.using) + len(self.totals.halls)


@dataclass(frozen=True)
class Flows:
    """Wh matched, delivered and ``kept`` in batteries, by supply; those ``claimable`` are contracted.

    ``gone`` is what share of a supply left with its certificates, in each quarter.
    """

    green: Mapping[str, Floats]
    available: Mapping[str, Floats]
    claimable: frozenset[str]
    kept: Mapping[str, Floats] = field(default_factory=dict)
    gone: Mapping[str, Floats] = field(default_factory=dict)

    def left(self, low: int, high: int) -> dict[str, float]:
        """Wh that left each supply with its certificates from index ``low`` up to ``high``, if any did."""
        shares = ((name, share[low:high]) for name, share in self.gone.items() if name in self.available)
        return {name: float(np.nansum(self.available[name][low:high] * share)) for name, share in shares}

    def stored(self, low: int, high: int) -> dict[str, float]:
        """Wh of each supply's surplus that charged batteries from index ``low`` up to ``high``, if any."""
        summed = ((name, float(wh[low:high].sum())) for name, wh in self.kept.items())
        return {name: wh for name, wh in summed if wh}

    def sums(self, low: int, high: int) -> tuple[dict[str, float], dict[str, float | None]]:
        """Wh matched and Wh delivered from index ``low`` up to ``high``; None where no quarter is known."""
        green, available = self._green[:, low:high].sum(axis=1), self._available[:, low:high].sum(axis=1)
        told = np.count_nonzero(self._told[:, low:high], axis=1).tolist()
        delivered = zip(self.available, available.tolist(), told, strict=True)
        return (
            dict(zip(self.green, green.tolist(), strict=True)),
            {name: wh if known else None for name, wh, known in delivered},
        )

    @cached_property
    def _green(self) -> Floats:
        return np.nan_to_num(_rows(self.green))

    @cached_property
    def _available(self) -> Floats:
        return np.nan_to_num(_rows(self.available))

    @cached_property
    def _told(self) -> Flags:
        return ~np.isnan(_rows(self.available))


@dataclass(frozen=True)
class Mixed:
    """The row of one site over one part, and the sums that it was made of."""

    row: MixRow
    totals: Totals


def mixed(
    part: Period,
    totals: Totals,
    flows: Flows,
    cut: tuple[int, int],
    there: Collection[str] | None = None,
) -> Mixed:
    """Where the energy of ``part`` came from; ``cut`` is its range of quarters in ``flows``.

    Named are the supplies that were ``there`` in some of what was asked for; None: all of them.
    """
    every, delivered = flows.sums(*cut)
    green = {name: wh for name, wh in every.items() if there is None or name in there}
    available = {name: wh for name, wh in delivered.items() if there is None or name in there}
    kept = {name: wh for name, wh in flows.stored(*cut).items() if there is None or name in there}
    left = flows.left(*cut)
    surplus = sum(
        max(0.0, (available[name] or 0.0) - left.get(name, 0.0) - green.get(name, 0.0) - kept.get(name, 0.0))
        for name in flows.claimable & available.keys()
    )
    matched = green if totals.load_known > 0 else {}
    return Mixed(_mix_row(part, totals, _Sources(matched, available, kept, surplus)), totals)


def joined(found: Mapping[str, Mixed]) -> MixRow:
    """The rows of several sites over one part as one; supplies are named ``site/supply``.

    Its completeness is of the quarters of all sites: one that has settled less than another weighs less.
    """
    rows = {site: one.row for site, one in found.items()}
    first = next(iter(rows.values()))
    return _mix_row(
        Period(first.start, first.end),
        sum((one.totals for one in found.values()), start=Totals()),
        _Sources(
            {f"{site}/{name}": wh for site, row in rows.items() for name, wh in row.green.items()},
            {f"{site}/{name}": wh for site, row in rows.items() for name, wh in row.available_wh.items()},
            {f"{site}/{name}": wh for site, row in rows.items() for name, wh in row.stored_wh.items()},
            sum(row.surplus_wh for row in rows.values()),
        ),
    )


class _Sources(NamedTuple):
    """By supply: Wh matched, delivered, and kept in batteries; and what nothing was done with."""

    green: Mapping[str, float]
    available: Mapping[str, float | None]
    kept: Mapping[str, float]
    surplus: float


def _mix_row(part: Period, totals: Totals, sources: _Sources) -> MixRow:
    used, matched = totals.edc_known > 0, totals.load_known > 0
    return MixRow(
        start=part.start,
        end=part.end,
        edc_wh=totals.edc if used else None,
        green=sources.green,
        available_wh=sources.available,
        other_wh=totals.other if matched else None,
        unknown_wh=totals.unknown if matched else None,
        surplus_wh=sources.surplus,
        completeness=totals.load_known / totals.expected if totals.expected else 0.0,
        load_wh=totals.load if matched else None,
        rungs=totals.rungs if matched else {},
        stored_wh=sources.kept,
        charged_wh=totals.charged,
        withdrawn_wh=totals.withdrawn,
        lost_wh=totals.lost,
        spilt_wh=totals.spilt,
    )


def _rows(columns: Mapping[str, Floats]) -> Floats:
    return np.vstack(list(columns.values())) if columns else np.zeros((0, 0))


def _quarters(part: Period) -> tuple[int, int]:
    return to_ms(part.start) // QUARTER_MS, -(-to_ms(part.end) // QUARTER_MS)
