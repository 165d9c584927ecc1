"""A site's ledger over some days, worked out: balance, matching and what is summed; kept while it holds."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from energy.balance import Balance
from energy.certificates.claims import Claims
from energy.era import Era
from energy.gridmix import GridMix
from energy.matching import Match
from energy.rows import Flows
from energy.sheet import Sheet
from energy.shelf import Shelf
from energy.site import SiteOptions
from energy.splice import spliced
from energy.stand import Stand
from energy.storage import Stored
from energy.sums.columns import Columns, columns
from telemetry.frame import Floats

KEPT_VIEWS = 4
"""Per site: the running month, a month that is looked at, and room to turn."""

_LONGEST_KEPT = 100
"""Days; a quarter of a year takes 2.5 MB."""


@dataclass(frozen=True)
class View:
    """``sheet`` and what follows from it by ``eras``; all arrays begin with the sheet's first quarter."""

    eras: tuple[Era, ...]
    sheet: Sheet
    balance: Balance
    store: Stored
    match: Match

    @classmethod
    def of(cls, found: tuple[Era, ...], sheet: Sheet, timed: Mapping[str, Floats]) -> View:
        """Work out the account of a site that was what its eras say.

        ``timed`` are its time-stamped certificates by registry, Wh per quarter of ``sheet``.
        """
        return cls(found, sheet, *spliced(found, sheet, timed))

    @cached_property
    def flows(self) -> Flows:
        """What each supply gave, per quarter."""
        contracted = frozenset(self.balance.contracted)
        return Flows(self.match.green, self.balance.available, contracted, self.store.kept)

    @cached_property
    def without_mix(self) -> Columns:
        """What is summed when nothing is asked that needs the mix of the grid."""
        return columns(self.balance, self.store, self.match, GridMix.unknown(self.sheet.quarters))

    def columns(self, mix: GridMix) -> Columns:
        """What is summed, with the ``mix`` of the grid over the sheet; the last one is kept."""
        known: tuple[GridMix, Columns] | None = vars(self).get("_mixed")
        if known is None or known[0] is not mix:
            known = vars(self)["_mixed"] = mix, columns(self.balance, self.store, self.match, mix)
        return known[1]


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
        timed = await self._claims.timed(stand.site, sheet.first, sheet.quarters) if claimed else {}
        view = View.of(stand.eras(self._site), sheet, timed)
        if len(days) <= _LONGEST_KEPT:
            for old in [kept for kept in self._kept if covers(days, kept.days)]:
                self._kept.remove(old)
            self._kept.appendleft(_Kept(days, (claimed, *stand.stamp(days)), view))
        return view


def covers(wide: range, narrow: range) -> bool:
    """Whether ``narrow`` lies within ``wide``."""
    return wide.start <= narrow.start and narrow.stop <= wide.stop
