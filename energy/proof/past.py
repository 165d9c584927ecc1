"""What happened to figures after they were first settled: it tells their state and their revision."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from energy.figures import State
from energy.interval import QUARTER_MS
from energy.proof.cause import Cause, Kind, load_causes
from energy.proof.knowledge import Frozen, cut, load_frozen
from energy.proof.month_lock import Lock, load_locks
from energy.proof.options import CORRECTION_WINDOW
from runtime.clock import to_ms

BESIDE: tuple[Kind, ...] = ("factor", "certificate", "configuration")
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

        ``final`` is what all of the sites have locked and whose certificates are ``proven`` to be cancelled.
        """
        first, until = span
        locked = bool(sites) and all(held(self.locks, site, first, until) for site in sites)
        if locked and proven and settled is not None and until <= settled:
            return "final"
        touching = (cause for cause in self._touching(sites, first, until) if cause.kind in AGAIN)
        again = any(self._after(cause, first) for cause in touching)
        return state_of(until, settled, (self.watermark or 0) - self.window, locked=locked, again=again)

    def beside(self, sites: Collection[str], span: tuple[int, int]) -> int:
        """How many facts beside the ledger have changed the figures of the quarters."""
        return sum(cause.kind in BESIDE for cause in self._touching(sites, *span))

    def _touching(self, sites: Collection[str], first: int, until: int) -> list[Cause]:
        return [
            cause
            for cause in self.causes
            if cause.site in sites and cause.first < until and first < cause.until
            if cause.kind not in BESIDE or self._holds(cause, first, until)
        ]

    def _holds(self, cause: Cause, first: int, until: int) -> bool:
        """Whether ``cause`` changes any of the quarters: not those that are known as of a time before it."""
        own = [one for one in self.frozen if one.site == cause.site]
        parts = cut(max(first, cause.first), min(until, cause.until), own, None)
        return any(known is None or cause.at <= known for _, _, known in parts)

    def _after(self, cause: Cause, first: int) -> bool:
        """Whether the correction window of an interval that ``cause`` touches was over."""
        return past_window(max(cause.first, first), to_ms(cause.at), self.window)


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


def held(locks: Sequence[Lock], site: str, first: int, until: int) -> bool:
    """Whether ``locks`` hold all of the quarters of ``site``."""
    return any(lock.site == site and lock.covers(first, until) for lock in locks)


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
