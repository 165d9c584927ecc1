"""Which sites count in which part of a period, and what those owe that were there and never heard."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from energy.configuration.era import Era, categories, left, present
from energy.configuration.estate import Estate
from energy.configuration.other_energy import marks
from energy.configuration.supply import SupplyKind
from energy.interval import QUARTER_MS, Period
from energy.proof.past import Past
from energy.reading.rows import Scope
from energy.reading.view import View
from energy.sums.totals import Totals
from runtime.clock import from_ms, to_ms

_EVER = to_ms(datetime(9999, 1, 1, tzinfo=UTC)) // QUARTER_MS
"""Up to which a site is settled that has left and has nothing more to settle."""


def quarters_of(period: Period) -> tuple[int, int]:
    """The quarters that ``period`` touches, and the one after the last."""
    first = to_ms(period.start) // QUARTER_MS
    return first, max(first, -(-to_ms(period.end) // QUARTER_MS))


def traced_from(found: Sequence[Era], first: int) -> int:
    """The quarter from which on a site must be read to tell of ``first``.

    Of a site that ever had a battery that is the beginning of the month of UTC.
    """
    if not any(supply.kind is SupplyKind.BATTERY for era in found for supply in era.site.supply):
        return first
    at = from_ms(first * QUARTER_MS)
    return to_ms(at.replace(day=1, hour=0, minute=0)) // QUARTER_MS


def part_of(era: Era, period: Period) -> Period:
    """What of ``period`` lies in ``era``; it ends before it begins where there is nothing."""
    first, until = quarters_of(period)
    start = period.start if era.first <= first else from_ms(era.first * QUARTER_MS)
    return Period(start, period.end if era.until >= until else from_ms(era.until * QUARTER_MS))


def settled_quarter(settled: int | None, found: Sequence[Era]) -> int | None:
    """The quarter up to which nothing of a site is left to settle; None before the first.

    Once it has left and all of its past is settled, or none of it ever will be, that is for ever.
    """
    gone = left(found)
    return _EVER if gone is not None and (settled is None or settled >= gone) else settled


def judged_until(settled: Mapping[str, int | None], found: Mapping[str, Sequence[Era]]) -> int | None:
    """Up to which quarter it can be told whose time for corrections is over; None while one is unsettled.

    Of a site that has left, by what has been settled of others since.
    """
    newest = max((quarter for quarter in settled.values() if quarter is not None), default=None)
    gone = {key for key, quarter in settled.items() if settled_quarter(quarter, found[key]) == _EVER}
    seen = [newest if key in gone else quarter for key, quarter in settled.items()]
    known = [quarter for quarter in seen if quarter is not None]
    return min(known) if known and len(known) == len(seen) else None


def earliest(settled: Iterable[int | None]) -> datetime | None:
    """Until when all sites are settled; None as long as one is not at all."""
    known = list(settled)
    told = [quarter for quarter in known if quarter is not None]
    return from_ms(min(told) * QUARTER_MS) if told and len(told) == len(known) else None


def metered(totals: Totals, view: View, cut: tuple[int, int]) -> Totals:
    """``totals`` naming the site where it had no meter of water, or of heat, in all of ``cut``."""
    first, until = (view.sheet.first + quarter for quarter in cut)
    return unmetered(totals, view.eras, first, until)


def unmetered(totals: Totals, found: Sequence[Era], first: int, until: int) -> Totals:
    """``totals`` naming the site for each meter that it had in none of the quarters, by its eras."""
    there = [era.site for era in present(found, first, until)]
    heat = {meter.use for site in there for meter in site.heat}
    name = (there[-1].name,) if there else ()
    return replace(
        totals,
        waterless=() if any(site.water for site in there) else name,
        heatless=() if "reuse" in heat else name,
        uncooled=() if "removed" in heat else name,
    )


def unheard(silent: Mapping[str, Sequence[Era]], part: Period, *of_sites: Totals) -> Totals:
    """What the ``silent`` sites owe in their eras, in what is settled of the others' ``part``."""
    first, _ = quarters_of(part)
    until = first + int(max(totals.expected for totals in of_sites))
    owed, registers, names = 0, 0, []
    for found in silent.values():
        there = [era for era in found if not era.absent and era.first < era.until and era.meets(first, until)]
        for era in there:
            quarters = min(era.until, until) - max(era.first, first)
            owed += quarters
            registers += quarters * (len(era.site.meter) + len(era.site.supply))
        names += [there[-1].site.name] if there else []
    return Totals(expected=owed, registers_expected=registers, silent=tuple(names))


def scopes(
    estate: Estate,
    parts: Sequence[Period],
    found: Mapping[str, Sequence[Era]],
    settled: datetime | None,
    past: Past,
) -> list[Scope]:
    """What each of ``parts`` is of, by the eras of its sites.

    The floor of a part is the highest that a site had in some of it; that of a site that has left holds for
    the parts in which it was there.
    """
    told = []
    for part in parts:
        there = {key: present(eras, *quarters_of(part)) for key, eras in found.items()}
        asked = [key for key, eras in there.items() if eras or not any(era.absent for era in found[key])]
        names = categories((era for eras in there.values() for era in eras), *quarters_of(part))
        scope = Scope(_floor(estate, asked, there), "+".join(names) or None, settled, asked, past)
        told.append(
            replace(
                scope,
                uncertainty=_uncertainty([era for eras in there.values() for era in eras]),
                marks=marks(part, [estate.configured[key] for key in asked if key in estate.configured]),
            )
        )
    return told


def _uncertainty(there: Sequence[Era]) -> Mapping[str, float]:
    """The worst of the eras of one site; of a KPI of which one tells none, none: so of several sites."""
    if len({era.site.name for era in there}) != 1:
        return {}
    first, *others = (era.uncertainty for era in there)
    every = {name for name in first if all(name in one for one in others)}
    return {name: max(one[name] for one in (first, *others)) for name in sorted(every)}


def _floor(estate: Estate, keys: Sequence[str], there: Mapping[str, Sequence[Era]]) -> float:
    """The completeness that figures of the sites ``keys`` together need, by what they were configured as."""
    known = [era.site.completeness_floor for key in keys for era in there[key]]
    silent = [key for key in keys if not there[key]]
    return max([*known, *([estate.floor(silent)] if silent or not known else [])])
