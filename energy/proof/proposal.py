"""What a locked month would read with all that waits for it, and how that differs from what it reads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from math import isclose
from typing import Any

import numpy as np

from energy.figures import KpiRow
from energy.proof.document import Restatement, parsed
from energy.proof.knowledge import Restated
from energy.proof.line import Written
from energy.proof.month_lock import Lock
from energy.proof.pending import Waiting
from energy.reading.shelf import Shelf
from energy.reading.stand import Stand
from energy.settlement.registers import MISSING
from energy.sums.sheet import Sheet
from runtime.database import Database

Figures = dict[str, float | None]
"""Every figure and sum of a month by name."""

_NO_FIGURES = frozenset({"start", "end", "state", "revision", "withheld", "more", "sums", "pue_category"})


class Proposed(Shelf):
    """The ledger as it would be if what waits for one month were applied."""

    def __init__(self, database: Database, waiting: Sequence[Waiting], but: Restated) -> None:
        super().__init__(database, but)
        self._waiting = waiting

    async def sheet(self, stand: Stand, days: range) -> Sheet:
        """The ledger on ``days`` with what waits laid over it, each interval one revision on."""
        found = await super().sheet(stand, days)
        line = {register.id: number for number, register in enumerate(found.registers)}
        for one in self._waiting:
            quarter = one.quarter - found.first
            if one.register in line and 0 <= quarter < found.quarters:
                where = line[one.register], quarter
                known = one.amount is not None and one.quality != MISSING
                found.amount[where] = one.amount if known else np.nan
                found.quality[where] = one.quality
                found.revision[where] += 1
        return found


@dataclass(frozen=True)
class MeterChange:
    """What changes of one register, over the intervals that change; Wh (of water litres).

    Intervals that are not known count as 0: ``unknown_before`` and ``unknown_after`` are how many.
    """

    measurement: str
    meter: str
    channel: str
    intervals: int
    before: int
    after: int
    difference: int
    unknown_before: int
    unknown_after: int


def figures_of(row: KpiRow) -> Figures:
    """Every figure and sum of ``row`` by name."""
    own = {f.name: getattr(row, f.name) for f in fields(row) if f.name not in _NO_FIGURES}
    numbers = {name: value for name, value in own.items() if value is None or isinstance(value, int | float)}
    return {**numbers, **row.more, **row.sums}


def figures_signed(paper: Lock | Restatement) -> Figures | None:
    """What the month read when ``paper`` was signed; None of one that did not tell."""
    told = parsed(paper.document).get("figures")
    if isinstance(told, list):  # a restatement tells what they were before too
        return {line["figure"]: line["after"] for line in told}
    return told if isinstance(told, dict) else None


def same_figure(one: float | None, other: float | None) -> bool:
    """Whether both are known and the same, but for the order in which they were summed; or neither is."""
    if one is None or other is None:
        return one is other
    return isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)


def compared(old: Figures, after: KpiRow) -> list[dict[str, Any]]:
    """Line by line: figure, before, after, difference (None where one of them is not known)."""
    new = figures_of(after)
    return [
        {"figure": name, "before": old.get(name), "after": new.get(name),
         "difference": _difference(old.get(name), new.get(name))}
        for name in {**old, **new}
    ]  # fmt: skip


def by_meter(waiting: Sequence[Waiting], known: Mapping[tuple[int, int], Written]) -> list[MeterChange]:
    """What ``waiting`` changes, by register; ``known`` is the ledger now, by register and quarter."""
    groups: dict[tuple[str, str, str], list[tuple[int | None, int | None]]] = defaultdict(list)
    for one in waiting:
        row = known.get((one.register, one.quarter))
        before = None if row is None else row.amount
        groups[one.measurement, one.meter, one.channel].append((before, one.amount))
    return [_meter(key, pairs) for key, pairs in sorted(groups.items())]


def _meter(key: tuple[str, str, str], pairs: Sequence[tuple[int | None, int | None]]) -> MeterChange:
    before, after = (sum(amount or 0 for amount in side) for side in zip(*pairs, strict=True))
    unknown = [sum(amount is None for amount in side) for side in zip(*pairs, strict=True)]
    return MeterChange(*key, len(pairs), before, after, after - before, *unknown)


def _difference(before: float | None, after: float | None) -> float | None:
    if before is None or after is None:
        return None
    return 0.0 if same_figure(before, after) else round(after - before, 12)
