"""All sites that there ever were: those configured now, and those that have left but keep their past."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.configuration.site import SiteOptions
from energy.figures import ALL
from energy.interval import Period, Step, steps
from energy.tables import ROSTER, SITE, insert_into

LONGEST = timedelta(days=3660)
"""What one question may span: ten years."""

_KEPT = ("name", "zone", "grid", "contracted_kw", "pue_limit", "completeness_floor")

_UTC = ZoneInfo("UTC")


@dataclass(frozen=True)
class Estate:
    """``sites`` by key, those that are configured first; ``departed`` are the others, without any device."""

    configured: Mapping[str, SiteOptions]
    departed: Mapping[str, SiteOptions]

    @property
    def sites(self) -> Mapping[str, SiteOptions]:
        """Every site, as it is configured now or was last."""
        return {**self.configured, **self.departed}

    def keys(self, site: str) -> list[str]:
        """The sites that ``site`` names, which may be ``all``. Raises ValueError with the known ones."""
        if site == ALL:
            return [*self.configured, *self.departed]
        if site in self.configured or site in self.departed:
            return [site]
        known = ", ".join([*self.configured, *self.departed, ALL])
        raise ValueError(f"no site is named {site!r}; there are: {known}")

    def tz(self, site: str) -> ZoneInfo:
        """The zone in which the days of ``site`` begin; those of ``all`` begin in UTC."""
        return _UTC if site == ALL else self.sites[site].tz

    def parts(self, site: str, period: Period, step: Step | None) -> list[Period]:
        """``period`` cut into steps of ``site``. Raises ValueError for one longer than :data:`LONGEST`."""
        self.keys(site)
        if period.end - period.start > LONGEST:
            raise ValueError(f"a period is at most {LONGEST.days} days; ask for a shorter one")
        if step is None or period.start >= period.end:
            return [period]
        return list(steps(period, step, self.tz(site)))

    def floor(self, keys: Iterable[str]) -> float:
        """The completeness that figures of the sites ``keys`` together need."""
        return max((self.sites[key].completeness_floor for key in keys), default=1.0)


async def remember(connection: AsyncConnection, sites: Mapping[str, SiteOptions]) -> None:
    """Keep of ``sites`` what the roster does not, so that it is still known when they have left."""
    rows = {
        key: json.dumps(site.model_dump(include=set(_KEPT)), sort_keys=True) for key, site in sites.items()
    }
    found = await connection.execute(select(SITE).where(SITE.c.site.in_(list(sites))))
    known = {row.site: row.told for row in found}
    changed = [{"site": key, "told": told} for key, told in rows.items() if known.get(key) != told]
    if changed:
        statement = insert_into(connection, SITE)
        upsert = statement.on_conflict_do_update(
            index_elements=["site"], set_={"told": statement.excluded.told}
        )
        await connection.execute(upsert, changed)


async def load_departed(connection: AsyncConnection, configured: Iterable[str]) -> dict[str, SiteOptions]:
    """The sites of the roster that are not ``configured``, by key, without their devices.

    One that left before anything but its devices was kept goes by its key, and its days begin in UTC.
    """
    wanted = (
        select(ROSTER.c.site, SITE.c.told)
        .join(SITE, SITE.c.site == ROSTER.c.site, isouter=True)
        .where(ROSTER.c.site.not_in(list(configured)))
        .distinct()
        .order_by(ROSTER.c.site)
    )
    rows = (await connection.execute(wanted)).all()
    return {row.site: _restored(row.site, row.told) for row in rows}


def _restored(key: str, told: str | None) -> SiteOptions:
    unknown = {"name": key, "zone": "UTC", "grid": "UNKNOWN"}
    return SiteOptions.model_validate(unknown if told is None else json.loads(told))
