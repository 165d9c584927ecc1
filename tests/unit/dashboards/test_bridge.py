"""Lines between readings that come seldom, and gaps where they usually come."""

from __future__ import annotations

import numpy as np
import pytest

from dashboards.panels.bridge import bridged

N = np.nan
HOUR = 12


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ([1, N, N, 4, N, N, 7, N, N, 10], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        ([1, N, N, 4, N, N, N, 8, N, 10, N, N, 13], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]),
        ([N, 2, N, 4, N, 6, N, 8, N], [N, 2, 3, 4, 5, 6, 7, 8, N]),
        ([1, 2, 3, N, 5, 6, 7], [1, 2, 3, N, 5, 6, 7]),
        ([1, 2, N, N, N, N, 7, N, N, N, N, 12, 13, 14, 15], None),
        ([1, N, 3, N, 5, *[N] * 7, 13, N, 15, N, 17], [1, 2, 3, 4, 5, *[N] * 7, 13, 14, 15, 16, 17]),
        ([1, N, N, 4, N, N, 7, N, N, 10, 11, 12, 13], [*range(1, 14)]),
        ([N, N, N], None),
        ([1, N, N, 4], None),
        ([5], None),
        ([], None),
    ],
)  # fmt: skip
def test_a_line_goes_where_readings_are_as_far_apart_as_usual(
    column: list[float], expected: list[float] | None
) -> None:
    given = np.array(column, np.float64)
    np.testing.assert_allclose(bridged(given, HOUR), column if expected is None else expected)


def test_nobody_is_waited_for_longer_than_the_longest() -> None:
    given = np.full(100, N)
    given[::20] = 1.0
    assert np.isnan(bridged(given, HOUR)).sum() == 95
    assert np.isnan(bridged(given, 20)).sum() == 19


def test_what_was_read_is_left_alone() -> None:
    given = np.array([1, N, 3, N, 5, N, 7])
    bridged(given, HOUR)
    assert np.isnan(given[1])
