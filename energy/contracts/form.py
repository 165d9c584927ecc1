"""How a file of delivered volumes is written: what its columns are called, its unit and its times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo, available_timezones

from energy.certificates.cell import WH

HEADERS: Mapping[str, tuple[str, ...]] = {
    "start": ("start", "delivery start", "delivery_start", "from", "time", "timestamp"),
    "end": ("end", "delivery end", "delivery_end", "to"),
    "volume": ("volume", "energy", "delivered", *(f"{name}_{u}" for name in ("volume", "energy")
               for u in ("mwh", "kwh", "wh")), "mwh", "kwh", "wh"),
    "zone": ("zone", "bidding zone", "bidding_zone"),
}  # fmt: skip
"""What the column of each field may be called, in any case; ``start`` or ``end`` and ``volume`` must be."""

QUARTERS = {15: 1, 60: 4}
"""Minutes of a row -> how many quarter-hours that is."""


@dataclass(frozen=True)
class VolumeForm:
    """What somebody says of a file; None is what the file itself must tell.

    Attributes:
        columns: field -> header, beside :data:`HEADERS`.
        told_unit: ``MWh``, ``kWh`` or ``Wh``; else the header of the volume must name it.
        told_zone: the IANA time zone of times without an offset; else every time must have one.
        minutes: 15 or 60; else the two ends of a row, or the least step between two, tell.

    Raises ValueError for what is none of these.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    told_unit: str | None = None
    told_zone: str | None = None
    minutes: int | None = None
    decimal: str = "."
    delimiter: str = ","
    date_form: str = "%Y-%m-%d"

    def __post_init__(self) -> None:
        unknown = sorted(set(self.columns) - set(HEADERS))
        if unknown:
            raise ValueError(f"--column: {unknown[0]!r} is no field; choose from {', '.join(HEADERS)}")
        if self.told_unit is not None and self.told_unit not in WH:
            raise ValueError(f"--unit: {self.told_unit!r} is none; choose from {', '.join(WH)}")
        if self.told_zone is not None and self.told_zone not in available_timezones():
            raise ValueError(f"--time-zone: {self.told_zone!r} is no IANA time zone; write Europe/Warsaw")
        if self.minutes is not None and self.minutes not in QUARTERS:
            raise ValueError("--minutes: a row tells of 15 or 60")
        if self.decimal not in (".", ",") or self.delimiter not in (",", ";", "\t", "|"):
            raise ValueError("--decimal is . or a comma, --delimiter one of , ; | and the tabulator")

    def headers(self, name: str) -> tuple[str, ...]:
        """What the column of field ``name`` may be called, in lower case."""
        own = self.columns.get(name)
        return HEADERS[name] if own is None else (" ".join(own.lower().split()),)

    @property
    def unit(self) -> str:
        """Of its volumes, once it is known."""
        if self.told_unit is None:
            raise ValueError("the unit is not known yet")
        return self.told_unit

    @property
    def time_zone(self) -> str:
        """Of times without an offset."""
        return self.told_zone or "UTC"

    @property
    def tz(self) -> ZoneInfo:
        """The same."""
        return ZoneInfo(self.time_zone)

    @property
    def told_in(self) -> str:
        """Where people set all this."""
        return "the options of the command"
