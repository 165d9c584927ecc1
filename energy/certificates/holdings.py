"""What is held, allocated, cancelled or gone, as pages and the API show it: read from both ends."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import RowMapping, Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.certificates.bundle import numbers
from energy.certificates.pool import free_numbers
from energy.certificates.states import open_at, state_of
from energy.certificates.tables import BUNDLE, EVENT, FILE, PART
from energy.certificates.technology import Technology
from runtime.database import Database

HoldingState = Literal["issued", "held", "allocated", "cancelled", "revoked", "expired", "sold"]
STATES: tuple[HoldingState, ...] = (
    "issued", "held", "allocated", "cancelled", "revoked", "expired", "sold",
)  # fmt: skip


@dataclass(frozen=True)
class Holding:
    """Consecutive certificates in one state; those that serve nobody have neither ``part`` nor ``site``.

    ``timed``: they tell in which hour they were produced. ``statement`` is what proves their cancellation.
    """

    part: int | None
    bundle: int
    registry: str
    numbers: str
    wh: int
    state: HoldingState
    technology: Technology
    plant: str
    zone: str
    timed: bool
    supply: str | None
    production_start: datetime
    production_end: datetime
    expires_at: datetime
    site: str | None
    period_start: datetime | None
    period_end: datetime | None
    statement: str | None
    cancelled_on: datetime | None


@dataclass(frozen=True)
class Happening:
    """One thing that happened to ``numbers``."""

    at: datetime
    kind: str
    numbers: str
    who: str
    document: str | None
    reason: str | None


@dataclass(frozen=True)
class BundleStory:
    """One bundle: where it came from, where each number of it is now, and all that happened to it."""

    id: int
    registry: str
    numbers: str
    certificate_wh: int
    volume_wh: int
    country: str | None
    commissioned: date | None
    issued_at: datetime | None
    file: str
    sha256: str
    row: int
    imported_at: datetime
    who: str
    holdings: Sequence[Holding]
    happenings: Sequence[Happening]


@dataclass(frozen=True)
class Page:
    """Some of a long list: ``limit`` bundles (None: all) beyond the first ``offset`` that were asked for.

    Of those produced after ``since``, without it of all.
    """

    offset: int = 0
    limit: int | None = None
    since: datetime | None = None


_ORDERED = select(BUNDLE).order_by(
    BUNDLE.c.registry, BUNDLE.c.production_start.desc(), BUNDLE.c.series, BUNDLE.c.first
)


class Holdings:
    """Reads everything about certificates but what figures need; writes nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def holdings(
        self,
        at: datetime,
        registry: str | None = None,
        site: str | None = None,
        as_of: datetime | None = None,
        page: Page | None = None,
    ) -> list[Holding]:
        """Every run of numbers in one state, by registry, production and number.

        ``at`` is the time by which what is free has expired; ``site`` asks for what serves that site alone.
        A ``page`` is read alone: of its bundles, what is asked for.
        """
        wanted = _ORDERED
        if page is not None:
            wanted = wanted.offset(page.offset).limit(page.limit)
            if page.since is not None:
                wanted = wanted.where(BUNDLE.c.production_end > page.since)
        if registry is not None:
            wanted = wanted.where(BUNDLE.c.registry == registry)
        if as_of is not None:
            wanted = wanted.where(BUNDLE.c.imported_at <= as_of)
        if site is not None:
            serving = select(PART.c.bundle).where(PART.c.site == site, open_at(as_of))
            wanted = wanted.where(BUNDLE.c.id.in_(serving))
        found = await self._found(wanted, at, as_of)
        return found if site is None else [one for one in found if one.site == site]

    async def expiring(self, at: datetime, by: datetime) -> list[Holding]:
        """The same of what expires later than ``at`` and by ``by``, as it was known ``at`` that time."""
        wanted = _ORDERED.where(
            BUNDLE.c.imported_at <= at, BUNDLE.c.expires_at > at, BUNDLE.c.expires_at <= by
        )
        return await self._found(wanted, at, at)

    async def _found(
        self, wanted: Select[tuple[object, ...]], at: datetime, as_of: datetime | None
    ) -> list[Holding]:
        async with self._database.read() as connection:
            bundles = (await connection.execute(wanted)).mappings().all()
            parts = await _parts(connection, [row["id"] for row in bundles], as_of)
        return [one for row in bundles for one in _of(row, parts.get(row["id"], []), (as_of or at, as_of))]

    async def story(self, bundle: int, at: datetime) -> BundleStory | None:
        """One bundle from its file to what its numbers serve; None if there is none."""
        wanted = (
            select(BUNDLE, FILE.c.name.label("file_name"), FILE.c.sha256)
            .join(FILE, FILE.c.id == BUNDLE.c.file)
            .where(BUNDLE.c.id == bundle)
        )
        happened = select(EVENT).where(EVENT.c.bundle == bundle).order_by(EVENT.c.id)
        async with self._database.read() as connection:
            row = (await connection.execute(wanted)).mappings().first()
            if row is None:
                return None
            parts = await _parts(connection, [bundle], None)
            events = (await connection.execute(happened)).mappings().all()
        begun = row["commissioned"]
        return BundleStory(
            id=bundle,
            numbers=_written(row, row["first"], row["last"]),
            file=row["file_name"],
            commissioned=None if begun is None else date.fromisoformat(begun),
            holdings=_of(row, parts.get(bundle, []), (at, None)),
            happenings=[_happening(row, event) for event in events],
            **{name: row[name] for name in ("registry", "certificate_wh", "volume_wh", "country", "issued_at",
                                            "sha256", "row", "imported_at", "who")},
        )  # fmt: skip


