"""The data set of a site and year as it stands, and what an officer adds to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from energy.configuration.recorded import load_recorded
from energy.configuration.site import SiteOptions
from energy.figures import Figures
from reports.eu.data_set import DataSet, Missing, Told, assemble
from reports.eu.declared import Declarations, checked, standing
from reports.eu.item import Value
from reports.eu.items import BY_KEY
from reports.eu.measured import measure, year_of
from runtime.database import Database


class Refused(ValueError):
    """A declaration that cannot be; ``problems`` name every item and what can stand there."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True)
class Act:
    """Who declares, and when."""

    who: str
    at: datetime


class EuDesk:
    """Puts together what meters, the configuration and officers tell."""

    def __init__(self, database: Database, figures: Figures, sites: Mapping[str, SiteOptions]) -> None:
        self._database, self._declarations = database, Declarations(database)
        self._figures, self._sites = figures, sites

    async def data_set(self, site: str, year: int, at: datetime, as_of: datetime | None = None) -> DataSet:
        """The set of a configured site at ``at``, or as it was known ``as_of`` a time before.

        Raises ValueError for a year that is none.
        """
        year_of(year, self._sites[site].tz)
        measured, over = await self._measured(site, year, at, as_of)
        return assemble(site, year, measured, await self._declared(site, year, as_of), over)

    async def declare(self, site: str, year: int, values: Mapping[str, object], act: Act) -> DataSet:
        """Keep an officer's values for a year, None takes one back; the set as it stands then.

        Raises Refused with every problem, and then nothing is kept.
        """
        kept, problems = checked({key: value for key, value in values.items() if value is not None})
        taken = [key for key, value in values.items() if value is None]
        problems += [f"{key[:60]}: there is no such item" for key in taken if key not in BY_KEY]
        if problems:
            raise Refused(problems)
        every: dict[str, Value | None] = {**kept, **dict.fromkeys(taken)}
        measured, over = await self._measured(site, year, act.at)
        declared = await self._declared(site, year)
        before = assemble(site, year, measured, declared).problems
        after = assemble(site, year, measured, _with(declared, every)).problems
        worse = [one for one in after if one not in before]
        if worse:
            raise Refused(worse)
        await self._declarations.declare(site, year, every, (act.who, act.at))
        return assemble(site, year, measured, await self._declared(site, year), over)

    async def _measured(
        self, site: str, year: int, at: datetime, as_of: datetime | None = None
    ) -> tuple[Mapping[str, Told | Missing], bool]:
        """What meters tell of a year, and whether it is over and settled."""
        period = year_of(year, self._sites[site].tz)
        settled = await self._figures.settled_until(site, as_of)
        over = period.end <= min(at, as_of or at) and settled is not None and settled >= period.end
        # Of a year that is not over the sums so far are told, as what they are.
        known = (await self._figures.configured(site, period, as_of))[site]
        floor = known.completeness_floor if over else 0.0
        return await measure(self._figures, site, period, as_of, floor), over

    async def _declared(self, site: str, year: int, as_of: datetime | None = None) -> dict[str, Told]:
        general, _ = checked(standing(await self._standing(site, as_of), year))
        told = {key: Told(value, "declared", "in the configuration") for key, value in general.items()}
        officers = await self._declarations.of(site, year, as_of)
        return told | {key: Told(value, "declared", note) for key, (value, note) in officers.items()}

    async def _standing(self, site: str, as_of: datetime | None) -> Mapping[str, Any]:
        """What the configuration declares, or declared ``as_of`` a time."""
        if as_of is None:
            return self._sites[site].eu
        async with self._database.read() as connection:
            return (await load_recorded(connection, [site], as_of))[site].declared


def _with(declared: Mapping[str, Told], values: Mapping[str, Value | None]) -> dict[str, Told]:
    """What would be declared if ``values`` were too."""
    left = {key: told for key, told in declared.items() if key not in values}
    return left | {key: Told(value, "declared") for key, value in values.items() if value is not None}
