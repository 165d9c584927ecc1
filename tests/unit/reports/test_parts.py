"""Shares that stand under each other add up to 100.00 % and never flatter."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.render.parts import WHOLE, parts

amounts = st.lists(st.integers(0, 10**12), max_size=6)


@given(amounts, st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)))
def test_they_add_up_and_no_claim_is_rounded_up_as_long_as_anything_else_is_left(
    claimed: list[int], rest: tuple[int, int]
) -> None:
    total = sum(claimed) + sum(rest)
    if total == 0:
        return
    found = parts(claimed, rest)
    assert round(sum(found) * WHOLE) == WHOLE
    for share, amount in zip(found, (*claimed, *rest), strict=True):
        assert amount or not share
    if sum(rest):
        assert all(share <= one / total for share, one in zip(found, claimed, strict=False))


@pytest.mark.parametrize(
    ("claimed", "rest", "shares"),
    [
        ([91.666, 3.166], [5.168, 0.0], [0.9166, 0.0316, 0.0518, 0.0]),
        ([1, 1], [0, 1], [0.3333, 0.3333, 0.0, 0.3334]),
        ([1, 1, 1], [0, 0], [0.3334, 0.3333, 0.3333, 0.0, 0.0]),
        ([1_000_000], [1, 0], [0.9999, 0.0001, 0.0]),
        ([10], [0, 0], [1.0, 0.0, 0.0]),
    ],
)
def test_what_rounding_leaves_goes_to_other_and_unknown(
    claimed: list[float], rest: list[float], shares: list[float]
) -> None:
    assert parts(claimed, rest) == shares


def test_nothing_has_no_parts() -> None:
    with pytest.raises(ValueError, match="no parts"):
        parts([0.0], [0.0, 0.0])
