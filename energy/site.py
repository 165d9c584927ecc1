"""The ``[sites.*]`` tables: what stands where, how it is metered, who supplies it."""

from __future__ import annotations

from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, field_validator

from energy.metering import (
    Category,
    CoolingOptions,
    HeatOptions,
    MeterOptions,
    Role,
    VirtualOptions,
    WaterOptions,
)
from energy.supply import SupplyOptions
from energy.zone import BiddingZone
from runtime.options import Options


class SiteOptions(Options):
    """One ``[sites.X]``: ``zone`` is the IANA time zone, ``grid`` the bidding zone.

    ``heat`` meters count heat that is reused beyond the boundary (ERF, ERE) or removed by the cooling (CER),
    ``water`` meters water that crosses it (WUE); ``cooling`` units with an energy register are kept in the
    ledger, ``virtual`` meters are sums of others. ``pue_category`` names the point whose E_IT the PUE
    divides by; without it, the most advanced that covers all. ``losses_percent`` is what may be lost between
    a meter and those below it.
    """

    name: str = Field(
        min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$"
    )
    zone: str
    grid: BiddingZone
    contracted_kw: float | None = Field(default=None, gt=0)
    pue_limit: float = Field(default=1.4, gt=1)
    completeness_floor: float = Field(default=0.9, ge=0.5, le=1)
    meter: tuple[MeterOptions, ...] = ()
    supply: tuple[SupplyOptions, ...] = ()
    cooling: tuple[CoolingOptions, ...] = ()
    heat: tuple[HeatOptions, ...] = ()
    water: tuple[WaterOptions, ...] = ()
    virtual: tuple[VirtualOptions, ...] = ()
    pue_category: Category | None = None
    losses_percent: float = Field(default=5.0, ge=0, le=50)

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

    def problems(self, key: str) -> list[str]:
        """Everything wrong between the tables of this site, named by ``[sites.key]``."""
        parents = {m.id: m.parent for m in self.meter}
        ids = [*_repeated_ids(key, self), *_shared_ids(key, self)]
        return [*ids, *_broken_parents(key, parents), *_missing_roles(key, self), *_boundless(key, self)]


def _repeated_ids(key: str, site: SiteOptions) -> list[str]:
    found = []
    for table in ("meter", "supply", "cooling", "heat", "water"):
        ids = [device.id for device in getattr(site, table)]
        for repeated in sorted({i for i in ids if ids.count(i) > 1}):
            found.append(f"sites.{key}.{table}: two have id = {repeated!r}; give each its own")
    return found


def _shared_ids(key: str, site: SiteOptions) -> list[str]:
    """Rows of the ledger and of reports name a device by its id alone, whatever table it stands in."""
    tables: dict[str, list[str]] = {}
    for table in ("meter", "supply", "cooling", "heat", "water"):
        for name in {device.id for device in getattr(site, table)}:
            tables.setdefault(name, []).append(table)
    return [
        f"sites.{key}: {' and '.join(found)} both have id = {name!r}; "
        "give each its own, or their energy could not be told apart"
        for name, found in sorted(tables.items())
        if len(found) > 1
    ]


def _broken_parents(key: str, parents: dict[str, str | None]) -> list[str]:
    found = []
    for meter, parent in parents.items():
        if parent is not None and parent not in parents:
            found.append(f"sites.{key}.meter {meter!r}: parent = {parent!r} is no meter of this site")
            continue
        seen, above = {meter}, parent
        while above is not None and above not in seen:
            seen.add(above)
            above = parents.get(above)
        if above == meter:
            found.append(f"sites.{key}.meter {meter!r}: its parents lead back to itself; break the loop")
    return found


def _boundless(key: str, site: SiteOptions) -> list[str]:
    """A jump of a register that nothing bounds would pass for green energy."""
    return [
        f"sites.{key}.supply {supply.id!r}: nothing bounds what its register may gain; write max_power_kw, "
        "what it gives at most"
        for supply in site.supply
        if supply.kind.renewable and supply.max_power_kw is None
    ]


def _missing_roles(key: str, site: SiteOptions) -> list[str]:
    roles = {m.role for m in site.meter}
    categories = {m.category for m in site.meter if m.category}
    found = [
        f"sites.{key}: no meter has role = {role.value!r}, so its {figure} can never be known; add one"
        for role, figure in ((Role.UTILITY, "consumption and green share"), (Role.IT, "PUE"))
        if role not in roles
    ]
    if len(categories) > 1:
        found.append(
            f"sites.{key}: meters with role 'it' name the categories {sorted(categories)}; one PUE needs one"
        )
    return found
