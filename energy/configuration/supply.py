"""``[[sites.X.supply]]``: plants, contracts and batteries, and what they may claim."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field, model_validator

from energy.configuration.metering import Id, RegisterOptions
from energy.configuration.zone import BiddingZone


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

    @property
    def contract(self) -> bool:
        """Whether it is a power purchase agreement: somebody else's plant, delivered over the grid."""
        return self in (SupplyKind.PPA_SOLAR, SupplyKind.PPA_WIND)


ROUND_TRIP = 0.85
"""What a battery of which nothing is declared gives back of what it took."""


BEST_ROUND_TRIP = 0.98
"""No battery gives back more between its registers: of lithium cells 0.99 are known, without a converter."""


class SupplyOptions(RegisterOptions):
    """One ``[[sites.X.supply]]``.

    ``certificates`` that are ``kept`` prove its energy once they are cancelled; ``none`` says that nobody
    issues any for it. Those that are ``sold``, or ``unissued`` though they might be, remove its energy from
    every claim. ``share`` is the part of a contracted plant that is bought: its register tells of the whole
    plant, of which the share counts. ``plant`` names that plant, at all sites that buy of it; without it, it
    is one that nobody else buys of. ``volume`` is where that comes from: registers over MQTT, or files that
    somebody imports. ``round_trip`` is what a battery gives back of what it took, by declaration: the fixed
    rule by which its losses are told.
    """

    kind: SupplyKind
    zone: BiddingZone | None = None
    certificates: Literal["kept", "sold", "none", "unissued"] = "kept"
    share: float = Field(default=1.0, gt=0, le=1)
    plant: Id | None = None
    volume: Literal["mqtt", "file"] = "mqtt"
    round_trip: float | None = Field(default=None, gt=0, le=1)
    capacity_kwh: float | None = Field(
        default=None,
        gt=0,
        description="what a battery can give from full to empty; else four hours of its power",
    )
    carbon_g_per_kwh: float | None = Field(
        default=None, ge=0, description="what a generator emits per kWh of electricity; CUE needs it"
    )

    @property
    def claims(self) -> bool:
        """Whether its energy may be claimed at all: its certificates are kept, or there are none."""
        return self.kind.renewable and self.certificates in ("kept", "none")

    @property
    def efficiency(self) -> float:
        """What it gives back of each Wh that it took."""
        return ROUND_TRIP if self.round_trip is None else self.round_trip

    @model_validator(mode="after")
    def _has_what_its_kind_has(self) -> SupplyOptions:
        if self.share != 1 and not self.kind.contract:
            raise ValueError("share belongs to a contract (ppa_wind, ppa_solar); of others all counts")
        if self.plant is not None and not self.kind.contract:
            raise ValueError(
                "plant belongs to a contract (ppa_wind, ppa_solar); others are plants themselves"
            )
        if self.volume == "file" and not self.kind.contract:
            raise ValueError(
                'volume = "file" belongs to a contract (ppa_wind, ppa_solar); others have a register'
            )
        for name in ("round_trip", "capacity_kwh"):
            if getattr(self, name) is not None and self.kind is not SupplyKind.BATTERY:
                raise ValueError(f"{name} belongs to a battery; leave it out")
        return self
