"""The closure of a site's tree over a period: one for each part of it in which the tree stayed the same."""

from __future__ import annotations

from collections.abc import Sequence

from energy.configuration.era import present
from energy.configuration.site import SiteOptions
from energy.interval import QUARTER_MS, Period
from energy.reading.view import View
from energy.sums.line import Lines
from energy.tree.attribution import gpu_hours
from energy.tree.closing import Closure
from energy.tree.closure import closure
from energy.tree.cut import Cut
from energy.tree.dating import DATED
from runtime.clock import from_ms
from telemetry.store import Readings


async def closures(store: Readings, site: str, view: View, quarters: range) -> list[Closure]:
    """How the tree of ``site`` closes over ``quarters``, numbers that ``view`` holds, in time order.

    Raises StoreError.
    """
    lines, found = Lines(view.sheet), []
    for part, options in _parts(view, quarters):
        gpus = await gpu_hours(store, site, part.start, part.stop)
        own = slice(part.start - view.sheet.first, part.stop - view.sheet.first)
        period = Period(from_ms(part.start * QUARTER_MS), from_ms(part.stop * QUARTER_MS))
        found.append(closure(options, Cut(site, lines, own, period), gpus))
    return found


def _parts(view: View, quarters: range) -> Sequence[tuple[range, SiteOptions]]:
    """Runs of quarters in which the site's tables and its headline stayed the same."""
    found: list[tuple[range, SiteOptions]] = []
    for era in present(view.eras, quarters.start, quarters.stop):
        part = range(max(era.first, quarters.start), min(era.until, quarters.stop))
        if found and found[-1][0].stop == part.start and _tree(found[-1][1]) == _tree(era.site):
            part = range(found.pop()[0].start, part.stop)
        found.append((part, era.site))
    return [(part, options) for part, options in found if len(part)]


def _tree(site: SiteOptions) -> tuple[object, ...]:
    return (*(getattr(site, table) for table in DATED), site.pue_category)
