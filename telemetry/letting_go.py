"""Lets go of stores that hold back more of the journal than is theirs, and writes down what they lack."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

import structlog

from telemetry.gap import Gap, spans_of
from telemetry.journal import Entry, Journal

log = structlog.get_logger(__name__)

_PIECE_BYTES = 8 << 20
"""Compressed bytes of the journal that are looked through and let go of at a time."""


class Mirror(Protocol):
    """A follower that may be let go of."""

    @property
    def name(self) -> str:
        """The store's name."""
        ...

    @property
    def hold(self) -> float:
        """The share of the journal's limit that it may hold."""
        ...

    @property
    def safe(self) -> int:
        """The position up to which it needs nothing again."""
        ...

    def wants(self, measurement: str) -> bool:
        """Whether it takes rows of ``measurement``."""
        ...

    def can_refill(self, measurement: str) -> bool:
        """Whether rows of ``measurement`` can be had again from the store that is read."""
        ...


async def let_go(journal: Journal, mirrors: Sequence[Mirror], vital: int) -> None:
    """Trim the journal beyond those ``mirrors`` that hold too much of it, at most up to position ``vital``.

    Raises StoreError. What goes is written down as a :class:`Gap` in the same transaction.
    """
    while late := [m for m in mirrors if m.safe < vital and journal.held > m.hold * journal.limit_bytes]:
        others = [m.safe for m in mirrors if m not in late]
        upto = min([vital, *others])
        entries = await journal.read(
            min(m.safe for m in late), _PIECE_BYTES, lambda name: any(m.wants(name) for m in late)
        )
        going = [entry for entry in entries if entry.position <= upto]
        if not going:
            return
        gaps = await asyncio.to_thread(_gaps, journal.gaps, late, going)
        for name in gaps:
            if name not in journal.gaps or not journal.gaps[name].batches:
                log.warning("store_let_go", store=name, after=going[0].position - 1, why="it held too much")
        await journal.trim(going[-1].position, gaps=gaps)


def _gaps(known: Mapping[str, Gap], late: Sequence[Mirror], going: Sequence[Entry]) -> dict[str, Gap]:
    found = {}
    for mirror in late:
        gap = known.get(mirror.name, Gap())
        lacking = [entry for entry in going if entry.position > max(mirror.safe, gap.upto)]
        if not lacking:
            continue
        frames = [frame for entry in lacking for frame in entry.frames]
        spans = [s for s in spans_of(frames, mirror.wants) if mirror.can_refill(s.measurement)]
        hopeless = sum(
            any(
                mirror.wants(f.measurement.name) and not mirror.can_refill(f.measurement.name)
                for f in e.frames
            )
            for e in lacking
        )
        gap = gap.widened(lacking[-1].position, len(lacking), lacking[0].at_ms, spans)
        found[mirror.name] = replace(gap, lost=gap.lost + hopeless)
    return found
