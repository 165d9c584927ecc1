"""Certificates of origin: what is held, what it serves, and what an operator enters about it."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from datetime import datetime
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends, Path, Query
from pydantic import Field
from sqlalchemy import RowMapping

from dashboards.api import asked
from dashboards.api.asked import Asked, Told
from dashboards.here import HouseHere, house_of
from dashboards.house import House
from dashboards.problem import RESPONSES, Problem
from dashboards.security import Operator, acting
from energy.certificates.act import Act
from energy.certificates.book import Order
from energy.certificates.bundle import numbers
from energy.certificates.consumption import consumption
from energy.certificates.desk import Certificates
from energy.certificates.holdings import BundleStory, Holding, HoldingState, Page
from energy.certificates.importing import Import
from energy.certificates.pool import Piece, Wanted
from energy.certificates.selection import Selection
from energy.certificates.sheet import Remark, Source
from energy.certificates.technology import Technology
from energy.figures import ALL

router = APIRouter(prefix="/api/v1/certificates", tags=["certificates"], responses=RESPONSES)

T = TypeVar("T")

MOST_BUNDLES = 1000
"""Of one answer; a plant's hourly certificates of a month are 744."""

LARGEST_CONTENT = 150 * 1024
"""Characters of a file, as on the page; larger ones are taken by ``service.py certificates import``."""

Number = Annotated[int, Field(ge=1, le=2**53)]
Megawatthours = Annotated[float | None, Field(gt=0, le=1e9, description="all that fits, without it")]
Words = Annotated[str | None, Field(max_length=200)]


class CertificatesAsked(Asked):
    """Of which registry, site and state; ``as_of`` tells what had been entered by then.

    ``limit`` bundles are looked at from number ``offset`` on: ``next`` of the answer is that of the rest.
    """

    registry: str | None = None
    site: str | None = None
    state: HoldingState | None = None
    as_of: str | None = None
    offset: Annotated[int, Field(ge=0, le=2**53)] = 0
    limit: Annotated[int, Field(ge=1, le=MOST_BUNDLES)] = MOST_BUNDLES


class Deed(Asked):
    """``who`` acts for the operator, if it is somebody else; ``document`` proves what is entered."""

    who: Annotated[str | None, Field(max_length=60)] = None
    document: Words = None
    reason: Words = None


class ImportAsked(Deed):
    """A registry's CSV file as text; with ``dry_run`` nothing is written."""

    registry: str
    name: Annotated[str, Field(min_length=1, max_length=200)]
    content: Annotated[str, Field(max_length=LARGEST_CONTENT)]
    dry_run: bool = False


class AllocateAsked(Deed):
    """For the consumption of ``site`` in ``period``: a month (``2026-10``) or a year."""

    registry: str
    site: str
    period: str
    mwh: Megawatthours = None
    bundles: tuple[Number, ...] = ()
    technology: Technology | None = None


class SellAsked(Deed):
    """Certificates that leave our account for good; ``document`` names the contract."""

    registry: str
    mwh: Megawatthours = None
    bundles: tuple[Number, ...] = ()
    technology: Technology | None = None


class PartsAsked(Deed):
    """Parts by their numbers, or all of a site and period, of one registry or of all."""

    parts: tuple[Number, ...] = ()
    site: str | None = None
    period: str | None = None
    registry: str | None = None


class CancelAsked(PartsAsked):
    """``document`` is the registry's statement, ``on`` its time; now without it."""

    on: str | None = None


class ReceiveAsked(Deed):
    """Bundles that were issued and are on our account now."""

    bundles: Annotated[list[Number], Field(min_length=1)]


class Held(Told):
    """Runs of numbers in one state each; ``next`` is the ``offset`` of the rest, None if this is the last."""

    certificates: list[Holding]
    next: int | None


class Imported(Told):
    """What became of a file: ``taken``, or the lines that are ``wrong``, or when it was imported before."""

    registry: str
    name: str
    sha256: str
    taken: bool
    known_at: datetime | None
    known_by: str | None
    bundles: int
    volume_wh: int
    wrong: list[Remark]
    notes: list[Remark]


class Done(Told):
    """The certificates that it was done to."""

    numbers: list[str]
    wh: int


def desk_of(house: Annotated[House, Depends(house_of)]) -> Certificates:
    """The account of certificates. Raises Problem 404 where there is none."""
    if house.certificates is None:
        raise Problem(404, "this process keeps no certificates")
    return house.certificates


DeskHere = Annotated[Certificates, Depends(desk_of)]


@router.get("")
async def certificates(
    house: HouseHere, desk: DeskHere, query: Annotated[CertificatesAsked, Query()]
) -> Held:
    """What is held, allocated, cancelled or gone, by registry and production."""
    site = None if query.site in (None, ALL) else asked.site(house, str(query.site))
    as_of = asked.as_of(house, query.as_of)
    registry = None if query.registry is None else query.registry.upper()
    page = Page(query.offset, query.limit + 1)  # one more tells whether there is more
    found = await desk.holdings.holdings(house.clock.now(), registry, site, as_of, page=page)
    bundles = list(dict.fromkeys(one.bundle for one in found))
    shown = set(bundles[: query.limit])
    return Held(
        certificates=[one for one in found if one.bundle in shown and query.state in (None, one.state)],
        next=query.offset + query.limit if len(bundles) > query.limit else None,
    )


