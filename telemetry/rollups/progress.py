"""What the rollups have in hand: read from the journal, and not yet all written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from telemetry.frame import Frame
from telemetry.rollup import HOUR_MS
from telemetry.rollups.minutes import Batch, Minutes
from telemetry.rollups.release import Release
from telemetry.rollups.repair import Task
from telemetry.rollups.retained import Retained
from telemetry.rollups.state import RollupState


class Progress:
    """All that a process knows in memory, from one start to the next; lost with it, and read again.

    Attributes:
        position: rows up to here were taken.
        minutes: those that are open, and what came too late for others.
        task: what is being mended, or was left when something failed; None if nothing is.
        read_upto: beyond this no repair has read anything from the store.
    """

    def __init__(self, before: RollupState, position: int, read_upto: int) -> None:
        """Begin after ``position`` with the committed state ``before``."""
        self.position = position
        self.minutes = Minutes(before.closed_ms)
        self.task: Task | None = None
        self.read_upto = read_upto
        self.before = before
        self._retained = Retained()

    @property
    def marks(self) -> Sequence[int]:
        """Positions that no batch may span: rows on their two sides are treated differently."""
        return self.before.accounted_position, self.before.merged_position

    @property
    def size(self) -> int:
        """Bytes that the journal retains for this, at most about."""
        self._retained.let_go(self.needed_from())
        return self._retained.size

    def retain(self, told: Sequence[Frame], upto: int, now: RollupState) -> None:
        """The rows ``told`` up to the position ``upto`` are in hand."""
        self._retained.take(told, upto, now)

    def batch(self, told: Sequence[Frame], upto: int, closing_ms: int, now: RollupState) -> Batch:
        """The same as :meth:`Minutes.take` is told of it."""
        return Batch(told, self.position, upto, closing_ms, self.before, now)

    def needed_from(self) -> int:
        """The position up to which nothing is needed again."""
        return self._first(self.minutes.since())

    def state(self, committed: RollupState, release: Release) -> RollupState:
        """The state as it stands now, to be committed with whatever is written."""
        return replace(
            committed,
            closed_ms=self.minutes.closed_ms,
            resume_position=self.needed_from(),
            accounted_position=self._first(self.minutes.dirty.since()),
            released_ms=self.released_ms(committed, release),
        )

    def released_ms(self, committed: RollupState, release: Release) -> dict[str, int]:
        """Until when the store may forget what: further than committed only while nobody reads from it."""
        if self.task is not None or self.position < self.read_upto:
            return dict(committed.released_ms)
        self._retained.let_go(self.needed_from())
        return release.grant(committed, self._retained)

    def next_task(self, committed: RollupState, written: int) -> Task | None:
        """What is to be made from the store now, that has all up to ``written``; None if nothing is."""
        left = self.task.windows if self.task is not None else []
        windows = [*left, *self.minutes.dirty.take(self.minutes.closed_ms)]
        # As long as no minute was written, hours begin with the oldest that is dirty.
        oldest = min((one.first_ms() for one in windows), default=0)
        first = committed.hours_ms or oldest // HOUR_MS * HOUR_MS
        ended = max(first, self.minutes.closed_ms // HOUR_MS * HOUR_MS) if first else 0
        if not windows and ended <= first:
            return None
        return Task(windows, (first, ended), max(self.position, written))

    def _first(self, held: int | None) -> int:
        mending = None if self.task is None else self.task.since
        return min([self.position, *(one for one in (held, mending) if one is not None)])
