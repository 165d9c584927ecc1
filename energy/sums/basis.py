"""What a figure rests on: how much of its own inputs is known, and how much of them is estimated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Input = Literal["edc", "eit", "supply", "cooling", "water", "heat"]
"""What figures are made of: E_DC with its offices, E_IT, renewable supplies, and what other meters tell."""


@dataclass(frozen=True)
class Basis:
    """Of one figure over one step, as shares of 0..1.

    ``completeness``: of its settled quarters, those in which all of its inputs are known by measuring.
    ``estimated``: the greatest share of one of its inputs whose course was interpolated or that was guessed.
    """

    completeness: float
    estimated: float
