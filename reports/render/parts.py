"""Parts of a whole in percent that add up to 100.00, rounded so that no claim looks larger than it is."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from energy.quantity import SHARE_DIGITS

WHOLE = 100 * 10**SHARE_DIGITS
"""Steps in which a share is written."""


def parts(claimed: Sequence[float], rest: Sequence[float]) -> list[float]:
    """Each of ``claimed``, then of ``rest``, over the sum of all: shares of 0..1 as they are written.

    What is claimed is rounded down, and what that leaves goes to the rest, by largest remainder. Where there
    is no rest, it goes to the claims: together they are all there is. Raises ValueError for a sum of 0.
    """
    total = sum(map(Fraction, (*claimed, *rest)))
    if total <= 0:
        raise ValueError("nothing has no parts")
    exact = [Fraction(amount) / total * WHOLE for amount in (*claimed, *rest)]
    rounded = [int(share) for share in exact]
    first = len(claimed)
    takers = [i for i in range(first, len(exact)) if exact[i] > 0] or list(range(first))
    takers.sort(key=lambda i: (rounded[i] - exact[i], i))
    for n in range(WHOLE - sum(rounded)):
        rounded[takers[n % len(takers)]] += 1
    return [share / WHOLE for share in rounded]
