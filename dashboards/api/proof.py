"""Why the ledger says what it says: revisions, locked months, what waits for them, seals and checks."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated, TypeVar

from fastapi import APIRouter, Path, Query
from pydantic import Field
from starlette.responses import Response

from dashboards.api import asked
from dashboards.api.asked import Asked, Told
from dashboards.here import HouseHere
from dashboards.house import House
from dashboards.problem import RESPONSES, Problem
from dashboards.security import Operator, acting
from energy.figures import ALL
from energy.proof.act import Act
from energy.proof.desk import Pending, ProofDesk
from energy.proof.document import Restatement
from energy.proof.history import Revision
from energy.proof.month_lock import Lock
from energy.proof.seal import Seal

router = APIRouter(prefix="/api/v1/ledger", tags=["ledger"], responses=RESPONSES)

LONGEST = timedelta(days=3_660)

T = TypeVar("T")

Site = Annotated[str, Path(description="a site, also one that has left the configuration")]
Month = Annotated[str, Path(description="for example 2026-10, in the site's zone")]
Who = Annotated[
    str | None, Field(max_length=100, description="whom the operator acts for; both names are kept")
]


class SiteAsked(Asked):
    """Of which site; ``as_of`` tells what was known by then."""

    site: str = ALL
    as_of: str | None = None


class RevisionsAsked(SiteAsked):
    """Which time they touch."""

    from_: str = Field("now-31d", alias="from")
    to: str = "now"


class RestatementsAsked(SiteAsked):
    """Of which month; of all months without one."""

    period: str | None = None


class SealsAsked(Asked):
    """Which days they seal; without ``from`` the end of each chain."""

    site: str = ALL
    from_: str | None = Field(None, alias="from")
    to: str = "now"


class LockAsked(Asked):
    """Who locks."""

    who: Who = None


class RestateAsked(LockAsked):
    """Why the month is restated; it stands in the signed document."""

    reason: Annotated[str, Field(min_length=1, max_length=1000)]


class ResettleAsked(RestateAsked):
    """Which time is settled anew; only what was settled before is."""

    from_: str = Field(alias="from")
    to: str


class CheckAsked(LockAsked):
    """``whole``: all that was ever sealed; else recent days and a seventh of the others."""

    whole: bool = True


class Revisions(Told):
    """The newest first."""

    revisions: list[Revision]


class Locks(Told):
    """By site and month. ``document`` is the canonical JSON that ``signature`` is of."""

    locks: list[Lock]


class Waiting(Told):
    """What a restatement of each locked month would apply."""

    pending: list[Pending]


class Line(Told):
    """One figure before and after; None is not known, and has no difference."""

    figure: str
    before: float | None
    after: float | None
    difference: float | None


class Preview(Told):
    """What a restatement would change, line by line."""

    site: str
    period: str
    number: int
    figures: list[Line]
    pending: Pending | None


class Restatements(Told):
    """By site, month and number. ``document`` is the canonical JSON that ``signature`` is of."""

    restatements: list[Restatement]


class Resettled(Told):
    """How many intervals were written for the first time, corrected, and kept for a locked month."""

    first: int
    corrected: int
    waiting: int


class Seals(Told):
    """In the order of their chains."""

    seals: list[Seal]


class Found(Told):
    """One difference; what cannot be told is null."""

    site: str
    what: str
    told: str
    day: str | None
    meter: str | None
    channel: str | None
    start: str | None


class Head(Told):
    """The last seal of a site."""

    number: int
    hash: str


class Check(Told):
    """What a check found: ``sound`` if all is as it was sealed and signed."""

    at: datetime
    who: str
    sound: bool
    seals: int
    rows: int
    differences: list[Found]
    left_off: int
    heads: dict[str, Head]


@router.get("/revisions", response_model=Revisions)
async def revisions(house: HouseHere, query: Annotated[RevisionsAsked, Query()]) -> Response:
    """What changed figures of [from, to) after they were settled: who, when, why, and by how much."""
    period = asked.period(house, query.from_, query.to, LONGEST)
    as_of = asked.as_of(house, query.as_of)
    found = await _done(_desk(house).revisions(query.site, period, as_of))
    return asked.json({"revisions": [asdict(one) for one in found]})


@router.get("/locks")
async def locks(house: HouseHere, query: Annotated[SiteAsked, Query()]) -> Locks:
    """The locked months."""
    return Locks(locks=list(await _done(_desk(house).locks(query.site, asked.as_of(house, query.as_of)))))


@router.post("/locks/{site}/{period}")
async def lock(house: HouseHere, who: Operator, site: Site, period: Month, act: LockAsked) -> Lock:
    """Lock a month: from now on it changes only by a restatement. It cannot be unlocked."""
    return await _done(_desk(house).lock(site, period, _act(house, acting(who, act.who))))


@router.get("/pending")
async def pending(house: HouseHere, query: Annotated[SiteAsked, Query()]) -> Waiting:
    """What waits for locked months, or waited ``as_of`` a time, also for what was restated since."""
    as_of = asked.as_of(house, query.as_of)
    return Waiting(pending=list(await _done(_desk(house).pending(query.site, as_of))))


@router.get("/pending/{site}/{period}")
async def preview(house: HouseHere, site: Site, period: Month) -> Preview:
    """The difference that a restatement of the month would make now, line by line."""
    proposal = await _done(_desk(house).proposal(site, period))
    waiting = [one for one in await _desk(house).pending(site) if one.period == period]
    return Preview(
        site=site,
        period=period,
        number=proposal.number,
        figures=[Line(**line) for line in proposal.figures],
        pending=waiting[0] if waiting else None,
    )


@router.get("/restatements")
async def restatements(house: HouseHere, query: Annotated[RestatementsAsked, Query()]) -> Restatements:
    """The signed restatements of locked months."""
    as_of = asked.as_of(house, query.as_of)
    return Restatements(
        restatements=list(await _done(_desk(house).restatements(query.site, query.period, as_of)))
    )


@router.post("/restatements/{site}/{period}")
async def restate(
    house: HouseHere, who: Operator, site: Site, period: Month, act: RestateAsked
) -> Restatement:
    """Apply what waits for a locked month, with a signed document of every difference."""
    return await _done(_desk(house).restate(site, period, _act(house, acting(who, act.who), act.reason)))


@router.post("/resettlements/{site}/{meter}")
async def resettle(
    house: HouseHere, who: Operator, site: Site, meter: str, order: ResettleAsked
) -> Resettled:
    """Account a meter or supply anew from its readings, as it is configured now."""
    period = asked.period(house, order.from_, order.to, timedelta(days=366))
    act = _act(house, acting(who, order.who), order.reason)
    done = await _done(_desk(house).resettle(site, meter, period, act))
    return Resettled(first=done.first, corrected=done.corrected, waiting=done.waiting)


@router.get("/seals")
async def seals(house: HouseHere, query: Annotated[SealsAsked, Query()]) -> Seals:
    """Links of the chains of hashes over closed days."""
    period = None if query.from_ is None else asked.period(house, query.from_, query.to, LONGEST)
    return Seals(seals=list(await _done(_desk(house).seals(query.site, period))))


@router.get("/check", response_model=Check, responses={404: {"description": "nothing was checked yet"}})
async def last_check(house: HouseHere) -> Response:
    """What the last check of seals, locks and restatements found."""
    found = await _desk(house).checked()
    if found is None:
        raise Problem(404, "nothing was checked yet; the service does so once a day")
    return asked.json(found.told())


@router.post("/check", response_model=Check)
async def check(house: HouseHere, who: Operator, wanted: CheckAsked) -> Response:
    """Recompute all seals, locks and restatements, and name what differs."""
    found = await _done(_desk(house).check(_act(house, acting(who, wanted.who)), whole=wanted.whole))
    return asked.json(found.told())


def _desk(house: House) -> ProofDesk:
    if house.proof is None:
        raise Problem(404, "this service keeps no ledger")
    return house.proof


def _act(house: House, who: str, reason: str = "") -> Act:
    try:
        return Act(who, house.clock.now(), reason.strip())
    except ValueError as error:
        raise Problem(400, str(error), str(error).partition(":")[0]) from None


async def _done(work: Awaitable[T]) -> T:
    """What comes of ``work``; what it refuses is the caller's mistake."""
    try:
        return await work
    except ValueError as error:
        name = str(error).partition(":")[0]
        raise Problem(400, str(error), name if name.isidentifier() else None) from None
