"""Numbers as people read them, the same in every summary and message."""

from __future__ import annotations


def figure(value: float, unit: str = "") -> str:
    """``value`` with its unit, as many digits as it deserves: ``1.52``, ``93.1 %``, ``120 345 kW``."""
    size = abs(value)
    digits = 0 if size >= 1000 or (size >= 10 and value == int(value)) else 1 if size >= 10 else 2
    text = f"{value:,.{digits}f}".replace(",", "\N{NARROW NO-BREAK SPACE}").replace("-", "\N{MINUS SIGN}")
    return f"{text}\N{NO-BREAK SPACE}{unit}" if unit else text


def count(number: int) -> str:
    """A whole number with its thousands set apart."""
    return f"{number:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
