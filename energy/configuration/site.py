"""The ``[sites.*]`` tables: what stands where, how it is metered, who supplies it."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, field_validator

from energy.carbon.choice import SiteCarbonOptions
from energy.configuration.metering import (
    Category,
    CoolingOptions,
    HeatOptions,
    MeterOptions,
    VirtualOptions,
    WaterOptions,
)
from energy.configuration.supply import BEST_ROUND_TRIP, SupplyKind, SupplyOptions
from energy.configuration.zone import BiddingZone
from energy.tree.faults import DEVICES, tree_faults
from energy.tree.plates import plate_faults
from runtime.options import Options

_NAMED = (*DEVICES, "virtual")


class SiteOptions(Options):
    """One ``[sites.X]``: ``zone`` is the IANA time zone, ``grid`` the bidding zone.

    ``heat`` meters count heat that is reused beyond the boundary (ERF, ERE) or removed by the cooling (CER),
    ``water`` meters water that crosses it (WUE); ``cooling`` units with an energy register are kept in the
    ledger, ``virtual`` meters are sums of others. ``pue_category`` names the point whose E_IT the PUE
    divides by; without it, the most advanced that covers all. ``losses_percent`` is what may be lost between
    a meter and those below it. ``estimate = "none"`` leaves consumption missing that no register tells.
    ``eu`` declares items of the EU data set, for all years or in a table named by one.
    """

    name: str = Field(
        min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$"
    )
    zone: str
    grid: BiddingZone
    contracted_kw: float | None = Field(default=None, gt=0)
    pue_limit: float = Field(default=1.4, gt=1)
    completeness_floor: float = Field(default=0.9, ge=0.5, le=1)
    carbon: SiteCarbonOptions = SiteCarbonOptions()
    meter: tuple[MeterOptions, ...] = ()
    supply: tuple[SupplyOptions, ...] = ()
    cooling: tuple[CoolingOptions, ...] = ()
    heat: tuple[HeatOptions, ...] = ()
    water: tuple[WaterOptions, ...] = ()
    virtual: tuple[VirtualOptions, ...] = ()
    pue_category: Category | None = None
    losses_percent: float = Field(default=5.0, ge=0, le=50)
    estimate: Literal["documented", "none"] = "documented"
    eu: dict[str, Any] = Field(default_factory=dict)

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError(f"{value!r} is no IANA time zone; write for example Europe/Warsaw")
        return value

    @property
    def tz(self) -> ZoneInfo:
        """The zone in which this site's days and months begin."""
        return ZoneInfo(self.zone)

    def problems(self, key: str, today: date | None = None) -> list[str]:
        """Everything wrong between the tables of this site, named by ``[sites.key]``.

        Without ``today`` no date is taken to lie in the future.
        """
        ids = [*_repeated_ids(key, self), *_shared_ids(key, self)]
        plates = plate_faults(key, self, today)
        stores = [*_lossless(key, self), *_sizeless(key, self)]
        options = [*_placeless(key, self), *stores, *_losses(key, self), *_backups(key, self)]
        return [*ids, *tree_faults(key, self), *_boundless(key, self), *plates, *options]


def _repeated_ids(key: str, site: SiteOptions) -> list[str]:
    found = []
    for table in _NAMED:
        ids = [device.id for device in getattr(site, table)]
        for repeated in sorted({i for i in ids if ids.count(i) > 1}):
            found.append(f"sites.{key}.{table}: two have id = {repeated!r}; give each its own")
    return found


def _shared_ids(key: str, site: SiteOptions) -> list[str]:
    """Rows of the ledger and of reports name a device by its id alone, whatever table it stands in."""
    tables: dict[str, list[str]] = {}
    for table in _NAMED:
        for name in {device.id for device in getattr(site, table)}:
            tables.setdefault(name, []).append(table)
    return [
        f"sites.{key}: {' and '.join(found)} both have id = {name!r}; "
        "give each its own, or their energy could not be told apart"
        for name, found in sorted(tables.items())
        if len(found) > 1
    ]


def _boundless(key: str, site: SiteOptions) -> list[str]:
    """A jump of a register that nothing bounds would pass for green energy."""
    return [
        f"sites.{key}.supply {supply.id!r}: nothing bounds what its register may gain; write max_power_kw, "
        "what it gives at most"
        for supply in site.supply
        if supply.kind.renewable and supply.max_power_kw is None
    ]


def _placeless(key: str, site: SiteOptions) -> list[str]:
    """A contract whose plant may stand anywhere would pass for deliverable."""
    return [
        f"sites.{key}.supply {supply.id!r}: nothing tells where its plant delivers; write zone, its bidding "
        f"zone, such as {site.grid}"
        for supply in site.supply
        if supply.kind.contract and supply.zone is None
    ]


def _backups(key: str, site: SiteOptions) -> list[str]:
    """A meter that stands in for another must be another, and measure."""
    ids = {meter.id for meter in site.meter}
    return [
        f"sites.{key}.meter {meter.id!r}: backup = {meter.backup!r} is no other meter of this site; name the "
        "one that measures the same load"
        for meter in site.meter
        if meter.backup is not None and (meter.backup not in ids or meter.backup == meter.id)
    ]


def _lossless(key: str, site: SiteOptions) -> list[str]:
    """What a battery is said to give back and does not would pass for green energy."""
    return [
        f"sites.{key}.supply {supply.id!r}: round_trip = {supply.round_trip:g} is more than a battery gives "
        f"back between its registers; write what they told over a year, at most {BEST_ROUND_TRIP:g}"
        for supply in site.supply
        if supply.round_trip is not None and supply.round_trip > BEST_ROUND_TRIP
    ]


def _sizeless(key: str, site: SiteOptions) -> list[str]:
    """The less a battery is known to hold, the less is found of losses that were not declared."""
    if not any(supply.claims for supply in site.supply):
        return []
    return [
        f"sites.{key}.supply {supply.id!r}: nothing tells how much it holds, and so what it has lost of "
        "green energy; write capacity_kwh, what it gives from full to empty"
        for supply in site.supply
        if supply.kind is SupplyKind.BATTERY and supply.capacity_kwh is None
    ]


def _losses(key: str, site: SiteOptions) -> list[str]:
    told = f"sites.{key}.losses_percent: {site.losses_percent:g} is written in percent; 5 % is 5"
    return [told] if 0 < site.losses_percent < 0.1 else []
