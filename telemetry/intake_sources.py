"""Names of sources as small numbers: who sent a message, found from the series that it told."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from runtime.errors import BadPayload
from telemetry.catalogue import MEASUREMENTS
from telemetry.frame import Ints
from telemetry.intake import COMPLETENESS, NOBODY
from telemetry.series import SeriesKey, SeriesRegistry, source_of

Numbers = npt.NDArray[np.int64]

NOT_ONE = -1
"""Number of a series that is no source."""


class IntakeSources:
    """Gives every source a number from 0 on, and its name an id in the registry so that stores know it.

    Number 0 is :data:`NOBODY`, who also stands for sources beyond the limit of names. Numbers are those of
    this process; ids are for ever.
    """

    def __init__(self, registry: SeriesRegistry, added: Callable[[int, str], None] | None = None) -> None:
        self._registry = registry
        self._added = added
        self._ids: list[int] = []
        self._names: list[str] = []
        self._numbers: dict[str, int] = {}
        self._by_series: Numbers = np.zeros(1024, dtype=np.int64)
        self._by_id: Numbers = np.full(1024, NOT_ONE, dtype=np.int64)
        self._learned = 0
        if registry.find(COMPLETENESS, (NOBODY,)) is None and len(registry) >= registry.limit:
            registry.limit += 1  # the limit is for names that publishers invent
        self.number(NOBODY)

    def __len__(self) -> int:
        return len(self._ids)

    def name(self, number: int) -> str:
        """The name of a source."""
        return self._names[number]

    def find(self, name: str) -> int:
        """The number of the source ``name``, that of nobody if it is not known."""
        return self._numbers.get(name, 0)

    def number(self, name: str) -> int:
        """The number of the source ``name``, a new one if need be; that of nobody at the limit of names."""
        found = self._numbers.get(name)
        if found is None:
            try:
                series = self._registry.id(COMPLETENESS, (name,))
            except BadPayload:
                return 0
            found = self._numbers[name] = len(self._ids)
            self._ids.append(series)
            self._names.append(name)
            self._by_id = _roomy(self._by_id, series + 1, NOT_ONE)
            self._by_id[series] = found
            if self._added is not None and found:
                self._added(found, name)
        return found

    def ids(self, numbers: Numbers) -> Ints:
        """int32[n], the series under which stores know these sources."""
        return np.array(self._ids, dtype=np.int32)[numbers]

    def of_ids(self, series: Ints) -> Numbers:
        """int64[n], the reverse of :meth:`ids`."""
        self._learn()
        return self._by_id[series]

    def of_series(self, series: Ints) -> Numbers:
        """int64[n], the sources that tell these series."""
        self._learn()
        return self._by_series[series]

    def _learn(self) -> None:
        while self._learned < len(self._registry):
            upto = len(self._registry)
            self._by_series = _roomy(self._by_series, upto, 0)
            for series in range(self._learned, upto):
                self._by_series[series] = self._of(self._registry.key(series))
            self._learned = upto  # names of sources that were given meanwhile come with the next turn
        self._by_id = _roomy(self._by_id, self._learned, NOT_ONE)

    def _of(self, key: SeriesKey) -> int:
        name, labels = key
        if name == COMPLETENESS.named:
            self.number(labels[0])
            return NOT_ONE
        return self.number(source_of(key)) if name in MEASUREMENTS else NOT_ONE


def _roomy(old: Numbers, size: int, fill: int) -> Numbers:
    if len(old) >= size:
        return old
    new = np.full(max(size, 2 * len(old)), fill, dtype=np.int64)
    new[: len(old)] = old
    return new
