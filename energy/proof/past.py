"""What happened to figures after they were first settled: it tells their state and their revision."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from sqlalchemy.ext.asyncio import AsyncConnection

from energy.figures import State
from energy.interval import QUARTER_MS
from energy.proof.cause import Cause, Kind, load_causes
from energy.proof.knowledge import Frozen, cut, load_frozen
from energy.proof.month_lock import Lock, load_locks
from energy.proof.options import CORRECTION_WINDOW
from energy.proof.reach import Count, Quarters, Reach
from runtime.clock import to_ms

BESIDE: tuple[Kind, ...] = ("factor", "certificate", "configuration", "register")
"""Causes that change figures without a row in the ledger."""

AGAIN: tuple[Kind, ...] = ("late", "correction", "restatement", *BESIDE)
"""Causes that change figures that were settled before."""


def quarters_in(window: timedelta) -> int:
    """A correction window in whole quarter-hours."""
    return -(-window // timedelta(milliseconds=QUARTER_MS))


@dataclass(frozen=True)
class Past:
    """Causes and locks that touch the quarters ``first <= q < until`` of some sites.

    ``window`` is in quarters; ``watermark`` the quarter up to which it is judged which windows are over.
    ``frozen`` tells as of when locked months are known: what came later beside the ledger changes nothing.
    """

    window: int = quarters_in(CORRECTION_WINDOW)
    first: int = 0
    until: int = 0
    causes: Sequence[Cause] = ()
    locks: Sequence[Lock] = ()
    frozen: Sequence[Frozen] = ()
    watermark: int | None = None

    def holds(self, first: int, until: int) -> bool:
        """Whether all that touches the quarters is known here."""
        return self.first <= first and until <= self.until

    def state(
        self, sites: Collection[str], span: tuple[int, int], settled: int | None, proven: bool
    ) -> State:
        """That of the quarters of ``sites`` when all before ``settled`` are settled.

        ``final`` is what all of the sites have locked, in one month or several, and whose certificates are
        ``proven`` to be cancelled.
        """
        first, until = span
        locked = bool(sites) and all(held(self._locked, site, first, until) for site in sites)
        if locked and proven and settled is not None and until <= settled:
            return "final"
        again = any(self._again[site].meets(first, until) for site in sites if site in self._again)
        return state_of(until, settled, (self.watermark or 0) - self.window, locked=locked, again=again)

    def beside(self, sites: Collection[str], span: tuple[int, int]) -> int:
        """How many facts beside the ledger have changed the figures of the quarters."""
        return sum(self._beside[site].of(*span) for site in sites if site in self._beside)

    @cached_property
    def _locked(self) -> Mapping[str, Reach]:
        return locked_by_site(self.locks)

    @cached_property
    def _beside(self) -> Mapping[str, Count]:
        """By site, what its facts beside the ledger changed."""
        found: dict[str, list[Sequence[Quarters]]] = defaultdict(list)
        for cause in self.causes:
            if cause.kind in BESIDE:
                found[cause.site].append(self._changed(cause))
        return {site: Count(parts) for site, parts in found.items()}

    @cached_property
    def _again(self) -> Mapping[str, Reach]:
        """By site, the quarters that something changed when their correction window was over."""
        found: dict[str, list[Quarters]] = defaultdict(list)
        for cause in self.causes:
            if cause.kind in AGAIN:
                over = to_ms(cause.at) // QUARTER_MS - self.window  # see past_window
                found[cause.site] += [(low, min(high, over)) for low, high in self._changed(cause)]
        return {site: Reach(parts) for site, parts in found.items()}

    def _changed(self, cause: Cause) -> Sequence[Quarters]:
        """What ``cause`` changes: beside the ledger, nothing that is known as of a time before it."""
        if cause.kind not in BESIDE:
            return [(cause.first, cause.until)]
        own = [one for one in self.frozen if one.site == cause.site]
        parts = cut(cause.first, cause.until, own, None)
        return Reach.merged((low, high) for low, high, known in parts if known is None or cause.at <= known)


def state_of(until: int, settled: int | None, over: int, *, locked: bool, again: bool) -> State:
    """Of quarters up to ``until``, in figures and in the ledger alike, where the site is settled so far.

    ``over`` is the quarter up to which the correction window is over; what is ``locked`` has none. ``again``
    tells whether something changed them after it.
    """
    if settled is None or until > settled:
        return "open"
    if not locked and until > over:
        return "provisional"
    return "restated" if again else "settled"


def locked_by_site(locks: Iterable[Lock]) -> Mapping[str, Reach]:
    """By site, the quarters that its locks hold together: of a year, twelve do."""
    found: dict[str, list[Quarters]] = defaultdict(list)
    for lock in locks:
        found[lock.site].append((lock.first, lock.until))
    return {site: Reach(parts) for site, parts in found.items()}


def held(locked: Mapping[str, Reach], site: str, first: int, until: int) -> bool:
    """Whether the locks of ``site`` hold all of the quarters."""
    return site in locked and locked[site].covers(first, until)


def past_window(quarter: int, known_ms: int, window: int) -> bool:
    """Whether what became known at ``known_ms`` came after the correction window of ``quarter``."""
    return known_ms >= (quarter + 1 + window) * QUARTER_MS


async def load_past(
    connection: AsyncConnection,
    sites: Collection[str],
    span: tuple[int, int],
    window: int,
    as_of: datetime | None = None,
) -> Past:
    """What was known of the quarters of ``sites`` at ``as_of``; None: now."""
    causes = await load_causes(connection, sites, span, AGAIN, as_of)
    locks = await load_locks(connection, sites, as_of)
    frozen = await load_frozen(connection, sites, as_of) if locks else ()
    return Past(window, *span, causes, locks, frozen)
