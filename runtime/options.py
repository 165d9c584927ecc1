"""Base of every table of the configuration: strict, frozen, durations in words, secrets from files."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, SecretStr

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_SHOWN = 80
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


LONGEST = timedelta(days=36_500)
"""The longest duration: a century keeps every time that is reckoned with it within what ``datetime`` and the
32-bit seconds of MQTT can hold."""


def parse_duration(value: Any) -> timedelta:
    """``"1h30m"`` or a number of seconds -> ``timedelta`` from 0 to :data:`LONGEST`.

    Raises ValueError with the fix.
    """
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
    elif isinstance(value, int | float) and not isinstance(value, bool):
        seconds = value
    else:
        seconds = _in_words(value)
    if not 0 <= seconds <= LONGEST.total_seconds():  # so written, it refuses NaN too
        raise ValueError(f"{shown(value)} is not between 0s and {LONGEST.days}d, the longest duration")
    return timedelta(seconds=seconds)


def _in_words(value: Any) -> float:
    parts = _DURATION.findall(value) if isinstance(value, str) else []
    if not parts or "".join(n + u for n, u in parts) != value.replace(" ", ""):
        raise ValueError(f"{shown(value)} is not a duration; write for example 90s, 15m, 4h, 1h30m or 35d")
    return sum(float(n) * _UNITS[u] for n, u in parts)


def shown(value: object) -> str:
    """``repr(value)`` for a message to people: of what is very long only the beginning."""
    told = repr(value)
    return told if len(told) <= _SHOWN else f"{told[:_SHOWN]}…"


def duration_text(duration: timedelta) -> str:
    """``timedelta(minutes=90)`` -> ``"1h30m"``, as :func:`parse_duration` takes it; not less than 0."""
    left, parts = duration // timedelta(microseconds=1), []
    for unit in ("d", "h", "m", "s"):
        count, left = divmod(left, round(1e6 * _UNITS[unit]))
        if count:
            parts.append(f"{count}{unit}")
    if left:
        parts.append(f"{left / 1000:g}ms")
    return "".join(parts) or "0s"


Duration = Annotated[
    timedelta, BeforeValidator(parse_duration), PlainSerializer(duration_text, str, when_used="json")
]


class Options(BaseModel):
    """One table of the configuration: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False)


def read_secret(path: Path) -> SecretStr:
    """The secret that ``path`` holds, without its final newline; masked in ``repr`` and logs."""
    return SecretStr(path.read_text(encoding="utf-8").rstrip("\r\n"))
