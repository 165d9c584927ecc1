"""What a meter or a virtual meter is the energy of: devices of the ledger, each with its sign."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from energy.configuration.metering import MeterOptions, VirtualOptions
from telemetry.catalogue import COOLING, METER, SUPPLY

if TYPE_CHECKING:
    from energy.configuration.site import SiteOptions

Source = tuple[str, str]
"""Measurement and id of a device whose register tells Wh of electricity."""

Terms = Mapping[Source, int]
"""How many times each device is counted: 1, -1 where it is taken out; what cancels is not there."""


def sources(site: SiteOptions) -> dict[str, Source]:
    """Every device of ``site`` that may be a member of a virtual meter, by id."""
    tables = ((METER, site.meter), (SUPPLY, site.supply), (COOLING, site.cooling))
    return {device.id: (measurement.name, device.id) for measurement, table in tables for device in table}


def terms_of(site: SiteOptions, counted: Iterable[MeterOptions | VirtualOptions]) -> Terms:
    """The devices that ``counted`` together are the energy of.

    Members that the site has not are left out: :mod:`energy.tree.faults` names them. Raises ValueError for a
    virtual meter that contains itself.
    """
    known, virtual = sources(site), {v.id: v for v in site.virtual}
    total: Counter[Source] = Counter()

    def add(name: str, sign: int, above: tuple[str, ...]) -> None:
        if name in above:
            raise ValueError(f"the virtual meter {name!r} contains itself")
        if name not in virtual:
            if name in known:
                total[known[name]] += sign
            return
        for member in virtual[name].plus:
            add(member, sign, (*above, name))
        for member in virtual[name].minus:
            add(member, -sign, (*above, name))

    for one in counted:
        add(one.id, 1, ())
    return {source: times for source, times in total.items() if times}
