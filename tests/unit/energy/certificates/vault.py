"""A book over one database, and files written by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from energy.certificates.act import Act
from energy.certificates.book import Book
from energy.certificates.claims import Claims
from energy.certificates.importing import Import, import_file
from energy.certificates.registry import registries
from energy.certificates.sheet import Source
from energy.configuration.site import SiteOptions
from energy.interval import Period, month
from runtime.database import Database
from tests.unit.energy.plant import site

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
ANNA = Act("Anna", AT)
CANCELLED = Act("Anna", AT, document="TGE 2026/11/77")

HEADERS = "number_from;number_to;volume;production_start;production_end;technology;plant;zone"

SITES = {
    "gdansk": site(),
    "kaunas": site(name="Kaunas", zone="Europe/Vilnius", grid="LT"),
}


def october(key: str = "gdansk") -> Period:
    return month("2026-10", SITES[key].tz)


def file(*rows: str, headers: str = HEADERS, name: str = "november.csv") -> Source:
    return Source(name, "\n".join([headers, *rows, ""]).encode())


def wind(
    first: int, last: int, *, days: tuple[str, str] = ("2026-10-01", "2026-10-31"), zone: str = "PL"
) -> str:
    """A row of certificates of 1 MWh each of a wind farm."""
    return f"PL-{first:06d};PL-{last:06d};{last - first + 1};{days[0]};{days[1]};wind;Farma Kaszuby;{zone}"


def hour(first: int, wh: int, at: str, zone: str = "PL") -> str:
    """A row of time-stamped certificates of 1 Wh each, of the hour from ``at`` (UTC, ``2026-10-05T10``)."""
    end = f"{at[:11]}{int(at[11:13]) + 1:02d}"
    kwh = f"{wh / 1e6:.6f}".replace(".", ",")
    return f"GC-{first};GC-{first + wh - 1};{kwh};{at}:00Z;{end}:00Z;wind;Farma Kaszuby;{zone}"


class Vault:
    """The certificates of two sites; ``rules`` are as the registries' files say, and no plant is a supply."""

    def __init__(self, database: Database, sites: dict[str, SiteOptions] | None = None) -> None:
        self.database = database
        self.rules = {key: replace(rules, supplies={}) for key, rules in registries([]).items()}
        self.book = Book(database, sites or SITES, self.rules)
        self.claims = Claims(database)

    async def take(self, *rows: str, registry: str = "PL", act: Act = ANNA, dry_run: bool = False) -> Import:
        return await import_file(self.database, self.rules[registry], file(*rows), act, dry_run=dry_run)
