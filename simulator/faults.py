"""What goes wrong on purpose: instruments that lie or fall silent, and weather that does not come.

A *metering* fault changes what is published and never the truth; a *physical* one (:class:`Calm`) is truth.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from runtime.clock import to_ms
from simulator.noise import Ints
from simulator.site import Fields
from telemetry.catalogue import MEASUREMENTS, Kind

Read = Callable[[Ints], Fields]
"""A device's true fields at any times."""


@dataclass(frozen=True)
class Window:
    """``start <= t < end``, aware times."""

    start: datetime
    end: datetime

    def covers(self, times_ms: Ints) -> npt.NDArray[np.bool_]:
        """Which of ``times_ms`` lie in it."""
        return (times_ms >= to_ms(self.start)) & (times_ms < to_ms(self.end))


@dataclass(frozen=True)
class MeterReset:
    """From ``at`` on, every register of ``source`` counts from 0."""

    source: str
    at: datetime

    def distort(self, measurement: str, fields: Fields, times_ms: Ints, read: Read) -> Fields:
        """``fields`` as this fault shows them."""
        at_ms = to_ms(self.at)
        before = read(np.array([at_ms], dtype=np.int64))
        after = times_ms >= at_ms
        return {
            name: _where(after, values - before[name][0], values)
            if name in _counters(measurement)
            else values
            for name, values in fields.items()
        }


@dataclass(frozen=True)
class Rollover:
    """The registers of ``source`` have only so many digits: they show the count modulo ``modulus``."""

    source: str
    modulus: int

    def distort(self, measurement: str, fields: Fields, times_ms: Ints, read: Read) -> Fields:
        """``fields`` as this fault shows them."""
        counters = _counters(measurement)
        return {
            name: values % self.modulus if name in counters else values for name, values in fields.items()
        }


@dataclass(frozen=True)
class Stuck:
    """During ``window``, ``source`` repeats what it said at the start of it; only its timestamp moves."""

    source: str
    window: Window

    def distort(self, measurement: str, fields: Fields, times_ms: Ints, read: Read) -> Fields:
        """``fields`` as this fault shows them."""
        frozen = read(np.array([to_ms(self.window.start)], dtype=np.int64))
        during = self.window.covers(times_ms)
        return {name: _where(during, frozen[name][0], values) for name, values in fields.items()}


@dataclass(frozen=True)
class Silent:
    """During ``window``, ``source`` (or everything below it, ``gdansk/a/r1``) says nothing."""

    source: str
    window: Window

    def concerns(self, source: str) -> bool:
        """Whether ``source`` is the silent one or below it."""
        return source == self.source or source.startswith(self.source + "/")


@dataclass(frozen=True)
class Nonsense:
    """During ``window``, a stranger publishes on the topic of ``source`` what no decoder can use."""

    source: str
    window: Window


@dataclass(frozen=True)
class Calm:
    """During ``window`` no wind blows: the wind supplies of ``site`` deliver next to nothing. Physical."""

    site: str
    window: Window


Distortion = MeterReset | Rollover | Stuck
Fault = Distortion | Silent | Nonsense | Calm

NONSENSE = (
    b"",
    b"{",
    b"not json",
    b'{"ts":1,"power_w":5}',
    b'{"power_w":"much"}',
    b'{"power_w":1e300,"energy_wh":-5}',
    b"[1,2,3]",
    b"\x81\xa7power_w",
    b'{"unheard_of":1}',
    b"\xff\xfe\x00\x00",
)
"""Payloads of a broken publisher; none of them has a row in it that may be stored."""


def _counters(measurement: str) -> frozenset[str]:
    return frozenset(f.name for f in MEASUREMENTS[measurement].fields if f.kind is Kind.COUNTER)


def _where(
    mask: npt.NDArray[np.bool_],
    chosen: npt.NDArray[np.int64] | npt.NDArray[np.float64],
    other: npt.NDArray[np.int64] | npt.NDArray[np.float64],
) -> npt.NDArray[np.int64] | npt.NDArray[np.float64]:
    shaped = mask.reshape(mask.shape + (1,) * (other.ndim - 1))
    merged: npt.NDArray[np.int64] | npt.NDArray[np.float64] = np.where(shaped, chosen, other)
    return merged
