"""What is recorded of a site: its plans, and as of when each quarter is known. Its eras follow from both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from energy.configuration.era import BEGINNING, FOREVER, Era, eras
from energy.configuration.plan import Plan, declared
from energy.configuration.roster import load_plans
from energy.configuration.site import SiteOptions
from energy.proof.knowledge import Frozen, Restated, cut, load_frozen


@dataclass(frozen=True)
class Recorded:
    """The ``plans`` of one site in the order in which they were recorded, and its ``frozen`` months.

    ``as_of`` is when quarters outside of those are known; None: now.
    """

    plans: tuple[Plan, ...] = ()
    frozen: tuple[Frozen, ...] = ()
    as_of: datetime | None = None

    def eras(self, site: SiteOptions) -> tuple[Era, ...]:
        """The eras of ``site``; a locked month has those that were known when it was locked or restated last.

        So an entry that is dated back into one changes nothing of it until a restatement.
        """
        held = [one for one in self.frozen if self._learned_after(one.at)]
        if not held:
            return eras(site, self.plans, self.as_of)
        told: dict[datetime | None, tuple[Era, ...]] = {}
        found: list[Era] = []
        for low, high, known in cut(BEGINNING, FOREVER, held, self.as_of):
            if known not in told:
                told[known] = eras(site, self.plans, known)
            for era in told[known]:
                if era.meets(low, high):
                    _add(found, replace(era, first=max(era.first, low), until=min(era.until, high)))
        return tuple(found)

    @property
    def declared(self) -> Mapping[str, Any]:
        """What ``[sites.X.eu]`` said by the newest plan that was known."""
        known = [
            p for n, p in enumerate(self.plans) if n == 0 or self.as_of is None or p.known_at <= self.as_of
        ]
        return declared(known[-1].tables) if known else {}

    def _learned_after(self, at: datetime) -> bool:
        """Whether a plan was recorded after ``at`` that is known; the first always was."""
        return any(
            at < plan.known_at and (self.as_of is None or plan.known_at <= self.as_of)
            for plan in self.plans[1:]
        )


def _add(found: list[Era], era: Era) -> None:
    if found and (found[-1].site, found[-1].absent) == (era.site, era.absent):
        found[-1] = replace(found[-1], until=era.until)
    else:
        found.append(era)


async def load_recorded(
    connection: AsyncConnection,
    sites: Sequence[str],
    as_of: datetime | None = None,
    but: Restated | None = None,
) -> dict[str, Recorded]:
    """What is recorded of each of ``sites``, known ``as_of``; ``but`` one locked month as if restated."""
    plans = await load_plans(connection, sites)
    frozen = await load_frozen(connection, sites, as_of, but)
    return {
        site: Recorded(plans[site], tuple(one for one in frozen if one.site == site), as_of) for site in sites
    }
