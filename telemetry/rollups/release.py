"""Which rows the rollups need no more, so that the store may forget them."""

from __future__ import annotations

from telemetry.catalogue import MEASUREMENTS, Measurement
from telemetry.rollup import ALL_ROLLUPS, HOUR_MS, MINUTE_MS
from telemetry.rollups.retained import Retained
from telemetry.rollups.state import RollupState

_STEPS_MS = {name: MINUTE_MS for name in MEASUREMENTS} | {f"{name}_1m": HOUR_MS for name in MEASUREMENTS}
"""What rollups are made of, and the step of what is made of it: it is released by whole steps."""


class Release:
    """What was asked to be released, and is granted when nothing of that time is in hand.

    Before readings are released a late one makes its minute be recomputed, afterwards it is merged. If both
    happened to one minute a reading could count twice: so no row of that time may be in hand, nor one that a
    recomputation has already read but that has not come by here.
    """

    def __init__(self) -> None:
        self._asked: dict[str, int] = {}

    def ask(self, measurement: Measurement, before_ms: int, state: RollupState) -> int | None:
        """Wish for everything before ``before_ms``; return what is released, None if nobody needs it."""
        step_ms = _STEPS_MS.get(measurement.name)
        if step_ms is None:
            return None
        asked = -(-before_ms // step_ms) * step_ms
        self._asked[measurement.name] = max(asked, self._asked.get(measurement.name, 0))
        return state.released(measurement.name)

    def grant(self, state: RollupState, retained: Retained) -> dict[str, int]:
        """By measurement, what can be released while ``retained`` is all that is in hand."""
        granted = dict(state.released_ms)
        for name, asked in self._asked.items():
            if asked > state.released(name):
                oldest = _oldest_ms(name, retained)
                upto = asked if oldest is None else min(asked, oldest // _STEPS_MS[name] * _STEPS_MS[name])
                granted[name] = max(upto, state.released(name))
        return {name: upto for name, upto in granted.items() if upto}


def _oldest_ms(name: str, retained: Retained) -> int | None:
    if name in MEASUREMENTS:
        return retained.oldest_unreleased_ms(name)
    return retained.oldest_ms(ALL_ROLLUPS[name].base.name)
