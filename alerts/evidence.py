"""The evidence of an alarm as people read it: units, percent and times of its site.

Rules give evidence as machines take it: Wh, W, shares of 0..1, ISO times. A key names its unit by its ending.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from energy.quantity import NOTHING, count, energy, moment, percent, power, size

_NAMES = {
    "budget_wh": "Budget of the period",
    "burn_rates": "Burn rates (multiples of the even rate)",
    "edc_wh": "Used at the inlet",
    "eit_wh": "Used by the IT equipment",
    "expected_rest_wh": "Expected until the end",
    "green_wh": "Of it green",
    "limit_bytes": "Limit",
    "load_wh": "Load",
    "lost_at": "Budget used up",
    "missing": "Missing intervals",
    "not_measured_wh": "Not measured",
    "power_w": "Power",
    "silent": "Silent",
    "uncovered_wh": "not green",
    "unknown_wh": "Of unknown origin",
    "until": "Judged until",
    "worst_hours": "Worst hours (not green, of all used)",
}
"""What is called otherwise than its key reads."""

_SHARES = frozenset({"best_possible", "completeness", "nowcast_low", "nowcast_expected", "nowcast_high"})
_TOKENS = frozenset({"metric", "standing"})
"""Keys whose values are names of our own, written with underscores."""

_UNITS = ("_wh", "_w", "_bytes")


@dataclass(frozen=True)
class Line:
    """One piece of evidence; ``parts`` stand below one another."""

    name: str
    parts: tuple[str, ...]


def lines(evidence: Mapping[str, Any], zone: tzinfo) -> list[Line]:
    """Every piece of ``evidence``, in the order given, with times in ``zone``."""
    writer = _Writer(zone, _largest(evidence))
    return [Line(_name(key), writer.parts(key, value)) for key, value in evidence.items()]


def _name(key: str) -> str:
    known = _NAMES.get(key)
    if known is None:
        unit = next((unit for unit in _UNITS if key.endswith(unit)), "")
        known = key.removesuffix(unit).replace("_", " ")
    return known[:1].upper() + known[1:]


def _largest(evidence: Mapping[str, Any]) -> float | None:
    """The largest energy: all of one evidence are told in the unit that fits it, to be compared."""
    found = [abs(v) for k, v in evidence.items() if k.endswith("_wh") and isinstance(v, int | float)]
    return max(found, default=None)


class _Writer:
    """Writes values by the name of their key."""

    def __init__(self, zone: tzinfo, whole: float | None) -> None:
        self._zone, self._whole = zone, whole

    def parts(self, key: str, value: Any) -> tuple[str, ...]:
        if isinstance(value, Mapping):
            return tuple(f"{name}: {self._value(key, one)}" for name, one in value.items()) or (NOTHING,)
        if isinstance(value, Sequence) and not isinstance(value, str):
            return tuple(self._item(key, one) for one in value) or (NOTHING,)
        return (self._value(key, value),)

    def _item(self, key: str, one: Any) -> str:
        if not isinstance(one, Mapping):
            return self._value(key, one)
        if key == "worst_hours":
            lacking, used = one.get("uncovered_wh"), one.get("load_wh", one.get("edc_wh"))
            return f"{self._value('start', one.get('start'))}: {energy(lacking, used)} of {energy(used)}"
        return ", ".join(f"{_name(name)} {self._value(name, what)}" for name, what in one.items())

    def _value(self, key: str, value: Any) -> str:
        if value is None:
            return NOTHING
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, int | float):
            return self._number(key, value)
        text = str(value)
        if key in _TOKENS:
            return text.replace("_", " ")
        at = _time(text)
        return text if at is None else moment(at, self._zone)

    def _number(self, key: str, value: float) -> str:
        if key.endswith("_wh"):
            return energy(value, self._whole)
        if key.endswith("_w"):
            return power(value)
        if key == "bytes" or key.endswith("_bytes"):
            return size(value)
        if key in _SHARES:
            return percent(100 * value)
        return count(value) if value == int(value) else f"{value:.4g}"


def _time(text: str) -> datetime | None:
    """An ISO time with its offset; days, months and other words are none."""
    if "T" not in text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if at.tzinfo is None else at
