"""The Ledger page: how a month came to read as it does, who locked it, what waits, and what is sealed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from dashboards.house import House
from dashboards.view import View, month_name
from energy.figures import KpiRow
from energy.interval import Period
from energy.proof.desk import Pending, ProofDesk
from energy.proof.difference import Checked
from energy.proof.document import Restatement
from energy.proof.history import Revision
from energy.proof.month_lock import Lock
from energy.proof.seal import Seal

MOST_REVISIONS = 100
"""Revisions that one page lists; the API has all."""


@dataclass(frozen=True)
class Restated:
    """One restatement, and of its document the figures and meters that differ."""

    made: Restatement
    figures: Sequence[dict[str, Any]]
    meters: Sequence[dict[str, Any]]


@dataclass(frozen=True)
class LedgerPage:
    """``period`` of one site or of all, as it reads now; names of the months beside it.

    ``lockable`` are the sites that may be locked: the month has ended, is settled and is not locked yet.
    ``proposed`` are the figures that a restatement would change now, by site of which something waits.
    """

    name: str
    before: str
    after: str | None
    period: Period
    total: KpiRow | None
    locks: Sequence[Lock]
    lockable: Sequence[str]
    pending: Sequence[Pending]
    proposed: Mapping[str, Sequence[Mapping[str, Any]]]
    restated: Sequence[Restated]
    revisions: Sequence[Revision]
    more: int


@dataclass(frozen=True)
class ProofStand:
    """How proven the ledger is: the last seal of each site, the last check, what waits for locked months."""

    seals: Sequence[Seal]
    checked: Checked | None
    pending: Sequence[Pending]

    @property
    def bad(self) -> int:
        """How much of it somebody should look at."""
        return len(self.checked.differences if self.checked else ()) + len(self.pending)


async def proof_stand(house: House, view: View) -> ProofStand | None:
    """Of what ``view`` shows; None where the house keeps no proof."""
    desk = house.proof
    if desk is None:
        return None
    return ProofStand(await desk.seals(view.site), await desk.checked(), await desk.pending(view.site))


async def ledger_month(
    house: House, desk: ProofDesk, site: str, when: tuple[Period, ZoneInfo, datetime]
) -> LedgerPage:
    """The page of a month; ``when`` is the month, the zone that it is of, and now."""
    period, tz, at = when
    rows = await house.figures.kpi(site, period, only=())
    name, following = month_name(period.start, tz), month_name(period.end, tz)
    revisions = await desk.revisions(site, period, most=MOST_REVISIONS)
    locks = [lock for lock in await desk.locks(site) if lock.period == name]
    settled = await house.figures.settled_until(site)
    keys = [site] if site in house.sites else list(house.sites)
    ended = settled is not None and period.end <= settled
    locked = {lock.site for lock in locks}
    pending = [one for one in await desk.pending(site) if one.period == name]
    return LedgerPage(
        name=name,
        before=month_name(period.start - timedelta(days=1), tz),
        after=following if period.end <= at else None,
        period=period,
        total=rows[0] if rows and rows[0].completeness else None,
        locks=locks,
        lockable=[key for key in keys if ended and key not in locked],
        pending=pending,
        proposed={one.site: _differing((await desk.proposal(one.site, name)).figures) for one in pending},
        restated=[_restated(one) for one in await desk.restatements(site, name)],
        revisions=revisions[:MOST_REVISIONS],
        more=max(0, len(revisions) - MOST_REVISIONS),
    )


def _restated(made: Restatement) -> Restated:
    try:
        told = made.told
    except ValueError:  # it was damaged; the check says so
        return Restated(made, [], [])
    return Restated(made, _differing(told.get("figures", [])), told.get("meters", []))


def _differing(figures: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [line for line in figures if line["before"] != line["after"]]
