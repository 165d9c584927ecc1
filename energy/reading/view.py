"""A site's ledger over some days, worked out: balance, matching and what is summed; kept while it holds."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from energy.certificates.claims import Claims
from energy.configuration.era import Era
from energy.configuration.site import SiteOptions
from energy.reading.rows import Flows
from energy.reading.shelf import Shelf
from energy.reading.stand import Stand
from energy.reading.worked import Worked
from energy.sums.balance import NOTHING, Balance
from energy.sums.claims import left_of, renewables
from energy.sums.columns import Columns
from energy.sums.gridmix import GridMix
from energy.sums.growth import unchanged
from energy.sums.matching import Match
from energy.sums.sheet import Sheet
from energy.sums.splice import Offered, continued, spliced
from energy.sums.storage import Stored
from telemetry.frame import Floats

KEPT_VIEWS = 4
"""Per site: the running month, a month that is looked at, and room to turn."""

_LONGEST_KEPT = 100
"""Days; a quarter of a year takes 2.5 MB."""


@dataclass(frozen=True)
class View:
    """``sheet`` and what follows from it by ``eras``; all arrays begin with the sheet's first quarter.

    ``offered`` is what certificates tell, ``worked`` what was summed of it so far.
    """

    eras: tuple[Era, ...]
    sheet: Sheet
    balance: Balance
    store: Stored
    match: Match
    offered: Offered
    worked: Worked

    @classmethod
    def of(
        cls,
        found: tuple[Era, ...],
        sheet: Sheet,
        timed: Mapping[str, Floats],
        gone: Mapping[str, Floats] = NOTHING,
        old: View | None = None,
    ) -> View:
        """Work out the account of a site that was what its eras say.

        ``timed`` are its time-stamped certificates by registry, Wh per quarter of ``sheet``; ``gone`` is by
        plant what share of its own can be claimed no more. What has not changed since an ``old`` view is
        not worked out again.
        """
        offered = timed, gone
        start = 0 if old is None else old.holds(found, sheet, offered)
        if old is not None and start:
            account = continued(found, sheet, offered, (old.balance, old.store, old.match), start)
            if account is not None:
                return cls(found, sheet, *account, offered, old.worked.followed(account, start))
        account = spliced(found, sheet, timed, gone)
        return cls(found, sheet, *account, offered, Worked(account))

    def holds(self, found: tuple[Era, ...], sheet: Sheet, offered: Offered) -> int:
        """Before which index (a whole hour) it holds for other eras, sheet and certificates; 0: nowhere."""
        start = unchanged(self.sheet, sheet) if self.eras == found else 0
        pairs = list(zip(self.offered, offered, strict=True))
        if not all(mine.keys() == other.keys() for mine, other in pairs):
            return 0
        same = (np.array_equal(mine[n][:start], other[n][:start]) for mine, other in pairs for n in mine)
        return start if all(same) else 0

    @cached_property
    def flows(self) -> Flows:
        """What each supply gave, per quarter."""
        contracted = frozenset(self.balance.contracted)
        return Flows(self.match.green, self.balance.available, contracted, self.store.kept, self._gone())

    def _gone(self) -> Mapping[str, Floats]:
        """By supply, what share of it left with its certificates, per quarter; of each era by its plant."""
        told = self.offered[1] if self.offered else NOTHING
        found: dict[str, Floats] = {}
        for era in self.eras if told else ():
            low, high = (max(0, quarter - self.sheet.first) for quarter in (era.first, era.until))
            for supply in renewables(era.site):
                column = found.setdefault(supply.id, np.zeros(self.sheet.quarters))
                column[low:high] = np.broadcast_to(1.0 - left_of(supply, told), column.shape)[low:high]
        return found

    @property
    def without_mix(self) -> Columns:
        """What is summed when nothing is asked that needs the mix of the grid."""
        return self.worked.without_mix()

    def columns(self, mix: GridMix) -> Columns:
        """What is summed, with the ``mix`` of the grid over the sheet; the last one is kept."""
        return self.worked.with_mix(mix)


@dataclass(frozen=True)
class _Kept:
    days: range
    stamp: tuple[object, ...]
    view: View


class Views:
    """Views of one site, worked out again when what they show has changed."""

    def __init__(self, site: SiteOptions, shelf: Shelf, claims: Claims) -> None:
        self._site, self._shelf, self._claims = site, shelf, claims
        self._kept: deque[_Kept] = deque(maxlen=KEPT_VIEWS)

    async def view(self, stand: Stand, days: range, claimed: int) -> View:
        """A view of ``days`` (numbers since 1970) or more, no older than ``stand``.

        ``claimed`` is the stamp of what the site claims, read before.
        """
        await self._shelf.look(stand, days)
        covering = [kept for kept in self._kept if covers(kept.days, days)]
        for kept in covering:
            await self._shelf.look(stand, kept.days)  # what is caught up with lies far back
            if kept.stamp == (claimed, *stand.stamp(kept.days)):
                return kept.view
        if covering:
            days = covering[0].days  # whoever looked at more will look again, and finds it done
        sheet = await self._shelf.sheet(stand, days)
        offered = await self._claims.offered(stand.site, sheet)
        before = next((kept.view for kept in self._kept if kept.days.start == days.start), None)
        view = View.of(stand.eras(self._site), sheet, *offered, old=before)
        if len(days) <= _LONGEST_KEPT:
            for old in [kept for kept in self._kept if covers(days, kept.days)]:
                self._kept.remove(old)
            self._kept.appendleft(_Kept(days, (claimed, *stand.stamp(days)), view))
        return view


def covers(wide: range, narrow: range) -> bool:
    """Whether ``narrow`` lies within ``wide``."""
    return wide.start <= narrow.start and narrow.stop <= wide.stop