async def _parts(
    connection: AsyncConnection, bundles: Sequence[int], as_of: datetime | None
) -> Mapping[int, list[RowMapping]]:
    found: dict[int, list[RowMapping]] = defaultdict(list)
    for low in range(0, len(bundles), 500):
        wanted = select(PART).where(PART.c.bundle.in_(bundles[low : low + 500]), open_at(as_of))
        for row in (await connection.execute(wanted.order_by(PART.c.first))).mappings():
            found[row["bundle"]].append(row)
    return found


def _of(
    bundle: RowMapping, parts: Sequence[RowMapping], when: tuple[datetime, datetime | None]
) -> list[Holding]:
    """The bundle cut into its parts and what is free between them, in the order of their numbers."""
    at, as_of = when
    free = free_numbers((bundle["first"], bundle["last"]), [(part["first"], part["last"]) for part in parts])
    found = [(low, _holding(bundle, (low, high), _free_state(bundle, at, as_of), None)) for low, high in free]
    for part in parts:
        state = _part_state(part, as_of)
        found.append((part["first"], _holding(bundle, (part["first"], part["last"]), state, part)))
    return [one for _, one in sorted(found, key=lambda numbered: numbered[0])]


def _free_state(bundle: RowMapping, at: datetime, as_of: datetime | None) -> HoldingState:
    if bundle["expires_at"] <= at:
        return "expired"
    held = bundle["held_at"]
    return "held" if held is not None and (as_of is None or held <= as_of) else "issued"


def _part_state(part: RowMapping, as_of: datetime | None) -> HoldingState:
    """As figures count it: what serves a site has expired once that is entered, every hour."""
    return "sold" if part["site"] is None else state_of(part, as_of)


def _holding(
    bundle: RowMapping, run: tuple[int, int], state: HoldingState, part: Mapping[Any, Any] | None
) -> Holding:
    first, last = run
    told: dict[str, Any] = dict(part or {})
    return Holding(
        part=told.get("id"),
        bundle=bundle["id"],
        numbers=_written(bundle, first, last),
        wh=(last - first + 1) * bundle["certificate_wh"],
        state=state,
        technology=Technology(bundle["technology"]),
        **_columns(bundle, ("registry", "plant", "zone", "timed", "supply", "production_start",
                            "production_end", "expires_at")),
        **_columns(told, ("site", "period_start", "period_end", "statement", "cancelled_on")),
    )  # fmt: skip


def _columns(row: Mapping[Any, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: row.get(name) for name in names}


def _happening(bundle: RowMapping, event: RowMapping) -> Happening:
    run = _written(bundle, event["first"], event["last"])
    return Happening(event["at"], event["kind"], run, event["who"], event["document"], event["reason"])


def _written(bundle: RowMapping, first: int, last: int) -> str:
    return numbers(bundle["series"], bundle["digits"], first, last)
