"""Everything about certificates behind one door: what pages, the API, alerts and the schedule ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from energy.certificates.act import Act
from energy.certificates.book import Book
from energy.certificates.claims import Claims
from energy.certificates.holdings import Holdings
from energy.certificates.importing import Import, import_file
from energy.certificates.mapping import MappingOptions
from energy.certificates.plants import with_plants
from energy.certificates.registry import RegistryRules, registries
from energy.certificates.sheet import Source
from energy.configuration.site import SiteOptions
from energy.proof.cause import SERVICE
from runtime.database import Database


class Certificates:
    """The account of certificates of ``sites``; ``options`` are the ``[[certificates]]`` tables."""

    def __init__(
        self, database: Database, sites: Mapping[str, SiteOptions], options: Sequence[MappingOptions] = ()
    ) -> None:
        self._database = database
        self.sites = sites
        self.rules: Mapping[str, RegistryRules] = with_plants(registries(options), sites)
        self.book = Book(database, sites, self.rules)
        self.holdings = Holdings(database)
        self.claims = Claims(database)

    async def take(self, registry: str, source: Source, act: Act, *, dry_run: bool = False) -> Import:
        """Import a file, all of it or nothing. Raises ValueError for a registry that is not known."""
        rules = self.rules.get(registry.upper())
        if rules is None:
            raise ValueError(f"registry: there is no {registry[:20]!r}; choose from {', '.join(self.rules)}")
        return await import_file(self._database, rules, source, act, dry_run=dry_run)

    async def expire(self, at: datetime) -> None:
        """Enter what has expired by ``at``; done every hour."""
        await self.book.expire(at, SERVICE)
