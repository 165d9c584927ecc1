"""What the figures of a month rest on beside the rows of the ledger, by digest: a lock signs it too."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, Table, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.carbon.tables import CARBON_USE, GRID_AMOUNT, GRID_HOUR
from energy.carbon.uses import load_use
from energy.carbon.zones import reach
from energy.certificates.claims import Claim, Claims
from energy.certificates.gone import load_lots
from energy.configuration.era import eras
from energy.configuration.roster import load_plans
from energy.figures import KpiRow
from energy.interval import QUARTER_MS, Period
from energy.proof.beside import ANY, of_month
from energy.proof.knowledge import Restated
from energy.proof.line import digest_of, line_of
from energy.proof.proposal import Figures, figures_of, same_figure
from energy.tables import ROSTER
from runtime.clock import from_ms, to_ms
from runtime.database import Database

_HOUR = 4
"""Quarters."""

_NAMED = ("registry", "numbers", "technology", "plant", "timed", "in_zone", "supply", "wh", "state")
"""What is signed of a certificate, beside when it was consumed and until when it was valid."""

WORDS = {
    "certificates": "the certificates that serve it",
    "hours": "the hours of the grid",
    "factors": "the factor sets",
    "plans": "the plans of the site",
    "traced": "the hours and energies of the zones that its imports are traced to",
    "plants": "the certificates of its plants that are gone",
}
"""How people read what a digest is of."""


@dataclass(frozen=True)
class Basis:
    """SHA-256 over all of each kind that was known at a time: the fields are those of :data:`WORDS`."""

    certificates: str
    hours: str
    factors: str
    plans: str
    traced: str
    plants: str

    def differing(self, told: Any) -> list[str]:
        """Which of it are not as a document ``told``; what it does not tell is none."""
        known = told if isinstance(told, dict) else {}
        return [name for name, digest in asdict(self).items() if known.get(name, digest) != digest]


async def load_basis(database: Database, month: tuple[str, str, tuple[int, int]], at: datetime) -> Basis:
    """That of a site's period and its quarters as known ``at``; the same whenever it is asked for."""
    site, period, (first, until) = month
    over = Period(from_ms(first * QUARTER_MS), from_ms(until * QUARTER_MS))
    claims = (await Claims(database, Restated(site, period, at)).claimed(site, over, at)).claims
    serving = of_month(claims, over).values()
    async with database.read() as connection:
        lots = await load_lots(connection, site, [(first, until, at)])
        return Basis(
            digest_of(sorted(map(_certificate, serving))),
            digest_of([line async for line in _hours(connection, site, (first, until), at)]),
            digest_of([line async for line in _noted(connection, CARBON_USE, site, at)]),
            digest_of([line async for line in _noted(connection, ROSTER, site, at)]),
            digest_of([line async for line in _traced(connection, site, (first, until), at)]),
            digest_of(sorted(line_of([*lot, *wh]) for lot, wh in lots.sums(at).items())),
        )


def differing_figures(told: Figures, row: KpiRow) -> list[str]:
    """The figures of ``row`` that are not those that were ``told``, by name."""
    now = figures_of(row)
    return [name for name, value in told.items() if not same_figure(value, now.get(name))]


def _certificate(claim: Claim) -> bytes:
    times = (to_ms(claim.start), to_ms(claim.end), to_ms(claim.expires_at))
    statement = (
        claim.statement if claim.state in ("cancelled", "revoked") else None
    )  # no other was known then
    return line_of([*(getattr(claim, name) for name in _NAMED), statement, *times])


async def _hours(
    connection: AsyncConnection, site: str, quarters: tuple[int, int], at: datetime
) -> AsyncIterator[bytes]:
    """Every version known ``at`` of each hour of the site's own grid, by whoever tells them."""
    use = await load_use(connection, site, at)
    wanted = select(GRID_HOUR).where(GRID_HOUR.c.source == use.grid)
    zones = await _zones(connection, site, quarters, at)
    async for line in _versions(connection, wanted, (GRID_HOUR, zones), quarters, at):
        yield line


async def _traced(
    connection: AsyncConnection, site: str, quarters: tuple[int, int], at: datetime
) -> AsyncIterator[bytes]:
    """The same of every zone that imports are traced to, with loads and flows; nothing of who traces none."""
    use = await load_use(connection, site, at)
    if (use.grid, use.basis) != ("entsoe", "consumption"):
        return
    zones = {zone for own in await _zones(connection, site, quarters, at) for zone in reach(own)}
    hours = select(GRID_HOUR).where(GRID_HOUR.c.source == use.grid)
    for wanted, table in ((hours, GRID_HOUR), (select(GRID_AMOUNT), GRID_AMOUNT)):
        async for line in _versions(connection, wanted, (table, zones), quarters, at):
            yield line


async def _zones(connection: AsyncConnection, site: str, quarters: tuple[int, int], at: datetime) -> set[str]:
    """The bidding zones that the site stood in."""
    known = eras(ANY, (await load_plans(connection, [site]))[site], at)
    return {era.site.grid for era in known if era.meets(*quarters)}


async def _versions(
    connection: AsyncConnection,
    wanted: Select[Any],
    of: tuple[Table, Collection[str]],
    quarters: tuple[int, int],
    at: datetime,
) -> AsyncIterator[bytes]:
    """Every row known ``at`` of what is ``wanted`` of a table's zones, in the order of its key."""
    table, zones = of
    first, until = quarters[0] // _HOUR, -(-quarters[1] // _HOUR)
    found = (
        wanted.where(table.c.zone.in_(sorted(zones)), table.c.known_at <= at)
        .where(table.c.hour >= first, table.c.hour < until)
        .order_by(*table.primary_key)
    )
    for row in await connection.execute(found):
        yield line_of([to_ms(value) if isinstance(value, datetime) else value for value in row])


async def _noted(connection: AsyncConnection, table: Table, site: str, at: datetime) -> AsyncIterator[bytes]:
    """What was noted of a site by then; the first note counts for all of the past."""
    columns = table.c
    known = or_(columns.known_at <= at, columns.number == 1)
    wanted = select(table).where(columns.site == site, known).order_by(columns.number)
    for row in await connection.execute(wanted):
        yield line_of([to_ms(value) if isinstance(value, datetime) else value for value in row])
