"""Which rollup rows the store that is read has all of."""

from __future__ import annotations

from collections import deque

from telemetry.rollup import GROUPS, HOUR_MS, MINUTE_MS, PART, Rollup
from telemetry.rollups.state import RollupState

_Mark = tuple[int, int]


class Coverage:
    """Positions of the journal, and until when in ms all rows of a step stand at or below them."""

    def __init__(self, state: RollupState, head: int) -> None:
        """What ``state`` tells was written stands below ``head``."""
        self._marks: dict[int, deque[_Mark]] = {
            MINUTE_MS: deque([(head, state.closed_ms)]),
            HOUR_MS: deque([(head, state.hours_ms)]),
        }

    def note(self, step_ms: int, upto_ms: int, position: int | None = None) -> None:
        """Rows until ``upto_ms`` stand at ``position``; None if no rows were needed for that."""
        marks = self._marks[step_ms]
        marks.append((self.position(step_ms) if position is None else position, upto_ms))

    def position(self, step_ms: int) -> int:
        """Where the newest rows of a step stand."""
        return self._marks[step_ms][-1][0]

    def stored_ms(self, step_ms: int, position: int) -> int | None:
        """Until when a store that has taken ``position`` has all rows; None if it lacks old ones."""
        mark = self._passed(step_ms, position)[0]
        return mark[1] if mark[0] <= position else None

    def is_level(self, step_ms: int, position: int) -> bool:
        """Whether a store that has taken ``position`` has all that was ever written."""
        return len(self._passed(step_ms, position)) == 1

    def _passed(self, step_ms: int, position: int) -> deque[_Mark]:
        """The marks that still say something; the first is the one in force."""
        marks = self._marks[step_ms]
        while len(marks) > 1 and marks[1][0] <= position:
            marks.popleft()
        return marks


def since_ms(rollup: Rollup, state: RollupState) -> int:
    """From when on there are rows of ``rollup``."""
    first = state.since_ms
    if rollup.group == GROUPS[PART]:
        first = max(first, state.parts_ms - 1)
    return -(-first // rollup.step_ms) * rollup.step_ms
