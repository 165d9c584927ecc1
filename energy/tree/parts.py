"""What a meter tree is looked at by besides its closure: single meters, halls, points, GPUs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import numpy as np

from energy.configuration.metering import CoolingOptions, MeterOptions
from energy.configuration.site import SiteOptions
from energy.sums.line import HOUR
from energy.tree import boundary
from energy.tree.closing import Gpus, Node, Part, Point
from energy.tree.cut import Cut, consistent, told
from energy.tree.members import terms_of
from telemetry.catalogue import COOLING, METER
from telemetry.frame import Floats


def nodes(site: SiteOptions, cut: Cut) -> Iterator[Node]:
    """Every meter, cooling unit and virtual meter with its energy."""
    tables: tuple[tuple[Literal["meter", "cooling"], str, Sequence[MeterOptions | CoolingOptions]], ...] = (
        ("meter", METER.name, site.meter),
        ("cooling", COOLING.name, site.cooling),
    )
    for kind, measurement, table in tables:
        for one in table:
            amount = cut.line((measurement, one.id))
            point = one.point if isinstance(one, MeterOptions) else None
            role = one.role.value if isinstance(one, MeterOptions) else "cooling"
            yield Node(
                one.id, kind, role, point, one.hall, one.parent, *told(amount), one.accuracy_class,
                one.calibrated,
            )  # fmt: skip
    for virtual in site.virtual:
        amount = cut.sum(terms_of(site, [virtual]))
        yield Node(
            virtual.id, "virtual", virtual.role.value, virtual.point, virtual.hall, None,
            *told(consistent(amount)), None, None,
        )  # fmt: skip


def halls(site: SiteOptions, cut: Cut) -> Iterator[Part]:
    """The pPUE of every named sub-boundary."""
    for hall in boundary.halls(site):
        load = consistent(cut.sum(boundary.hall_it(site, hall)))
        every = cut.sum(boundary.hall_all(site, hall), whole=True)
        both = ~np.isnan(load) & ~np.isnan(every)
        known, expected = int(np.count_nonzero(both)), len(both)
        it, whole = float(load[both].sum()), float(every[both].sum())
        reason = _withheld(known, expected, site.completeness_floor, (it, whole))
        it_told, all_told = (it, whole) if known else (None, None)
        yield Part(hall, it_told, all_told, None if reason else whole / it, known, expected, reason)


def points(site: SiteOptions, cut: Cut, edc: Floats) -> Iterator[Point]:
    """The PUE of every category at which IT energy is measured; ``edc`` is E_DC per quarter."""
    headline = boundary.headline(site)
    for point in boundary.points(site):
        load = consistent(cut.sum(boundary.it(site, point)))
        both = ~np.isnan(load) & ~np.isnan(edc)
        known = int(np.count_nonzero(both))
        it, whole = float(load[both].sum()), float(edc[both].sum())
        missing = boundary.uncovered(site, point)
        reason = _withheld(known, len(both), site.completeness_floor, (it, whole))
        if missing:
            reason = f"the load of {', '.join(missing)} is not measured there"
        elif reason is None and whole <= it:
            reason = f"metering fault: E_DC / E_IT is {whole / it:.3f}, but cannot be 1 or less"
        value = None if reason else whole / it
        yield Point(point, point == headline, it if known else None, value, known, reason)


def _withheld(known: int, expected: int, floor: float, energies: tuple[float, float]) -> str | None:
    it, whole = energies
    if not expected:
        return "nothing is settled in this period yet"
    if known < floor * expected:
        return f"both energies are known in {known:,} of {expected:,} intervals, below the floor"
    if it <= 0:
        return "E_IT is not above 0 in this period"
    return f"metering fault: {whole / it:.3f} is below 1" if whole < it else None


def gpus(eit: Floats, told: Mapping[str, Floats]) -> Gpus:
    """``told``: Wh by hall and whole hour; ``eit``: E_IT per quarter from the first of these hours on."""
    hours = len(eit) // HOUR
    load = eit[: HOUR * hours].reshape(-1, HOUR).sum(axis=1)
    by_hall = {hall: wh[:hours] for hall, wh in told.items()}
    there = np.zeros(hours, dtype=np.bool_)
    for wh in by_hall.values():
        there |= ~np.isnan(wh)
    if not there.any():
        return Gpus(None, None, 0, None, {})
    each = {hall: float(np.nansum(wh)) for hall, wh in by_hall.items()}
    both = there & ~np.isnan(load)
    of_both = sum(float(np.nansum(wh[both])) for wh in by_hall.values())
    plausible = bool(of_both <= load[both].sum()) if both.any() else None
    it = float(load[both].sum()) if both.any() else None
    return Gpus(sum(each.values()), it, int(np.count_nonzero(there)), plausible, each)
