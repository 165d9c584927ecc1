"""What became known beside the ledger after a month was locked: it waits, as rows of the ledger do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from energy.certificates.claims import Claim, Claims
from energy.certificates.states import ClaimState
from energy.certificates.technology import Technology
from energy.configuration.altered import Altered, altered
from energy.configuration.era import eras
from energy.configuration.roster import load_plans
from energy.configuration.site import SiteOptions
from energy.interval import QUARTER_MS, Period
from energy.proof.cause import Cause, load_causes
from energy.proof.knowledge import Frozen, Restated, load_frozen
from energy.proof.past import BESIDE
from runtime.clock import from_ms
from runtime.database import Database

ANY = SiteOptions(name="any", zone="UTC", grid="UNKNOWN")
"""What plans are laid over to compare them: what they do not hold is no difference."""


@dataclass(frozen=True)
class CertificateChange:
    """Certificates that serve a locked month, and whose state is not what the month counts them with.

    ``before`` is the state as the month knows it, ``after`` as it is now; None: they did not serve the site,
    or do no longer. ``adds_wh`` is what a restatement adds to what counts as renewable, negative if it takes.
    """

    registry: str
    numbers: str
    technology: Technology
    plant: str
    wh: int
    before: ClaimState | None
    after: ClaimState | None
    adds_wh: int
    statement: str | None

    def in_words(self) -> str:
        """One line for people."""
        states = f"{self.before or 'not of this month'}, now {self.after or 'released'}"
        return f"certificates {self.numbers} of {self.registry}: {states}"


@dataclass(frozen=True)
class Beside:
    """All of one month: the causes with what they say, the certificates that read otherwise now.

    ``configuration`` tells where the site is configured as something else by now than the month knows.
    """

    causes: Sequence[Cause] = ()
    certificates: Sequence[CertificateChange] = ()
    configuration: Sequence[Altered] = ()

    def __bool__(self) -> bool:
        return bool(self.causes or self.certificates or self.configuration)

    @property
    def adds_wh(self) -> int:
        """What a restatement adds to what certificates prove, negative if it takes."""
        return sum(one.adds_wh for one in self.certificates)

    @property
    def because(self) -> list[str]:
        """Why it would change, in words: what has no cause of its own is told by the certificates."""
        told = {cause.reason for cause in self.causes if cause.kind != "configuration"}
        told |= {part.in_words() for part in self.configuration}
        silent = {one.in_words() for one in self.certificates if "cancelled" not in (one.before, one.after)}
        return sorted(told | silent)


async def load_beside(
    database: Database, site: str, period: str, at: datetime | None = None
) -> tuple[Beside, datetime | None]:
    """What waits for a month, known by ``at`` (None: now), and as of when the month is known.

    Nothing, and None, where the month is not locked.
    """
    async with database.read() as connection:
        locked = await load_frozen(connection, [site], at)
        frozen = next((one for one in locked if one.period == period), None)
        if frozen is None:
            return Beside(), None
        configuration = await _altered(connection, frozen, at)
        causes = await _causes(connection, frozen, at)
    over = Period(from_ms(frozen.first * QUARTER_MS), from_ms(frozen.until * QUARTER_MS))
    old = (await Claims(database).claimed(site, over, at)).claims
    new = (await Claims(database, Restated(site, period, at)).claimed(site, over)).claims
    if not configuration:  # what was dated back and taken back again changes nothing
        causes = [cause for cause in causes if cause.kind != "configuration"]
    return Beside(causes, _changes(of_month(old, over), of_month(new, over)), configuration), frozen.at


async def _causes(connection: AsyncConnection, frozen: Frozen, at: datetime | None) -> list[Cause]:
    found = await load_causes(connection, [frozen.site], (frozen.first, frozen.until), BESIDE, at)
    return [cause for cause in found if cause.at > frozen.at]


async def _altered(connection: AsyncConnection, frozen: Frozen, at: datetime | None) -> list[Altered]:
    """What the site is by the plans known ``at`` and was not by those that the month knows."""
    plans = (await load_plans(connection, [frozen.site]))[frozen.site]
    told = (eras(ANY, plans, frozen.at), eras(ANY, plans, at))
    return altered(*told, (frozen.first, frozen.until))


def of_month(claims: Sequence[Claim], month: Period) -> dict[int, Claim]:
    """By part, those that are for the month and nothing beyond it, as a lock holds them."""
    return {
        one.part: one for one in claims if one.timed or (month.start <= one.start and one.end <= month.end)
    }


def _changes(old: dict[int, Claim], new: dict[int, Claim]) -> list[CertificateChange]:
    return [
        _change(one, old.get(part), new.get(part))
        for part, one in sorted({**old, **new}.items())
        if _state(old.get(part)) != _state(new.get(part))
    ]


def _change(one: Claim, before: Claim | None, after: Claim | None) -> CertificateChange:
    return CertificateChange(
        registry=one.registry,
        numbers=one.numbers,
        technology=one.technology,
        plant=one.plant,
        wh=one.wh,
        before=_state(before),
        after=_state(after),
        adds_wh=_counted(after) - _counted(before),
        statement=one.statement,
    )


def _state(claim: Claim | None) -> ClaimState | None:
    return None if claim is None else claim.state


def _counted(claim: Claim | None) -> int:
    return claim.wh if claim is not None and claim.adds and claim.state == "cancelled" else 0
