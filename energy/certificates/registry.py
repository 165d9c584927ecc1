"""The contract of a registry: how its files are written, when its certificates expire, whom it serves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import energy.certificates.registries
from energy.certificates.mapping import Header, MappingOptions
from energy.certificates.technology import Technology
from runtime.options import Options
from runtime.registry import Registry

ANY_HEADERS: Mapping[str, Header] = {
    "number_from": ("number_from", "from", "certificate_from", "first"),
    "number_to": ("number_to", "to", "certificate_to", "last"),
    "count": ("count", "number_of_certificates"),
    "volume": ("volume", "volume_mwh", "mwh", "quantity"),
    "production_start": ("production_start", "production_from", "start"),
    "production_end": ("production_end", "production_to", "end"),
    "zone": ("zone", "bidding_zone"),
    "country": ("country",),
    "technology": ("technology", "energy_source"),
    "plant": ("plant", "installation", "device"),
    "commissioned": ("commissioned", "commissioning_date"),
    "issued": ("issued", "issue_date", "issuing_date"),
    "expires": ("expires", "expiry_date", "expiry"),
    "state": ("state", "status"),
}
"""Understood in the files of every registry, beside what it calls them itself."""


@dataclass(frozen=True)
class RegistryRules:
    """One registry's account of certificates, kept apart from all others.

    ``zones`` are the bidding zones whose sites it serves: for another site, a certificate needs evidence of a
    transfer. ``certificate_wh`` is what one number stands for; time-stamped ones may be of any whole Wh.
    A date without a time is midnight in ``time_zone``, and the end of a period is the end of that day.
    ``window_months`` is how long before the end of consumption its certificates may have been produced;
    without it, in the calendar year of consumption. ``supplies`` are plants and the supplies that they are,
    None of one that is none of ours; None says that nobody told. Certificates of a zone and technology in
    ``doubtful`` may be of the supply named there; ``named`` are the plants that some registry maps,
    with the sites of which each is a supply.
    """

    key: str
    name: str
    expires_after_months: int
    zones: tuple[str, ...]
    zone: str | None = None
    country: str | None = None
    time_zone: str = "UTC"
    delimiter: str = ","
    decimal: str = "."
    date_form: str = "%Y-%m-%d"
    unit: str = "MWh"
    certificate_wh: int = 1_000_000
    technology: Technology | None = None
    columns: Mapping[str, Header] = field(default_factory=dict)
    technologies: Mapping[str, Technology] = field(default_factory=dict)
    supplies: Mapping[str, str | None] | None = None
    window_months: int | None = None
    doubtful: Mapping[tuple[str, Technology], str] = field(default_factory=dict)
    named: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def told_in(self) -> str:
        """Where people set what these rules say."""
        return "[[certificates]]"

    @property
    def tz(self) -> ZoneInfo:
        """In which dates without an offset are meant."""
        return ZoneInfo(self.time_zone)

    def headers(self, name: str) -> tuple[str, ...]:
        """What the column of field ``name`` may be called, the most particular first."""
        found: list[str] = []
        for known in (self.columns.get(name, ()), ANY_HEADERS[name]):
            found += [known] if isinstance(known, str) else known
        return tuple(found)

    def expires(self, produced_until: datetime) -> datetime:
        """When a certificate expires of which the file does not tell."""
        return months_later(produced_until, self.expires_after_months, self.tz)

    def with_options(self, options: MappingOptions) -> RegistryRules:
        """These rules with what ``options`` set; names of columns are added to those that are known."""
        told: dict[str, Any] = {
            name: value
            for name, value in ((f.name, getattr(options, f.name, None)) for f in fields(self))
            if name not in ("key", "name", "columns") and value is not None
            if name == "supplies" or value != {}
        }
        plain = {name.strip().lower(): made for name, made in options.technologies.items()}
        told |= {"technologies": plain} if plain else {}
        return replace(self, columns={**self.columns, **options.columns}, **told)


class NoOptions(Options):
    """A registry file has nothing to configure: ``[[certificates]]`` changes what it says."""


REGISTRIES: Registry[RegistryRules] = Registry("registry of certificates")
"""The registries whose rules we know, one file each; others are described by ``[[certificates]]`` alone."""


def registries(options: Sequence[MappingOptions]) -> dict[str, RegistryRules]:
    """Every registry by key: those that have a file here, as ``options`` change them, and those of its own.

    Raises ValueError that names what the description of an unknown registry lacks.
    """
    REGISTRIES.load(energy.certificates.registries)
    found = {key: REGISTRIES[key].factory() for key in REGISTRIES}
    for one in options:
        known = found.get(one.registry)
        found[one.registry] = (known or _described(one)).with_options(one)
    return found


def problems(options: Iterable[MappingOptions]) -> list[str]:
    """What is wrong with the ``[[certificates]]`` tables, each with its fix, but for the plants they name."""
    told, seen = [], set()
    for number, one in enumerate(options):
        if one.registry in seen:
            told.append(f"certificates[{number}].registry: {one.registry!r} has a table already; join them")
        seen.add(one.registry)
        try:
            registries([one])
        except ValueError as error:
            told.append(f"certificates[{number}]: {error}")
    return told


def months_later(at: datetime, months: int, tz: ZoneInfo) -> datetime:
    """The same civil time in ``tz`` so many months on; the last day of a month that has no such day."""
    local = at.astimezone(tz)
    total = local.year * 12 + local.month - 1 + months
    year, month = total // 12, total % 12 + 1
    following = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=tz)
    last = (following.date() - datetime(year, month, 1, tzinfo=tz).date()).days
    moved = local.replace(year=year, month=month, day=min(local.day, last), tzinfo=None)
    return moved.replace(tzinfo=tz).astimezone(UTC)


def _described(options: MappingOptions) -> RegistryRules:
    if options.expires_after_months is None or not options.zones:
        raise ValueError(
            f"nothing is known of the registry {options.registry!r}: write expires_after_months and zones, "
            "the bidding zones whose sites it serves"
        )
    return RegistryRules(
        options.registry, options.registry, options.expires_after_months, options.zones, options.zones[0]
    )
