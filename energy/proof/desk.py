"""The proof of the ledger behind one door: what pages, the API, alerts and the schedule ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from energy.configuration.site import SiteOptions
from energy.figures import ALL
from energy.interval import Period, month
from energy.proof.act import Act
from energy.proof.beside import CertificateChange, load_beside
from energy.proof.check import rolling
from energy.proof.checking import Proof, check_ledger, every_site, newest_check
from energy.proof.difference import Checked
from energy.proof.disturbed import disturbed_months
from energy.proof.document import Restatement, load_restatements
from energy.proof.history import Revision, load_revisions
from energy.proof.key import SigningKey
from energy.proof.locking import lock_month
from energy.proof.month_lock import Lock, load_locks
from energy.proof.pending import load_pending
from energy.proof.proposal import MeterChange, by_meter
from energy.proof.restating import Proposal, known_rows, propose, restated
from energy.proof.seal import Seal, load_seals, newest_seal, seal_days
from energy.proof.trail import Entry, load_trail
from energy.proof.writing import Order
from energy.quantity import counted, energy
from energy.reading.presence import quarters_of
from energy.reading.reader import LedgerFigures
from energy.settlement.ledger import Ledger
from energy.settlement.readings import Span
from energy.settlement.revisions import QUARTERS_A_DAY, Written
from runtime.database import Database

log = structlog.get_logger(__name__)

LONGEST = timedelta(days=366)
"""What may be settled anew at once."""


@dataclass(frozen=True)
class Pending:
    """What waits for the locked month ``period`` of ``site``: so many intervals, by register, and why.

    ``certificates`` are those that the month counts otherwise than they are now; restated, they would add
    ``adds_wh`` to what is proven renewable. ``configuration`` tells as what the site is configured by now,
    where that differs. ``because`` also names factors and hours of the grid.
    """

    site: str
    period: str
    intervals: int
    since: datetime
    meters: Sequence[MeterChange]
    because: Sequence[str]
    certificates: Sequence[CertificateChange] = ()
    adds_wh: int = 0
    configuration: Sequence[str] = ()

    def in_words(self) -> str:
        """``6 intervals``, ``1,200.000 MWh of certificates``: how much of what kind waits."""
        wh = sum(one.wh for one in self.certificates)
        told = [counted(self.intervals, "interval")] if self.intervals else []
        told += [f"{energy(wh)} of certificates"] if self.certificates else []
        changes = len(self.configuration)
        told += [f"{counted(changes, 'change')} of the configuration"] if changes else []
        return " and ".join(told) or "other factors or hours of the grid"


class ProofDesk:
    """Locks, restates, seals and checks what ``figures`` read and ``ledger`` writes; ``key`` signs."""

    def __init__(self, database: Database, figures: LedgerFigures, ledger: Ledger, key: SigningKey) -> None:
        self._database, self._figures, self._ledger, self.key = database, figures, ledger, key

    async def lock(self, site: str, period: str, act: Act) -> Lock:
        """Lock a month. Raises ValueError where there is none, or where it is locked or not settled."""
        span = await self._month(site, period)
        lock = await lock_month(self._database, self._figures, self.key, (site, period, span), act)
        log.info("month_locked", site=site, period=period, who=act.who, key=lock.key)
        return lock

    async def locks(self, site: str, as_of: datetime | None = None) -> Sequence[Lock]:
        """The locked months of ``site``, or of all."""
        async with self._database.read() as connection:
            return await load_locks(connection, await self._keys(site), as_of)

    async def pending(self, site: str, as_of: datetime | None = None) -> Sequence[Pending]:
        """What waits for locked months of ``site``, or of all; or waited ``as_of`` a time."""
        keys = None if site == ALL else await self._keys(site)
        async with self._database.read() as connection:
            months = await disturbed_months(connection, keys, as_of)
            locks = await load_locks(connection, {key for key, _ in months}, as_of) if months else ()
        chosen = [lock for lock in locks if (lock.site, lock.period) in months]
        found = [await self._waiting(lock, as_of) for lock in chosen]
        return [one for one in found if one is not None]

    async def _waiting(self, lock: Lock, as_of: datetime | None) -> Pending | None:
        async with self._database.read() as connection:
            waiting = await load_pending(connection, [lock.site], (lock.first, lock.until), as_of)
            meters = by_meter(waiting, await known_rows(connection, waiting, as_of))
        beside, known = await load_beside(self._database, lock.site, lock.period, as_of)
        if not waiting and not beside:
            return None
        since = [*(one.known_at for one in waiting), *(cause.at for cause in beside.causes)]
        because = sorted({*(one.why for one in waiting), *beside.because})
        return Pending(
            lock.site, lock.period, len(waiting), min(since, default=known or lock.at), meters, because,
            beside.certificates, beside.adds_wh, [one.in_words() for one in beside.configuration],
        )  # fmt: skip

    async def proposal(self, site: str, period: str) -> Proposal:
        """What a restatement would apply and change. Raises ValueError for a month that is not locked."""
        return await propose(self._database, self._figures, site, (period, await self._month(site, period)))

    async def restate(self, site: str, period: str, act: Act) -> Restatement:
        """Apply what waits for a locked month. Raises ValueError where nothing does, or without a reason."""
        span = await self._month(site, period)
        made = await restated(self._database, self._figures, self.key, (site, period, span), act)
        log.info("month_restated", site=site, period=period, number=made.number, who=act.who)
        return made

    async def restatements(
        self, site: str, period: str | None = None, as_of: datetime | None = None
    ) -> Sequence[Restatement]:
        """The restatements of ``site``, or of all, in a month or ever, made by ``as_of``."""
        keys = await self._keys(site)
        async with self._database.read() as connection:
            found = [await load_restatements(connection, key, period, as_of) for key in keys]
        return [one for of_site in found for one in of_site]

    async def revisions(
        self, site: str, period: Period, as_of: datetime | None = None, most: int | None = None
    ) -> Sequence[Revision]:
        """What changed figures of ``period`` after they were settled, known ``as_of``; newest first.

        By how much is told of the newest ``most``, or of all.
        """
        async with self._database.read() as connection:
            return await load_revisions(connection, await self._keys(site), quarters_of(period), as_of, most)

    async def trail(self, site: str, period: Period, as_of: datetime | None = None) -> Sequence[Entry]:
        """Rows of the ledger with every revision and its cause, known ``as_of``."""
        async with self._database.read() as connection:
            return await load_trail(connection, await self._keys(site), quarters_of(period), as_of)

    async def seals(self, site: str, period: Period | None = None) -> Sequence[Seal]:
        """The chain of ``site``: what of it seals days of ``period``, or the last link alone."""
        async with self._database.read() as connection:
            if period is None:
                newest = [await newest_seal(connection, key) for key in await self._keys(site)]
                return [seal for seal in newest if seal is not None]
            first, until = quarters_of(period)
            days = range(first // QUARTERS_A_DAY, -(-until // QUARTERS_A_DAY))
            found = [await load_seals(connection, key) for key in await self._keys(site)]
        return [seal for of_site in found for seal in of_site if seal.day in days]

    async def seal(self, at: datetime) -> int:
        """Seal what has closed at all sites; how many seals were added."""
        async with self._database.read() as connection:
            sites = await every_site(connection)
        added = sum([await seal_days(self._database, site, at) for site in sites])
        if added:
            log.info("ledger_sealed", seals=added)
        return added

    async def check(self, act: Act, *, whole: bool, sites: Sequence[str] | None = None) -> Checked:
        """Recompute the proof: of the ``whole`` ledger, or of its recent days and a seventh of the others."""
        day = int(act.at.timestamp()) // 86_400
        chosen = None if whole else rolling(day)
        proof = Proof(self._database, self.key, self._figures)
        found = await check_ledger(proof, (act.who, act.at), sites, chosen)
        level = log.info if found.sound else log.error
        level("ledger_checked", seals=found.seals, rows=found.rows, differences=len(found.differences))
        return found

    async def checked(self) -> Checked | None:
        """The last check; None before the first."""
        async with self._database.read() as connection:
            return await newest_check(connection)

    async def resettle(self, site: str, meter: str, period: Period, act: Act) -> Written:
        """Account a meter or supply anew over ``period``, as it is configured now.

        Raises ValueError for what there is not, for more than a year at once, and without a reason.
        """
        if not act.reason:
            raise ValueError("reason: tell why it is settled anew")
        if not timedelta(0) < period.end - period.start <= LONGEST:
            raise ValueError(f"to: ask for a time after from, at most {LONGEST.days} days")
        order = Order(act.who, act.reason)
        return await self._ledger.resettle((site, meter), Span(*quarters_of(period)), order, act.at)

    async def _sites(self) -> Mapping[str, SiteOptions]:
        return {**self._figures.sites, **await self._figures.departed()}

    async def _keys(self, site: str) -> list[str]:
        sites = await self._sites()
        if site != ALL and site not in sites:
            raise ValueError(f"site: there is no {site[:60]!r}; choose from {', '.join(sites)}")
        return list(sites) if site == ALL else [site]

    async def _month(self, site: str, period: str) -> Period:
        sites = await self._sites()
        if site not in sites:
            raise ValueError(f"site: there is no {site[:60]!r}; choose from {', '.join(sites)}")
        return month(period, sites[site].tz)
