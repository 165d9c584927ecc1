"""``[[certificates]]``: how the files of a registry are read, and when its certificates expire."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal
from zoneinfo import available_timezones

from pydantic import BeforeValidator, Field, field_validator

from energy.certificates.technology import Technology
from energy.configuration.zone import BiddingZone
from runtime.options import Options, shown

FIELDS = (
    "number_from", "number_to", "count", "volume", "production_start", "production_end", "zone", "country",
    "technology", "plant", "commissioned", "issued", "expires", "state",
)  # fmt: skip
"""What a row may tell; each is found in the column that the mapping names."""

Header = str | tuple[str, ...]


def _capitals(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


class MappingOptions(Options):
    """One ``[[certificates]]``: what is not set is as the registry's own file in this package says.

    ``columns`` names the header of each of :data:`FIELDS`; several headers are tried in turn.
    ``expires_after_months`` counts from the end of production, where a file tells no expiry itself.
    ``window_months`` is how long before the end of the consumption that they are for certificates may have
    been produced, where the registry says so; else it must have been in the same calendar year.
    ``supplies`` names plants that are supplies of a site, by its id, ``site/id`` or the ``plant`` of a
    contract: their certificates prove metered energy. ``none`` is a plant that is no supply; an empty table
    says so of all of the registry.
    """

    registry: Annotated[str, BeforeValidator(_capitals)] = Field(pattern=r"^[A-Z][A-Z0-9-]{0,15}$")
    expires_after_months: int | None = Field(default=None, ge=1, le=60)
    window_months: int | None = Field(default=None, ge=1, le=60)
    zones: tuple[BiddingZone, ...] | None = None
    zone: BiddingZone | None = None
    country: str | None = Field(default=None, pattern=r"^[A-Z]{2}$")
    time_zone: str | None = None
    delimiter: Literal[",", ";", "\t", "|"] | None = None
    decimal: Literal[".", ","] | None = None
    date_form: str | None = Field(default=None, max_length=40)
    unit: Literal["MWh", "kWh", "Wh"] | None = None
    certificate_wh: int | None = Field(default=None, ge=1, le=1_000_000)
    technology: Technology | None = None
    columns: dict[str, Header] = Field(default={})
    technologies: dict[str, Technology] = Field(default={})
    supplies: dict[str, str] | None = None

    @field_validator("columns")
    @classmethod
    def _known_fields(cls, value: dict[str, Header]) -> dict[str, Header]:
        for name in value:
            if name not in FIELDS:
                raise ValueError(
                    f"{shown(name)} is nothing that a row tells; choose from {', '.join(FIELDS)}"
                )
        return value

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str | None) -> str | None:
        if value is not None and value not in available_timezones():
            raise ValueError(f"{shown(value)} is no IANA time zone; write for example Europe/Warsaw")
        return value

    @field_validator("date_form")
    @classmethod
    def _whole_date(cls, value: str | None) -> str | None:
        if value is not None and date(2026, 11, 22).strftime(value) == date(2025, 1, 3).strftime(value):
            raise ValueError(f"{shown(value)} is no form of a date; write for example %d.%m.%Y")
        return value
