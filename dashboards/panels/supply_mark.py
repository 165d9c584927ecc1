"""How supplies are told apart where they are drawn: by a pattern and a hue."""

from __future__ import annotations

from dataclasses import dataclass

SHAPES, HUES = ("dots", "rise", "fall", "bars", "rows", "grid"), 4
"""What the marks of supplies are made of: patterns, and hues that the style sheet has for them."""


@dataclass(frozen=True)
class SupplyMark:
    """How one supply is drawn: ``shape`` of its pattern, ``hue`` (a class of the style sheet), ``scale``."""

    shape: str
    hue: int
    scale: float


def supply_mark(place: int) -> SupplyMark:
    """The mark of the supply at ``place``, no two the same: neighbours differ in pattern and in hue.

    Stepping through both at once meets half of the pairs, and the other half with the hue moved on by one;
    from then on the same patterns are drawn coarser.
    """
    half, pairs = len(SHAPES) * HUES // 2, len(SHAPES) * HUES
    return SupplyMark(
        shape=SHAPES[place % len(SHAPES)],
        hue=(place + place // half) % HUES,
        scale=1 + 0.5 * (place // pairs),
    )
