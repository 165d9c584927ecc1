"""Which series a question to a store is about, and how many rows it can be answered with at most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import prod

import numpy as np

from telemetry.catalogue import MEASUREMENTS, Measurement
from telemetry.frame import Ints
from telemetry.rollup import GROUPS
from telemetry.series import SeriesKey, SeriesRegistry

MOST_ROWS = 200_000
"""Rows of an answer: a tenth of a gigabyte is held for each, while it is worked on."""

_MOST_NAMES = 500
"""Values of a label that a question names; when more are meant it does not name the label."""

_FEW = MOST_ROWS // 10
"""Series that a question may let through although it wants fewer of them."""

_USELESS = 4
"""Where more is let through than so many times what is wanted it is worth asking place by place."""

Where = Mapping[str, Sequence[str]]
_Named = tuple[tuple[str, ...], int]


@dataclass(frozen=True)
class Scope:
    """``series`` (sorted), all of which ``where`` lets through, and no more than ``most`` with them."""

    where: Where
    series: Ints
    most: int

    @property
    def longest(self) -> int:
        """Steps that one question may be about."""
        return max(1, MOST_ROWS // max(1, self.most))


class Scopes:
    """Cuts what is wanted into scopes. Takes a moment for 100,000 series: not in the event loop."""

    def __init__(self, registry: SeriesRegistry) -> None:
        self._registry = registry
        self._counts: Counter[tuple[str, ...]] = Counter()
        self._counted = 0

    def of(self, measurement: Measurement, series: Ints) -> list[Scope]:
        """Scopes that hold each of ``series`` once."""
        self._count()
        named = sorted((self._registry.key(int(one))[1], int(one)) for one in series)
        return list(self._cut(measurement, named, 0)) if named else []

    def every(self, measurement: Measurement) -> list[Scope]:
        """Scopes that hold all series of ``measurement`` that are told, or groups that are added up, here."""
        self._count()
        registry, count = self._registry, self._counts[measurement.named,]
        if count <= MOST_ROWS and (registry.share.everything or measurement.of is None):
            nobody = np.zeros(0, dtype=np.int32)
            return [Scope(registry.places(measurement), nobody, count)] if count else []
        mine = (n for n in range(self._counted) if self._is_here(measurement, registry.key(n)))
        return self.of(measurement, np.fromiter(mine, np.int32))

    def _is_here(self, measurement: Measurement, key: SeriesKey) -> bool:
        if key[0] != measurement.named:
            return False
        return self._registry.owns(key) if measurement.of is None else self._registry.share.adds_up(key[1])

    def _cut(self, measurement: Measurement, named: Sequence[_Named], depth: int) -> Iterator[Scope]:
        """Scopes of series that agree in the first ``depth`` labels."""
        columns = zip(measurement.labels, zip(*(labels for labels, _ in named), strict=True), strict=True)
        names = {label: sorted(set(column)) for label, column in columns}
        where = {label: values for label, values in names.items() if len(values) <= _MOST_NAMES}
        most = self._counts[measurement.named, *named[0][0][:depth]]
        if len(where) == len(names):
            most = min(most, prod(map(len, where.values())))
        useful = min(MOST_ROWS, max(_FEW, _USELESS * len(named)))
        if most <= useful or depth >= _depth(measurement.labels):
            yield Scope(where, np.array(sorted(n for _, n in named), dtype=np.int32), most)
            return
        for _, place in groupby(named, key=lambda one: one[0][depth]):
            yield from self._cut(measurement, list(place), depth + 1)

    def _count(self) -> None:
        """Count series by the places that their labels begin with."""
        registry = self._registry
        upto = len(registry)
        for number in range(self._counted, upto):
            name, labels = registry.key(number)
            if name in _LABELS:
                self._counts.update((name, *labels[:depth]) for depth in range(_depth(_LABELS[name]) + 1))
        self._counted = upto


_LABELS = {**{name: one.labels for name, one in MEASUREMENTS.items()}, **GROUPS}


def _depth(labels: Sequence[str]) -> int:
    """How many labels name a place that holds many series: of GPUs site, hall and rack."""
    return max(min(1, len(labels) - 1), len(labels) - 2)
