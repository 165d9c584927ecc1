"""What is odd about a job or its account, as bits of one number and as words."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntFlag


class Flag(IntFlag):
    """Oddities; none of them makes a figure better."""

    SHARED = 1
    """Some of its GPUs ran another job at the same time."""
    OVERSOLD = 2
    """More than all of a GPU was promised: the shares were scaled down."""
    NO_START = 4
    """It was told of first by an update or a stop."""
    NEVER_ENDED = 8
    """No stop came, and nothing else for so long that it is taken for ended."""
    UNKNOWN_GPU = 16
    """It names GPUs of which no energy was told."""
    BY_COUNTER = 32
    """Energy of some of its GPUs is from counters that its own events told."""
    ABOVE_IT = 64
    """The GPUs told more energy than the meters of all IT."""
    NO_PUE = 128
    """E_IT is not known or above E_DC: the total cannot be divided into IT and overhead."""
    UNSURE = 256
    """The site's load is estimated, or its IT meters contradict it."""
    CROWDED = 512
    """It changed what it ran on so often that the end of a quarter-hour was not followed."""


WORDS: Mapping[Flag, str] = {
    Flag.SHARED: "shared: another job ran on some of its GPUs at the same time",
    Flag.OVERSOLD: "oversold: more than the whole of a GPU was promised, so the shares were scaled down",
    Flag.NO_START: "no start was told, or it came after an update or stop",
    Flag.NEVER_ENDED: "no stop was told, so it is taken for ended 35 days after its last event",
    Flag.UNKNOWN_GPU: "some of its GPUs told no energy at times",
    Flag.BY_COUNTER: "some energy is from counters that the job's events told",
    Flag.ABOVE_IT: "the GPUs told more energy than the IT meters",
    Flag.UNSURE: "at times the site's load is an estimate, or its IT meters contradict it",
    Flag.CROWDED: "it changed too often to be followed: the end of such quarter-hours is unattributed",
    Flag.NO_PUE: "IT energy is unknown or above the load, so overhead is not told apart",
}


def told(flags: int) -> list[str]:
    """The words for every oddity in ``flags``."""
    return [words for flag, words in WORDS.items() if flags & flag]
