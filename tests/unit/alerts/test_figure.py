from __future__ import annotations

import pytest

from alerts.figure import count, figure


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1.518, "", "1.52"),
        (93.14, "%", "93.1\u00a0%"),
        (100.0, "%", "100\u00a0%"),
        (120_345.4, "kW", "120\u202f345\u00a0kW"),
        (-12.0, "kW", "\u221212\u00a0kW"),
        (0.0, "s", "0.00\u00a0s"),
    ],
)
def test_figures(value: float, unit: str, text: str) -> None:
    assert figure(value, unit) == text


def test_counts() -> None:
    assert count(12_500) == "12\u202f500"
