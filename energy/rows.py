"""Rows of figures from sums: what pages, API, alerts and reports are given."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from functools import cached_property

import numpy as np

from energy.balance import Flags
from energy.figures import KpiRow, MixRow, State
from energy.interval import QUARTER_MS, Period
from energy.kpi import KPIS, Figure, Kpi
from energy.proof.past import Past
from energy.totals import Totals
from runtime.clock import to_ms
from telemetry.frame import Floats

_FIELDS = frozenset(one.name for one in fields(KpiRow))

_NOT_ASKED = Figure(None, "it was not asked for")


@dataclass(frozen=True)
class Scope:
    """What a row is of: the floor and category of its ``sites``, and when it was settled and changed since.

    ``proven``: every certificate that its figures claim is cancelled.
    """

    floor: float
    category: str | None
    settled: datetime | None
    sites: Collection[str] = ()
    past: Past = field(default_factory=Past)
    proven: bool = False

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
    used = totals.edc_known > 0
    withheld = {name: found.withheld for name, found in figures.items() if found.withheld is not None}
    if not used:
        withheld["edc_wh"] = "no meter interval of the inlet is known in this period"
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
        green_wh=totals.green if used else None,
        other_wh=totals.other if used else None,
        unknown_wh=totals.unknown if used else None,
        cue=figures["cue"].value,
        wue=figures["wue"].value,
        erf=figures["erf"].value,
        ere=figures["ere"].value,
        completeness=figures["completeness"].value or 0.0,
        estimated=totals.edc_estimated / totals.edc if totals.edc > 0 else 0.0,
        state=scope.state(part),
        revision=1 + int(totals.corrections) + scope.changes(part),
        withheld=withheld,
        more={name: found.value for name, found in figures.items() if name not in _FIELDS},
        sums=totals.told() if len(using) == len(figures) else {},
    )


@dataclass(frozen=True)
class Flows:
    """Per quarter, by supply: Wh matched, delivered, and contracted (kept and deliverable)."""

    green: Mapping[str, Floats]
    available: Mapping[str, Floats]
    claimable: frozenset[str]

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
    surplus = sum(
        max(0.0, (available[name] or 0.0) - green.get(name, 0.0))
        for name in flows.claimable & available.keys()
    )
    return Mixed(_mix_row(part, totals, green if totals.edc_known > 0 else {}, available, surplus), totals)


def joined(found: Mapping[str, Mixed]) -> MixRow:
    """The rows of several sites over one part as one; supplies are named ``site/supply``.

    Its completeness is of the quarters of all sites: one that has settled less than another weighs less.
    """
    rows = {site: one.row for site, one in found.items()}
    first = next(iter(rows.values()))
    return _mix_row(
        Period(first.start, first.end),
        sum((one.totals for one in found.values()), start=Totals()),
        {f"{site}/{name}": wh for site, row in rows.items() for name, wh in row.green.items()},
        {f"{site}/{name}": wh for site, row in rows.items() for name, wh in row.available_wh.items()},
        sum(row.surplus_wh for row in rows.values()),
    )


def _mix_row(
    part: Period,
    totals: Totals,
    green: Mapping[str, float],
    available: Mapping[str, float | None],
    surplus: float,
) -> MixRow:
    used = totals.edc_known > 0
    return MixRow(
        start=part.start,
        end=part.end,
        edc_wh=totals.edc if used else None,
        green=green,
        available_wh=available,
        other_wh=totals.other if used else None,
        unknown_wh=totals.unknown if used else None,
        surplus_wh=surplus,
        completeness=totals.edc_known / totals.expected if totals.expected else 0.0,
    )


def _rows(columns: Mapping[str, Floats]) -> Floats:
    return np.vstack(list(columns.values())) if columns else np.zeros((0, 0))


def _quarters(part: Period) -> tuple[int, int]:
    return to_ms(part.start) // QUARTER_MS, -(-to_ms(part.end) // QUARTER_MS)