@router.get("/{bundle}")
async def bundle(
    house: HouseHere, desk: DeskHere, bundle: Annotated[int, Path(ge=1, le=2**53)]
) -> BundleStory:
    """One bundle: its file, where each of its numbers is, and all that happened to it."""
    found = await desk.holdings.story(bundle, house.clock.now())
    if found is None:
        raise Problem(404, f"there is no bundle {bundle}; /api/v1/certificates lists them")
    return found


@router.post("/import")
async def import_certificates(house: HouseHere, desk: DeskHere, who: Operator, body: ImportAsked) -> Imported:
    """Import a file, all of it or nothing; the same file again changes nothing."""
    source = Source(body.name, body.content.encode())
    found = await _tried(desk.take(body.registry, source, act(house, who, body), dry_run=body.dry_run))
    return _imported(found)


@router.post("/allocate")
async def allocate(house: HouseHere, desk: DeskHere, who: Operator, body: AllocateAsked) -> Done:
    """Let certificates serve one site and period; what expires first in front."""
    order = Order(body.registry.upper(), body.site, body.period, _wh(body.mwh), body.bundles, body.technology)
    return _pieces(await _tried(desk.book.allocate(order, act(house, who, body))))


@router.post("/sell")
async def sell(house: HouseHere, desk: DeskHere, who: Operator, body: SellAsked) -> Done:
    """Enter that certificates are sold or given away."""
    wanted = Wanted(body.registry.upper(), body.bundles, body.technology)
    return _pieces(await _tried(desk.book.sell(wanted, _wh(body.mwh), act(house, who, body))))


@router.post("/receive")
async def receive(house: HouseHere, desk: DeskHere, who: Operator, body: ReceiveAsked) -> int:
    """Enter that issued bundles are on our account; how many that is new of."""
    return await _tried(desk.book.receive(body.bundles, act(house, who, body)))


@router.post("/cancel")
async def cancel(house: HouseHere, desk: DeskHere, who: Operator, body: CancelAsked) -> Done:
    """Enter a cancellation of the registry: from now on they count, and that is final."""
    on = house.clock.now() if body.on is None else asked.time(house, "on", body.on)
    return _parts(await _tried(desk.book.cancel(selection(desk, body), on, act(house, who, body))))


@router.post("/release")
async def release(house: HouseHere, desk: DeskHere, who: Operator, body: PartsAsked) -> Done:
    """Free what is allocated or has expired, or whose cancellation was revoked."""
    return _parts(await _tried(desk.book.release(selection(desk, body), act(house, who, body))))


@router.post("/revoke")
async def revoke(house: HouseHere, desk: DeskHere, who: Operator, body: PartsAsked) -> Done:
    """Enter that cancellations turned out void; needs a document and a reason."""
    return _parts(await _tried(desk.book.revoke(selection(desk, body), act(house, who, body))))


def act(house: House, operator: str, deed: Deed) -> Act:
    """Who does it now, and by whose account. Raises Problem 400."""
    try:
        return Act(acting(operator, deed.who), house.clock.now(), deed.document or None, deed.reason or None)
    except ValueError as error:
        raise refused(error) from None


def selection(desk: Certificates, body: PartsAsked) -> Selection:
    """What ``body`` names. Raises Problem 400."""
    registry = None if body.registry is None else body.registry.upper()
    period = None
    if body.period is not None:
        if body.site is None or body.site not in desk.sites:
            raise Problem(400, f"site: name one of {', '.join(desk.sites)} beside the period", "site")
        try:
            period = consumption(body.period, desk.sites[body.site].tz)
        except ValueError as error:
            raise refused(error) from None
    return Selection(body.parts, body.site, period, registry)


def refused(error: ValueError) -> Problem:
    """What cannot be done, with the parameter that it names first."""
    name, colon, _ = str(error).partition(":")
    return Problem(400, str(error), name if colon and name.isidentifier() else None)


async def _tried(doing: Awaitable[T]) -> T:
    try:
        return await doing
    except ValueError as error:
        raise refused(error) from None


def _wh(mwh: float | None) -> int | None:
    return None if mwh is None else round(mwh * 1_000_000)


def _pieces(pieces: Sequence[Piece]) -> Done:
    return Done(numbers=[piece.numbers for piece in pieces], wh=sum(piece.wh for piece in pieces))


def _parts(rows: Sequence[RowMapping]) -> Done:
    told = [numbers(row["series"], row["digits"], row["first"], row["last"]) for row in rows]
    return Done(numbers=told, wh=sum(row["volume_wh"] for row in rows))


def _imported(found: Import) -> Imported:
    known_at, known_by = found.known or (None, None)
    return Imported(
        registry=found.registry,
        name=found.name,
        sha256=found.sha256,
        taken=found.taken,
        known_at=known_at,
        known_by=known_by,
        bundles=len(found.bundles),
        volume_wh=found.volume_wh,
        wrong=list(found.wrong),
        notes=list(found.notes),
    )
