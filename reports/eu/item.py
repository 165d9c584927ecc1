"""One item of the data set, and whether a value can be one."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Group = Literal[
    "identity", "operation", "energy", "water", "heat", "cooling", "climate", "renewable", "ict", "traffic",
    "indicator",
]  # fmt: skip
Source = Literal["measured", "declared", "derived"]
Form = Literal["number", "text", "choice", "month", "list"]
Value = float | str | list[str]

_MONTH = re.compile(r"(19|20)\d\d-(0[1-9]|1[0-2])")
_LONGEST = 300
_MOST = 20


@dataclass(frozen=True)
class Item:
    """What is asked: ``key`` names it in code and files, since the act uses one ``symbol`` twice.

    ``annex`` is its point; unless ``letter_checked`` by a second source, its letter is still to be checked
    against the Official Journal. ``source`` is where it comes from at best: what meters
    may tell can be declared instead, what is derived cannot. ``low`` and ``high`` bound a number, ``choices``
    what is chosen from.
    """

    key: str
    symbol: str
    unit: str
    annex: str
    group: Group
    source: Source
    label: str
    form: Form = "number"
    low: float = 0.0
    high: float = math.inf
    choices: tuple[str, ...] = ()
    letter_checked: bool = False

    def entered(self, value: object) -> Value:
        """``value`` as it is kept. Raises ValueError that tells what can stand here."""
        if self.source == "derived":
            raise ValueError("it is derived from other items; leave it out")
        if self.form == "number":
            return self._number(value)
        if self.form == "list":
            return _list(value)
        text = _text(value)
        if self.form == "choice" and text not in self.choices:
            raise ValueError(f"{text[:60]!r} is none of {', '.join(self.choices)}")
        if self.form == "month" and not _MONTH.fullmatch(text):
            raise ValueError(f"{text[:60]!r} is no month; write for example 2019-04")
        return text

    def _number(self, value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValueError(f"{str(value)[:60]!r} is no number in {self.unit}")
        try:
            number = float(value)
        except (ValueError, OverflowError):
            raise ValueError(
                f"{str(value)[:60]!r} is no number in {self.unit}; write for example 1234.5"
            ) from None
        if not math.isfinite(number) or not self.low <= number <= self.high:
            bounds = f"from {self.low:g}" if math.isinf(self.high) else f"{self.low:g} to {self.high:g}"
            raise ValueError(f"{number:g} {self.unit} cannot be; possible is {bounds}")
        return number


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("write some text, or leave it out")
    if len(value) > _LONGEST or not value.isprintable():
        raise ValueError(f"write one line of at most {_LONGEST} characters")
    return value.strip()


def _list(value: object) -> list[str]:
    parts: Sequence[object]
    if isinstance(value, str):
        parts = [part for part in value.split(";") if part.strip()]
    elif isinstance(value, Sequence):
        parts = value
    else:
        raise ValueError("write a list, in a file with ; between its parts")
    if not 0 < len(parts) <= _MOST:
        raise ValueError(f"name 1 to {_MOST}")
    return [_text(part) for part in parts]
