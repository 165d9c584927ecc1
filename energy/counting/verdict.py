"""Which readings of a register count, and what is said of those that do not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from energy.counting.frozen import Stand, stuck
from energy.counting.glitch import glitches
from energy.counting.register import HOUR_MS, Register
from energy.counting.scale import ERROR, slipped, words
from energy.interval import QUARTER_MS
from runtime.clock import from_ms
from telemetry.frame import Floats, Millis

HEADROOM = 1.2
"""How far above its rated power a register may gain before the gain is held for a fault."""

_GLITCH, _SLIP, _STILL = 10, 20, 30
"""Why a reading was dropped: plus the direction, or the power of 1000."""

_KEPT = 0


@dataclass(frozen=True)
class Verdict:
    """All readings of a register in time order, and what was decided of each.

    Attributes:
        at, value: the readings, one per time.
        code: 0 for those that count, else why not.
        stands: where it was stuck, by the index of the reading at which that begins.
    """

    at: Millis
    value: Floats
    code: npt.NDArray[np.int8]
    stands: Mapping[int, Stand]

    @property
    def kept(self) -> npt.NDArray[np.bool_]:
        """Which readings count."""
        kept: npt.NDArray[np.bool_] = self.code == _KEPT
        return kept

    def slipped_between(self, first: int, last: int) -> bool:
        """Whether a reading between these two was dropped for its scale."""
        return bool((np.abs(self.code[first + 1 : last] - _SLIP) <= 2).any())

    @property
    def slips(self) -> bool:
        """Whether some readings are of another scale than the others."""
        return bool((np.abs(self.code - _SLIP) <= 2).any())

    @property
    def slipping(self) -> tuple[int, str] | None:
        """When a slip of scale began that has not ended, and its words; None if none is on."""
        last = len(self.code) - 1
        while last >= 0 and self.code[last] != _KEPT and abs(self.code[last] - _SLIP) > 2:
            last -= 1
        if last < 0 or self.code[last] == _KEPT:
            return None
        good = np.flatnonzero(self.kept)
        begun = int(good[-1]) + 1 if len(good) else 0
        return int(self.at[begun]), words(int(self.code[last]) - _SLIP)

    def notes(self) -> dict[int, str]:
        """What is said of dropped readings, by the quarter (since 1970) in which they stand."""
        grouped: dict[tuple[int, int], list[int]] = defaultdict(list)
        for i in np.flatnonzero((self.code != _KEPT) & (self.code != _STILL)).tolist():
            grouped[int(self.at[i]) // QUARTER_MS, int(self.code[i])].append(i)
        told: dict[int, list[str]] = defaultdict(list)
        for (quarter, code), found in sorted(grouped.items()):
            told[quarter].append(self._dropped(code, found))
        return {quarter: "; ".join(said) for quarter, said in told.items()}

    def _dropped(self, code: int, found: list[int]) -> str:
        why = _why(code)
        moments = [from_ms(int(self.at[i])).strftime("%H:%M:%SZ") for i in (found[0], found[-1])]
        if len(found) == 1:
            return f"one reading of {self.value[found[0]]:.15g} at {moments[0]} dropped: {why}"
        values = f"{self.value[found].min():.15g} to {self.value[found].max():.15g}"
        return f"{len(found)} readings of {values} from {moments[0]} to {moments[1]} dropped: {why}"


def judge(
    at_ms: Millis, register: Floats, how: Register, power: tuple[Millis, Floats] | None = None
) -> Verdict:
    """What counts of the readings, in any order, NaN allowed; of those with one time the last.

    ``power`` (times, W in the register's direction) is asked where the register stands still.
    """
    at, value = ordered(at_ms, register)
    code = np.zeros(len(at), dtype=np.int8)
    if len(at) > 1:
        limit = HEADROOM * how.rated * np.diff(at) / HOUR_MS / how.ratio_between(at)
        limit[how.swapped_between(at)] = np.nan
        slip = slipped(value, limit, how.glitch)
        code[slip != 0] = _SLIP + slip[slip != 0]
        kept = np.flatnonzero(code == _KEPT)
        beside = glitches(how.onwards(at[kept], value[kept]), how.glitch)
        code[kept[beside != 0]] = _GLITCH + beside[beside != 0]
    stands = {}
    if power is not None:
        kept = np.flatnonzero(code == _KEPT)
        for stand in stuck(at[kept], value[kept], how, power):
            # The last reading of a stand that goes on is kept, to tell how far it reaches.
            until = stand.last + 1 if stand.last + 1 < len(kept) else stand.last
            code[kept[stand.first + 1 : until]] = _STILL
            stands[int(kept[stand.first])] = stand
    return Verdict(at, value, code, stands)


def ordered(at_ms: Millis, register: Floats) -> tuple[Millis, Floats]:
    """Readings in time order, the last of those with one time, without missing ones."""
    known = ~np.isnan(register)
    at, value = at_ms[known], register[known]
    if (np.diff(at) > 0).all():
        return at, value
    order = np.argsort(at, kind="stable")
    at, value = at[order], value[order]
    newest = np.append(at[1:] != at[:-1], True)
    return at[newest], value[newest]


def joined(parts: Iterable[str | None]) -> str:
    """What is said of one interval, in one sentence."""
    return "; ".join(part for part in parts if part)


def _why(code: int) -> str:
    if abs(code - _SLIP) <= 2:
        return f"{words(code - _SLIP)}, {ERROR}"
    side = "below" if code < _GLITCH else "above"
    return f"{side} what was told before and after"
