"""How far the completeness ledger has come, as it stands in the journal, and how rows get there with it."""

from __future__ import annotations

from collections.abc import Iterable

from telemetry.frame import Frame
from telemetry.journal import Journal

POSITION, CLOSED, NEWEST = "completeness.position", "completeness.closed_ms", "completeness.newest_ms"
"""Counters of the journal in which the state stands, committed with the rows that it is about."""


class LedgerState:
    """What is on disk: nothing here is known that a kill could undo."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    @property
    def position(self) -> int:
        """Up to which entry of the journal the stored hours count."""
        return self._of(POSITION)

    @property
    def closed_ms(self) -> int:
        """Until when hours were closed; 0 before the first."""
        return self._of(CLOSED)

    @property
    def newest_ms(self) -> int:
        """The newest hour that was ever stored; 0 before the first."""
        return self._of(NEWEST)

    async def write(
        self, frames: Iterable[Frame], position: int | None = None, closed_ms: int | None = None
    ) -> None:
        """Write ``frames`` and the state that they bring about in one transaction. Raises StoreError."""
        full = [frame for frame in frames if len(frame)]
        newest = max([self.newest_ms, *(int(frame.at_ms[0]) for frame in full)])
        state = {POSITION: position, CLOSED: closed_ms, NEWEST: newest}
        moved = {name: value - self._of(name) for name, value in state.items() if value is not None}
        if full or moved.get(CLOSED):
            await self._journal.append(full, {name: by for name, by in moved.items() if by}, derived=True)

    def _of(self, name: str) -> int:
        return self._journal.counters.get(name, 0)
