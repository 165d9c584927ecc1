"""Whether anybody tells what leaves a site that generates: an export that nobody tells would pass for use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from energy.configuration.device import ENERGY, EXPORT
from energy.configuration.supply import SupplyKind
from energy.sums.line import Flags
from energy.sums.sheet import Sheet
from energy.tree import boundary
from telemetry.catalogue import METER

if TYPE_CHECKING:
    from energy.configuration.site import SiteOptions


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
    silent = np.zeros(len(at), dtype=np.bool_)
    for name in _outlets(site):
        silent |= ~_told(sheet, name, at)
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


def _told(sheet: Sheet, meter: str, at: npt.NDArray[np.int_]) -> Flags:
    """In which of the quarters ``at`` a meter tells what it exports, by its register or its power."""
    told = np.zeros(len(at), dtype=np.bool_)
    for channel in (EXPORT, ENERGY):
        if (METER.name, meter, channel) in sheet.lines:
            told |= sheet.registers[sheet.lines[METER.name, meter, channel]].exporting(at)
    return told
