"""Names of series as small integers: int32 ids on the hot path, labels at the edges."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from runtime.errors import BadPayload
from telemetry.catalogue import MEASUREMENTS, Measurement
from telemetry.share import EVERYTHING, Share
from telemetry.stored import LABELS_OF

SeriesKey = tuple[str, tuple[str, ...]]
"""Name under which a measurement's series are registered, and label values in the catalogue's order."""

_PLACES = frozenset(("site", "hall"))
"""Labels that tell where a device stands."""


def source_of(key: SeriesKey) -> str:
    """Topic, without ``dc/v1/``, of the device behind a series: ``gdansk/meter/main-1``.

    The GPUs of a node share one source, ``gdansk/a/r1/n01/gpu``: they speak in one message.
    """
    name, labels = key
    if name == "gpu":
        return "/".join((*labels[:-1], name))
    return "/".join((*labels[:-1], name, labels[-1]))


def measurement_of(source: str) -> str:
    """Name of the measurement that ``source`` sends: the reverse of :func:`source_of`; empty if none does."""
    levels = source.split("/")
    if levels[-1] == "gpu" and len(levels) == 5:
        return "gpu"
    kind = levels[-2] if len(levels) in (2, 3) else ""
    return kind if kind in MEASUREMENTS else ""


class SeriesRegistry:
    """Gives every (measurement, labels) an id, once and for ever.

    The journal writes :meth:`unsaved` names in the same transaction as the first frame that uses them, so an
    id on disk always has its name on disk. ``limit`` caps the number of series (cardinality), and likewise
    the number of sources that tell a status: whoever may publish can invent names of either. Groups of
    series, which nobody can invent without inventing series, may go past it. ``share`` is what of the world
    is told here: a store that others write to as well has more.
    """

    def __init__(self, limit: int = 2_000_000, share: Share = EVERYTHING) -> None:
        self.limit = limit
        self.share = share
        self._ids: dict[SeriesKey, int] = {}
        self._keys: list[SeriesKey] = []
        self._sources: set[str] = set()
        self._places: dict[tuple[str, str], set[str]] = {}
        self._placed = 0
        self._saved = 0

    def __len__(self) -> int:
        return len(self._keys)

    def restore(self, keys: Sequence[SeriesKey], sources: Iterable[str] = ()) -> None:
        """Take over the names that are on disk, series in id order; only into an empty registry."""
        assert not self._keys, "restore before the first id is given"
        self._keys = list(keys)
        self._ids = {key: number for number, key in enumerate(self._keys)}
        self._saved = len(self._keys)
        self._sources = set(sources)

    def id(self, measurement: Measurement, labels: tuple[str, ...]) -> int:
        """The id of this series; a new one if need be. Raises BadPayload ``cardinality`` at the cap."""
        key = (measurement.named, labels)
        found = self._ids.get(key)
        if found is not None:
            return found
        if len(self._keys) >= self.limit and measurement.of is None:
            raise BadPayload("cardinality", f"more than {self.limit} series")
        self._ids[key] = number = len(self._keys)
        self._keys.append(key)
        return number

    def source(self, name: str) -> None:
        """Let the source ``name`` tell a status. Raises BadPayload ``cardinality`` at the cap."""
        if name in self._sources:
            return
        if len(self._sources) >= self.limit:
            raise BadPayload("cardinality", f"more than {self.limit} sources that tell a status")
        self._sources.add(name)

    def find(self, measurement: Measurement, labels: tuple[str, ...]) -> int | None:
        """The id of this series, or None if it was never seen."""
        return self._ids.get((measurement.named, labels))

    def key(self, series: int) -> SeriesKey:
        """Measurement name and labels of an id."""
        return self._keys[series]

    def labels(self, series: int) -> dict[str, str]:
        """Label name -> value of an id."""
        name, values = self._keys[series]
        return dict(zip(LABELS_OF[name], values, strict=True))

    def matching(self, measurement: Measurement, where: Mapping[str, Sequence[str]]) -> list[int]:
        """Ids of ``measurement`` whose labels are all accepted by ``where``."""
        wanted = [(measurement.labels.index(label), frozenset(values)) for label, values in where.items()]
        return [
            number
            for number, (name, labels) in enumerate(self._keys)
            if name == measurement.named and all(labels[i] in values for i, values in wanted)
        ]

    def owns(self, key: SeriesKey) -> bool:
        """Whether a series that devices tell is told here."""
        return self.share.everything or self.share.has(source_of(key))

    def places(self, measurement: Measurement) -> dict[str, list[str]]:
        """Sites and halls of the series told here, by label, to ask a shared store for little more than them.

        Empty where everything is told here, or no label names a place.
        """
        if self.share.everything:
            return {}
        for key in self._keys[self._placed :]:
            if key[0] in MEASUREMENTS and self.owns(key):
                for label, value in zip(LABELS_OF[key[0]], key[1], strict=True):
                    if label in _PLACES:
                        self._places.setdefault((key[0], label), set()).add(value)
        self._placed = len(self._keys)
        labels = [label for label in measurement.labels if label in _PLACES]
        return {label: sorted(self._places.get((measurement.named, label), ())) for label in labels}

    def unsaved(self) -> list[tuple[int, SeriesKey]]:
        """Names given since the last :meth:`mark_saved`."""
        return list(enumerate(self._keys[self._saved :], start=self._saved))

    def mark_saved(self, upto: int) -> None:
        """Every id below ``upto`` is on disk."""
        self._saved = max(self._saved, upto)
