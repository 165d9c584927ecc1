"""An amount together with how much of its time it is known."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Covered:
    """An ``amount`` over the ``share`` (above 0, at most 1) of a period's quarters in which it is known.

    ``estimated``: how much of the amount was interpolated or estimated, of 0..1.
    """

    amount: float
    share: float
    estimated: float = 0.0
