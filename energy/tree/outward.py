"""Whether anybody tells what leaves a site that generates: an export that nobody tells would pass for use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from energy.configuration.device import ENERGY, EXPORT
from energy.configuration.supply import SupplyKind
from energy.interval import QUARTER_MS
from energy.sums.line import Flags
from energy.sums.sheet import Sheet
from energy.tree import boundary
from runtime.clock import to_ms
from telemetry.catalogue import METER

if TYPE_CHECKING:
    from energy.configuration.site import SiteOptions

_NEVER = 2**31 - 1


def generates(site: SiteOptions) -> bool:
    """Whether ``site`` has plants or batteries whose energy may leave it though a figure claims it."""
    return any(
        (supply.kind.onsite and supply.kind.renewable) or supply.kind is SupplyKind.BATTERY
        for supply in site.supply
    )


def unheard(site: SiteOptions, sheet: Sheet) -> Flags:
    """The quarters of ``sheet`` in which energy may leave ``site`` and some meter of its inlet tells nothing.

    A meter tells by its export register or by its power, from the first reading of either on, or says
    ``exports = "none"``.
    """
    at = np.arange(sheet.first, sheet.first + sheet.quarters)
    if not generates(site):
        return np.zeros(len(at), dtype=np.bool_)
    since = (_told_from(sheet, name) for name in _outlets(site))
    silent: Flags = at < max(since, default=0)
    return silent


def outward_notes(key: str, site: SiteOptions) -> Iterator[str]:
    """What ``check`` is to say of the meters whose exports only their readings can prove to be told."""
    if generates(site):
        for name in _outlets(site):
            yield (
                f"sites.{key}.meter {name!r}: this site generates or stores energy, so until the meter tells "
                "export_wh or power_w its own use of that is not known and claims nothing; if nothing ever "
                'leaves through it, write exports = "none"'
            )


def _outlets(site: SiteOptions) -> list[str]:
    """The meters of the inlet, by id, that do not say that nothing is exported."""
    sealed = {meter.id for meter in site.meter if meter.exports == "none"}
    return [name for (_, name), times in boundary.inlet(site).items() if times > 0 and name not in sealed]


def _told_from(sheet: Sheet, meter: str) -> int:
    """The quarter from which on a meter tells what it exports."""
    found = [_NEVER]
    if (METER.name, meter, EXPORT) in sheet.lines:
        found.append(sheet.registers[sheet.lines[METER.name, meter, EXPORT]].begins)
    if (METER.name, meter, ENERGY) in sheet.lines:
        power = sheet.registers[sheet.lines[METER.name, meter, ENERGY]].power_since
        found += [] if power is None else [to_ms(power) // QUARTER_MS]
    return min(found)
