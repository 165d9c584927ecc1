"""Which rows answer a question in steps: rollups where they tell exactly the same, readings elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from runtime.clock import MILLISECOND, from_ms, to_ms
from telemetry.catalogue import Kind, Measurement
from telemetry.rollup import ALL_ROLLUPS, GROUPS, PART, STEPS_MS, Rollup
from telemetry.store import Aggregate, WindowQuery

Whole = Callable[[Rollup], tuple[int, int]]
"""From when to when, in ms, all rows of a rollup can be read."""

Split = Callable[[Sequence[str] | None], bool]
"""Whether the GPUs of any of these sites, of any at all for None, are told to several processes: none of them
can add up such a site, so it has no rows of its own."""

_GAUGE: Mapping[Aggregate, tuple[str, Aggregate]] = {
    "mean": ("", "mean"),
    "min": ("_min", "min"),
    "max": ("_max", "max"),
    "last": ("_last", "last"),
    "count": ("_count", "sum"),
}
_COUNTER: Mapping[Aggregate, tuple[str, Aggregate]] = {
    "last": ("", "last"),
    "first": ("_first", "first"),
    "count": ("_count", "sum"),
}


@dataclass(frozen=True)
class Leg:
    """A stretch ``[start_ms, end_ms)`` of the question that ``rollup`` answers, or readings if it is None."""

    rollup: Rollup | None
    start_ms: int
    end_ms: int

    def in_parts(self, query: WindowQuery) -> bool:
        """Whether its rows are of parts of the groups that ``query`` asks for."""
        if self.rollup is None or self.rollup.group is None:
            return False
        return set(query.group_by or ()) != set(self.rollup.group)

    def ask(self, query: WindowQuery) -> tuple[WindowQuery, Mapping[str, str]]:
        """``query`` as it is put to the rows of this leg, and the column that stands for each field."""
        select = query.select
        names = select.fields or select.measurement.field_names
        source, columns, aggregate = select.measurement, {name: name for name in names}, query.aggregate
        if self.rollup is not None:
            source = self.rollup.measurement
            found = {name: _kept(select.measurement, name, query.aggregate) for name in names}
            columns = {name: f"{name}{kept[0]}" for name, kept in found.items() if kept}
            aggregate = next(kept[1] for kept in found.values() if kept)
        narrowed = replace(
            select,
            measurement=source,
            start=from_ms(self.start_ms),
            end=from_ms(self.end_ms),
            fields=tuple(columns.values()),
        )
        return replace(query, select=narrowed, aggregate=aggregate), columns


def one_process(_: Sequence[str] | None) -> bool:
    """Where everything is told to one process no site is split."""
    return False


def legs(query: WindowQuery, whole: Whole, split: Split = one_process) -> list[Leg]:
    """Legs that cover ``query`` without gap or overlap, in order: the coarsest rows that tell it exactly.

    They may meet within one of the query's steps; what they tell of it must then be put together.
    """
    levels = list(_levels(query, split))
    covered = _cover(to_ms(query.select.start), to_ms(query.select.end), levels, whole)
    return _united(list(covered))


def _levels(query: WindowQuery, split: Split) -> Iterator[Rollup]:
    """Rollups that can answer ``query``, the coarsest first."""
    select, step = query.select, query.step // MILLISECOND
    names = select.fields or select.measurement.field_names
    if not all(_kept(select.measurement, name, query.aggregate) for name in names):
        return
    for end, length in sorted(STEPS_MS.items(), key=lambda one: -one[1]):
        if step == length and query.aggregate == "mean":
            yield from _groups(query, end, split)
        if step % length == 0 and f"{select.measurement.name}_{end}" in ALL_ROLLUPS:
            yield ALL_ROLLUPS[f"{select.measurement.name}_{end}"]


def _groups(query: WindowQuery, end: str, split: Split) -> Iterator[Rollup]:
    """Rows of just the groups that are asked for, or of their parts where they have none.

    A longer step would weigh their members otherwise.
    """
    if query.group_by is None:
        return
    asked, where = set(query.group_by), query.select.where
    exact = [name for name, labels in GROUPS.items() if set(labels) == asked and set(where) <= asked]
    if exact == ["site"] and split(where.get("site")):
        exact = []
    parts = set(GROUPS[PART])
    for name in exact or ([PART] if asked <= parts and set(where) <= parts else []):
        rollup = ALL_ROLLUPS[f"{name}_{end}"]
        if rollup.base is query.select.measurement:
            yield rollup


def _kept(measurement: Measurement, name: str, aggregate: Aggregate) -> tuple[str, Aggregate] | None:
    """Ending of the rollup's column that tells ``aggregate`` of the field, and how; None if none does."""
    kept = _COUNTER if measurement.field(name).kind is Kind.COUNTER else _GAUGE
    return kept.get(aggregate)


def _cover(start_ms: int, end_ms: int, levels: Sequence[Rollup], whole: Whole) -> Iterator[Leg]:
    if start_ms >= end_ms:
        return
    if not levels:
        yield Leg(None, start_ms, end_ms)
        return
    level, finer = levels[0], levels[1:]
    since, upto = whole(level)
    first = max(-(-start_ms // level.step_ms) * level.step_ms, since)
    last = min(end_ms // level.step_ms * level.step_ms, upto)
    if first >= last:
        yield from _cover(start_ms, end_ms, finer, whole)
        return
    yield from _cover(start_ms, first, finer, whole)
    yield Leg(level, first, last)
    yield from _cover(last, end_ms, finer, whole)


def _united(found: Sequence[Leg]) -> list[Leg]:
    united: list[Leg] = []
    for leg in found:
        if united and united[-1].rollup is leg.rollup:
            united[-1] = replace(united[-1], end_ms=leg.end_ms)
        else:
            united.append(leg)
    return united
