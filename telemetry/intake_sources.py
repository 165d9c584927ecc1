"""Names of sources as small numbers: who sent a message, found from the series that it told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from runtime.errors import BadPayload
from telemetry.catalogue import MEASUREMENTS
from telemetry.frame import Ints
from telemetry.intake import COMPLETENESS, nobody
from telemetry.series import SeriesKey, SeriesRegistry, source_of

Numbers = npt.NDArray[np.int64]

SLICE = 10_000
"""Series that are looked at between two looks at the event loop."""

NOT_ONE = -1
"""Number of a series that is no source."""


def roomy(size: int, old: int) -> int:
    """How much room to make when ``size`` is needed and there is ``old``: seldom, and not much too much."""
    return max(size, old + old // 4, 1024)


class IntakeSources:
    """Gives every source a number from 0 on, and its name an id in the registry so that stores know it.

    Number 0 is nobody, who also stands for sources beyond the limit of names and for what others take: each
    process that takes a part has a nobody of its own. Numbers are those of this process; ids are for ever.
    ``added`` is told of every source but nobody.
    """

    def __init__(self, registry: SeriesRegistry, added: Callable[[int, str], None]) -> None:
        self._registry = registry
        self._added = added
        self._count = 0
        self._ids: Ints = np.zeros(0, dtype=np.int32)
        self._by_series: Ints = np.zeros(0, dtype=np.int32)
        self._by_id: Ints = np.zeros(0, dtype=np.int32)
        self._learned = 0
        self._nobody = nobody(registry.share.name)
        if registry.find(COMPLETENESS, (self._nobody,)) is None and len(registry) >= registry.limit:
            registry.limit += 1  # the limit is for names that publishers invent
        self.number(self._nobody)

    def __len__(self) -> int:
        return self._count

    def name(self, number: int) -> str:
        """The name of a source."""
        return self._registry.key(int(self._ids[number]))[1][0]

    def find(self, name: str) -> int:
        """The number of the source ``name``, that of nobody if it is not known."""
        series = self._registry.find(COMPLETENESS, (name,))
        if series is None or series >= len(self._by_id):
            return 0
        return max(0, int(self._by_id[series]))

    def number(self, name: str) -> int:
        """The number of the source ``name``, a new one if need be; that of nobody at the limit of names."""
        try:
            series = self._registry.id(COMPLETENESS, (name,))
        except BadPayload:
            return 0
        self._by_id = _grown(self._by_id, series + 1, NOT_ONE)
        known = int(self._by_id[series])
        if known != NOT_ONE:
            return known
        number, self._count = self._count, self._count + 1
        self._ids = _grown(self._ids, self._count, 0)
        self._ids[number], self._by_id[series] = series, number
        if number:
            self._added(number, name)
        return number

    def ours(self, name: str) -> int:
        """The number of a source that is told here, a new one if need be; :data:`NOT_ONE` for others'."""
        if self._registry.share.everything or name == self._nobody or self._registry.share.has(name):
            return self.number(name)
        return NOT_ONE

    def ids(self, numbers: Numbers) -> Ints:
        """int32[n], the series under which stores know these sources."""
        return self._ids[numbers]

    def of_ids(self, series: Ints) -> Numbers:
        """int64[n], the reverse of :meth:`ids`."""
        self._learn()
        return self._by_id[series].astype(np.int64)

    def of_series(self, series: Ints) -> Numbers:
        """int64[n], the sources that tell these series."""
        self._learn()
        return self._by_series[series].astype(np.int64)

    async def learn(self) -> None:
        """Find the sources of all series that are new, a slice at a time: a start may bring millions.

        Whoever asks of series afterwards finds little left to do.
        """
        while self._learned < len(self._registry):
            self._learn_upto(min(self._learned + SLICE, len(self._registry)))
            await asyncio.sleep(0)

    def _learn(self) -> None:
        while self._learned < len(self._registry):  # names of sources that are given meanwhile are new too
            self._learn_upto(len(self._registry))

    def _learn_upto(self, upto: int) -> None:
        self._by_series = _grown(self._by_series, upto, 0)
        for series in range(self._learned, upto):
            self._by_series[series] = self._of(self._registry.key(series))
        self._learned = upto
        self._by_id = _grown(self._by_id, self._learned, NOT_ONE)

    def _of(self, key: SeriesKey) -> int:
        name, labels = key
        if name == COMPLETENESS.named:
            self.ours(labels[0])
            return NOT_ONE
        return max(0, self.ours(source_of(key))) if name in MEASUREMENTS else NOT_ONE


def _grown(old: Ints, size: int, fill: int) -> Ints:
    if len(old) >= size:
        return old
    new = np.full(roomy(size, len(old)), fill, dtype=np.int32)
    new[: len(old)] = old
    return new
