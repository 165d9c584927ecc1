"""The ``[sites.*]`` tables: what stands where, how it is metered, who supplies it."""

from __future__ import annotations

import re
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BeforeValidator, Field, field_validator, model_validator

from runtime.options import Duration, Options, shown


def _zone(value: Any) -> Any:
    if not isinstance(value, str):
        return value  # told as of the wrong type
    if not _ZONE.fullmatch(value.upper()):
        raise ValueError(
            f"{shown(value)} is no bidding zone: write letters, digits and -, such as PL or DE-LU"
        )
    return value.upper()


BiddingZone = Annotated[str, BeforeValidator(_zone)]
"""In capitals, as in telemetry, where it stands in the topic ``dc/v1/grid/{zone}``."""

_ZONE = re.compile(r"[A-Z0-9-]{1,60}")


class Role(StrEnum):
    """What a meter's energy counts as."""

    UTILITY = "utility"  # at the inlet: E_DC
    IT = "it"  # E_IT, at the point that its PUE category names
    COOLING = "cooling"
    LOSSES = "losses"
    OTHER = "other"


class SupplyKind(StrEnum):
    """What a supply is, which decides on what it may claim."""

    ONSITE_SOLAR = "onsite_solar"
    ONSITE_WIND = "onsite_wind"
    PPA_SOLAR = "ppa_solar"
    PPA_WIND = "ppa_wind"
    BATTERY = "battery"
    GENERATOR = "generator"

    @property
    def onsite(self) -> bool:
        """Whether it generates behind the site's meter, so that its energy is part of E_DC."""
        return self in (SupplyKind.ONSITE_SOLAR, SupplyKind.ONSITE_WIND, SupplyKind.GENERATOR)

    @property
    def renewable(self) -> bool:
        """Whether its generation may be claimed as renewable."""
        return self not in (SupplyKind.BATTERY, SupplyKind.GENERATOR)


class RegisterOptions(Options):
    """How a cumulative register behaves, for meters and supplies alike.

    ``max_power_kw`` bounds what a register may gain; ``modulus_wh`` is the count at which it rolls over;
    ``on_decrease`` says what a decrease means when it is no rollover: ``reset`` (to zero: the new count is a
    lower bound) or ``unknown`` (nothing is credited). ``period`` is how often it reports.
    """

    id: str = Field(pattern=r"^[a-z0-9-]+$", max_length=60)
    period: Duration = Field(default=timedelta(seconds=60), gt=timedelta(0), le=timedelta(hours=1))
    modulus_wh: float | None = Field(default=None, gt=0)
    max_power_kw: float | None = Field(default=None, gt=0)
    on_decrease: Literal["reset", "unknown"] = "reset"
    accuracy_class: float | None = Field(default=None, gt=0, description="percent, e.g. 0.5")


class MeterOptions(RegisterOptions):
    """One ``[[sites.X.meter]]``.

    What a meter without an export register exports is integrated from its power from when that first turns
    negative; ``exports = "none"`` says that it never does, whatever it tells.
    """

    role: Role
    exports: Literal["metered", "none"] = "metered"
    category: Literal["pue1", "pue2", "pue3"] | None = None
    parent: str | None = None

    @model_validator(mode="after")
    def _category_belongs_to_it(self) -> MeterOptions:
        if (self.role is Role.IT) != (self.category is not None):
            raise ValueError(
                "a meter with role 'it' names its category (pue1, pue2 or pue3); others have none"
            )
        return self


class SupplyOptions(RegisterOptions):
    """One ``[[sites.X.supply]]``; ``certificates = "sold"`` removes its energy from every claim."""

    kind: SupplyKind
    zone: BiddingZone | None = None
    certificates: Literal["kept", "sold"] = "kept"
    carbon_g_per_kwh: float | None = Field(
        default=None, ge=0, description="what a generator emits per kWh of electricity; CUE needs it"
    )


class WaterOptions(Options):
    """One ``[[sites.X.water]]``: a cumulative water meter in m³ whose volume counts in WUE."""

    id: str = Field(pattern=r"^[a-z0-9-]+$", max_length=60)
    period: Duration = Field(default=timedelta(seconds=60), gt=timedelta(0), le=timedelta(days=1))
    modulus_m3: float | None = Field(default=None, gt=0)
    max_flow_m3h: float | None = Field(default=None, gt=0)
    on_decrease: Literal["reset", "unknown"] = "reset"


class SiteOptions(Options):
    """One ``[sites.X]``: ``zone`` is the IANA time zone, ``grid`` the bidding zone.

    ``heat`` meters count heat that is reused beyond the boundary (ERF, ERE), ``water`` meters water that
    crosses it (WUE); ``cooling`` units with an energy register are kept in the ledger.
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
    cooling: tuple[RegisterOptions, ...] = ()
    heat: tuple[RegisterOptions, ...] = ()
    water: tuple[WaterOptions, ...] = ()

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
