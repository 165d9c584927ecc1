"""``[[sites.X.supply]]``: plants, contracts and batteries, and what they may claim."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from energy.metering import RegisterOptions
from energy.zone import BiddingZone


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


class SupplyOptions(RegisterOptions):
    """One ``[[sites.X.supply]]``; ``certificates = "sold"`` removes its energy from every claim."""

    kind: SupplyKind
    zone: BiddingZone | None = None
    certificates: Literal["kept", "sold"] = "kept"
    carbon_g_per_kwh: float | None = Field(
        default=None, ge=0, description="what a generator emits per kWh of electricity; CUE needs it"
    )
