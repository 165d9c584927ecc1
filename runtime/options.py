"""Base of every table of the configuration: strict, frozen, durations in words, secrets from files."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, SecretStr

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def parse_duration(value: Any) -> Any:
    """``"1h30m"`` -> ``timedelta``; leaves what is not text alone. Raises ValueError with the fix."""
    if not isinstance(value, str):
        return value
    parts = _DURATION.findall(value)
    if not parts or "".join(n + u for n, u in parts) != value.replace(" ", ""):
        raise ValueError(f"{value!r} is not a duration; write for example 90s, 15m, 4h, 1h30m or 35d")
    return timedelta(seconds=sum(float(n) * _UNITS[u] for n, u in parts))


Duration = Annotated[timedelta, BeforeValidator(parse_duration)]


class Options(BaseModel):
    """One table of the configuration: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


def read_secret(path: Path) -> SecretStr:
    """The secret that ``path`` holds, without its final newline; masked in ``repr`` and logs."""
    return SecretStr(path.read_text(encoding="utf-8").rstrip("\r\n"))
