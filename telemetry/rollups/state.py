"""How far the rollups have come: one value, committed to the journal with the rows that it is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

_PREFIX = "rollups."
_RELEASED = f"{_PREFIX}released_ms."


@dataclass(frozen=True)
class RollupState:
    """What a restart has to know. Positions are those of the journal; a batch is wholly before or after one.

    Attributes:
        closed_ms: minutes that start before this are closed, and written.
        resume_position: nothing up to here is needed again: it is in no open minute and in no dirty window.
        accounted_position: what came up to here for a minute that is closed stands in the minute, in its
            hour and in its groups.
        merged_position: what came up to here for a minute that was released is merged into the minute,
            though not always yet into its hour and its groups.
        hours_ms: hours that start before this were made; 0 before the first.
        since_ms: rollups begin here. What is older was stored before there were any.
        parts_ms: one more than the time from which there are rows of :data:`telemetry.rollup.PART`; 0: none.
        released_ms: by measurement, until when the store may forget its rows: see :meth:`released`.
    """

    closed_ms: int = 0
    resume_position: int = 0
    accounted_position: int = 0
    merged_position: int = 0
    hours_ms: int = 0
    since_ms: int = 0
    parts_ms: int = 0
    released_ms: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, counters: Mapping[str, int]) -> RollupState:
        """The state that stands in the counters of a journal."""
        plain = {name: counters.get(_PREFIX + name, 0) for name in _NUMBERS}
        released = {
            name.removeprefix(_RELEASED): value
            for name, value in counters.items()
            if name.startswith(_RELEASED)
        }
        return cls(**plain, released_ms=released)

    def released(self, measurement: str) -> int:
        """Until when, in ms, rows of ``measurement`` may be forgotten by now; 0 is never.

        Once readings are released nothing is recomputed from them: a late one is merged into its minute.
        Once minutes are released a late reading changes nothing.
        """
        return self.released_ms.get(measurement, 0)

    def moved_from(self, earlier: RollupState) -> dict[str, int]:
        """By how much each counter has moved since ``earlier``."""
        mine, theirs = self._counters(), earlier._counters()
        moved = {name: value - theirs.get(name, 0) for name, value in mine.items()}
        return {name: by for name, by in moved.items() if by}

    def _counters(self) -> dict[str, int]:
        plain = {_PREFIX + name: int(getattr(self, name)) for name in _NUMBERS}
        return plain | {_RELEASED + name: value for name, value in self.released_ms.items()}


_NUMBERS = tuple(one.name for one in fields(RollupState) if one.name != "released_ms")
