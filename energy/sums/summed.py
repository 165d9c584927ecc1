"""What some quarters of a site add up to, in a form in which parts add up to the whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Summed:
    """``sums`` by column of :func:`energy.sums.columns.columns`; ``highest`` of any quarter, by what."""

    sums: Mapping[str, float] = field(default_factory=dict)
    highest: Mapping[str, float] = field(default_factory=dict)


def together(parts: Iterable[Summed]) -> Summed:
    """All ``parts``, which do not overlap, as one; a column that a part has not is 0 in it."""
    sums: dict[str, float] = {}
    highest: dict[str, float] = {}
    for part in parts:
        for name, amount in part.sums.items():
            sums[name] = sums.get(name, 0.0) + amount
        for name, amount in part.highest.items():
            highest[name] = max(highest.get(name, 0.0), amount)
    return Summed(sums, highest)
