"""The only writer of what happens to certificates once they are imported: each number serves once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import RowMapping, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.certificates.act import Act
from energy.certificates.consumption import consumption
from energy.certificates.effect import record_effect, record_loss
from energy.certificates.notice import note, touch
from energy.certificates.plants import SHARED, belongs, holders
from energy.certificates.pool import Piece, Wanted, choose, free_pieces
from energy.certificates.registry import RegistryRules
from energy.certificates.selection import Selection, named, registries_of, selected
from energy.certificates.states import state_of
from energy.certificates.tables import BUNDLE, PART
from energy.certificates.technology import Technology
from energy.certificates.window import outside, window_of, within
from energy.configuration.site import SiteOptions
from energy.proof.turn import every_site, of_registry, of_site, take_turns
from runtime.database import Database

log = structlog.get_logger(__name__)

_MOMENTS = {"cancelled": "cancelled_at", "revoked": "revoked_at", "released": "ended_at"}
"""Which moment of a part tells since when it is known."""


@dataclass(frozen=True)
class Order:
    """``wh`` of certificates (None: all there are) of ``registry`` for a site's consumption in ``period``.

    ``period`` is a month (``2026-10``) or a year; ``bundles`` and ``technology`` narrow what is taken.
    """

    registry: str
    site: str
    period: str
    wh: int | None = None
    bundles: tuple[int, ...] = ()
    technology: Technology | None = None


class Book:
    """Allocates, cancels, releases, sells: each in one transaction in which nobody else may.

    What is entered becomes known in the turn of its registries and sites, after all that was known of them.
    Every call raises ValueError with the fix when it cannot be done, and then nothing is.
    """

    def __init__(
        self, database: Database, sites: Mapping[str, SiteOptions], rules: Mapping[str, RegistryRules]
    ) -> None:
        self._database, self._sites, self._rules = database, sites, rules

    async def allocate(self, order: Order, act: Act) -> Sequence[Piece]:
        """Let certificates serve one site and period: whole numbers, what expires first in front.

        They were produced in the calendar year of consumption, or as the registry declares. For a site that
        it does not serve, ``act.document`` must prove the transfer.
        """
        site, rules = self._site(order.site), self._registry(order.registry)
        period = consumption(order.period, site.tz)
        if site.grid not in rules.zones and not act.document:
            raise ValueError(
                f"registry {rules.key} serves sites in {', '.join(rules.zones)}, not {order.site} in "
                f"{site.grid}: name the document that proves the transfer"
            )
        wanted = Wanted(order.registry, order.bundles, order.technology, period)
        place = {
            "site": order.site,
            "grid": site.grid,
            "period_start": period.start,
            "period_end": period.end,
        }
        async with self._alone(act, of_registry(order.registry), of_site(order.site)) as (connection, act):
            free = await free_pieces(connection, wanted, act.at)
            window = window_of(period, rules, site.tz)
            fit, others = within([one for one in free if self._may_serve(one, order.site)], window)
            try:
                pieces = choose(fit, order.wh)
            except ValueError as error:
                raise ValueError(f"{error}{outside(others, window, rules)}") from None
            await _take(connection, pieces, place, ("allocated", act))
            await touch(connection, [order.site])
            await self._parted(connection, f"allocated to {order.site}", pieces, act, order.site)
        _log("certificates_allocated", act, sum(piece.wh for piece in pieces), site=order.site)
        return pieces

    async def sell(self, wanted: Wanted, wh: int | None, act: Act) -> Sequence[Piece]:
        """Take certificates off our account for good: they serve no site of ours. Needs a document."""
        _proven(act, "the contract or transfer")
        self._registry(wanted.registry)
        async with self._alone(act, of_registry(wanted.registry)) as (connection, act):
            pieces = choose(await free_pieces(connection, wanted, act.at), wh)
            await _take(connection, pieces, {"site": None}, ("sold", act))
            await self._parted(connection, "sold", pieces, act, None)
        _log("certificates_sold", act, sum(piece.wh for piece in pieces), registry=wanted.registry)
        return pieces

    async def receive(self, bundles: Sequence[int], act: Act) -> int:
        """Note that bundles that were only issued are on our account now; how many that is new of."""
        wanted = select(BUNDLE).where(BUNDLE.c.id.in_(bundles), BUNDLE.c.held_at.is_(None))
        async with self._database.begin() as connection:
            found = (await connection.execute(wanted)).mappings().all()
            act = await _turns(connection, act, {of_registry(row["registry"]) for row in found})
            rows = (await connection.execute(wanted)).mappings().all()
            chosen = BUNDLE.c.id.in_([row["id"] for row in rows])
            await connection.execute(update(BUNDLE).where(chosen).values(held_at=act.at))
            await note(connection, "held", [{**row, "bundle": row["id"], "part": None} for row in rows], act)
        return len(rows)

    async def cancel(self, selection: Selection, on: datetime, act: Act) -> Sequence[RowMapping]:
        """Enter that the registry cancelled what is allocated, ``on`` the day of its statement. Final.

        ``act.document`` is the statement. From now on they count; the figures get a new revision.
        """
        _proven(act, "the registry's cancellation statement")
        if on > act.at:
            raise ValueError("on: a cancellation in the future has not happened yet")
        values = {"cancelled_on": on, "statement": act.document}
        return await self._change("cancelled", selection, act, values)

    async def revoke(self, selection: Selection, act: Act) -> Sequence[RowMapping]:
        """Enter that cancellations turned out void: they count no more. Needs a document and a reason."""
        _proven(act, "what proves that the cancellation is void")
        if not act.reason:
            raise ValueError("reason: tell why the cancellation is void")
        return await self._change("revoked", selection, act)

    async def release(self, selection: Selection, act: Act) -> Sequence[RowMapping]:
        """Free what is allocated, expired or was revoked, for another site or period if it is valid yet."""
        return await self._change("released", selection, act)

    async def expire(self, at: datetime, who: str) -> int:
        """Enter what has expired by ``at`` unused; the number of parts and bundles that is news of."""
        many = 0
        for registry in await self._with_expired(at):
            async with self._alone(Act(who, at), of_registry(registry)) as (connection, act):
                parts = await selected(connection, Selection(registry=registry, expired_by=at))
                act = await _turns(connection, act, {of_site(row["site"]) for row in parts})
                await _update(connection, parts, {"expired_at": act.at})
                await note(connection, "expired", parts, act)
                await touch(connection, (row["site"] for row in parts))
                left = await free_pieces(connection, Wanted(registry), datetime.min.replace(tzinfo=at.tzinfo))
                over = [piece for piece in left if _newly(piece.bundle, at)]
                rows = [
                    {"bundle": p.bundle["id"], "part": None, "first": p.first, "last": p.last} for p in over
                ]
                await note(connection, "expired", rows, act)
                lots = [(row, row["volume_wh"]) for row in parts] + [(p.bundle, p.wh) for p in over]
                await record_loss(connection, self._sites, ("expired", lots), act)
                gone = BUNDLE.c.registry == registry, BUNDLE.c.expires_at <= at, BUNDLE.c.expired_at.is_(None)
                await connection.execute(update(BUNDLE).where(*gone).values(expired_at=act.at))
                many += len(parts) + len(rows)
        return many

    async def _change(
        self, kind: str, selection: Selection, act: Act, values: Mapping[str, Any] | None = None
    ) -> Sequence[RowMapping]:
        told = dict(values or {})
        async with self._database.begin() as connection:
            await _turns(connection, act, map(of_registry, await registries_of(connection, selection)))
            rows = await named(connection, selection, kind, told.get("cancelled_on"))
            act = await _turns(connection, act, {of_site(row["site"]) for row in rows})
            await _update(connection, rows, told | {_MOMENTS[kind]: act.at})
            await note(connection, kind, rows, act)
            await touch(connection, (row["site"] for row in rows))
            if kind == "released":
                back = [(row, row["volume_wh"]) for row in rows if not belongs(row["supply"], row["site"])]
                await record_loss(connection, self._sites, ("released", back), act)
            if kind in ("cancelled", "revoked"):
                await record_effect(connection, kind, rows, act)
                await record_loss(connection, self._sites, (f"{kind} though expired", _back(kind, rows)), act)
        _log(f"certificates_{kind}", act, sum(row["volume_wh"] for row in rows), parts=len(rows))
        return rows

    @asynccontextmanager
    async def _alone(self, act: Act, *turns: str) -> AsyncIterator[tuple[AsyncConnection, Act]]:
        async with self._database.begin() as connection:
            yield connection, await _turns(connection, act, turns)

    def _may_serve(self, piece: Piece, site: str) -> bool:
        """Whether ``site`` may be given it: that of a plant that several buy of serves none but these."""
        plant = piece.bundle["supply"]
        return plant is None or not plant.startswith(SHARED) or site in holders(self._sites, [plant])

    async def _parted(
        self, connection: AsyncConnection, words: str, pieces: Sequence[Piece], act: Act, site: str | None
    ) -> None:
        """Note that supplies of other sites than ``site`` can claim ``pieces`` no more."""
        lots = [
            (piece.bundle, piece.wh)
            for piece in pieces
            if site is None or not belongs(piece.bundle["supply"], site)
        ]
        await record_loss(connection, self._sites, (words, lots), act)

    async def _with_expired(self, at: datetime) -> list[str]:
        wanted = select(BUNDLE.c.registry).where(BUNDLE.c.expires_at <= at, BUNDLE.c.expired_at.is_(None))
        async with self._database.read() as connection:
            return sorted(set((await connection.execute(wanted.distinct())).scalars()))

    def _site(self, key: str) -> SiteOptions:
        if key not in self._sites:
            raise ValueError(f"site: there is no {key[:60]!r}; choose from {', '.join(self._sites)}")
        return self._sites[key]

    def _registry(self, key: str) -> RegistryRules:
        if key not in self._rules:
            raise ValueError(f"registry: there is no {key[:20]!r}; choose from {', '.join(self._rules)}")
        return self._rules[key]


async def _turns(connection: AsyncConnection, act: Act, names: Iterable[str]) -> Act:
    """``act`` as it is entered in the turns ``names`` and in those of all sites.

    What becomes of certificates of a plant concerns each site that has a contract with it.
    """
    every = {*names, *await every_site(connection)}
    return replace(act, at=await take_turns(connection, every, act.at))


async def _take(
    connection: AsyncConnection, pieces: Sequence[Piece], place: dict[str, Any], what: tuple[str, Act]
) -> None:
    kind, act = what
    rows = [
        {
            "bundle": p.bundle["id"],
            "first": p.first,
            "last": p.last,
            "volume_wh": p.wh,
            "made_at": act.at,
            **place,
        }
        for p in pieces
    ]
    made = await connection.execute(insert(PART).returning(PART.c.id, sort_by_parameter_order=True), rows)
    numbered = zip(rows, made.scalars().all(), strict=True)
    await note(connection, kind, [{**row, "part": part} for row, part in numbered], act)


async def _update(connection: AsyncConnection, rows: Sequence[RowMapping], values: dict[str, Any]) -> None:
    parts = [row["part"] for row in rows]
    for low in range(0, len(parts), 500):
        await connection.execute(update(PART).where(PART.c.id.in_(parts[low : low + 500])).values(values))


def _back(kind: str, rows: Sequence[RowMapping]) -> list[tuple[RowMapping, int]]:
    """What of ``rows`` its supply may claim again as it was cancelled in time, or no more as that was void.

    What serves another site than those of its plant is gone in either case.
    """
    own = [row for row in rows if belongs(row["supply"], row["site"])]
    if kind == "cancelled":
        return [(row, row["volume_wh"]) for row in own if state_of(row, None) == "expired"]
    return [(row, row["volume_wh"]) for row in own if row["over"] is not None]


def _newly(bundle: RowMapping, at: datetime) -> bool:
    return bundle["expires_at"] <= at and bundle["expired_at"] is None


def _proven(act: Act, what: str) -> None:
    if not act.document or not act.document.strip():
        raise ValueError(f"document: name {what}")


def _log(event: str, act: Act, wh: int, **told: Any) -> None:
    log.info(event, who=act.who, wh=wh, document=act.document, **told)
