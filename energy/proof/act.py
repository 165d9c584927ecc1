"""Who does something to the ledger, when, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from runtime.clock import from_ms, to_ms


@dataclass(frozen=True)
class Act:
    """Who does something to the ledger, when, and why. Raises ValueError for what is empty or too long."""

    who: str
    at: datetime
    reason: str = ""

    def __post_init__(self) -> None:
        for name, longest in (("who", 200), ("reason", 1000)):
            told = getattr(self, name)
            if len(told) > longest or not told.isprintable() or told != told.strip():
                raise ValueError(f"{name}: write at most {longest} printable characters")
        if not self.who:
            raise ValueError("who: tell who does this")
        object.__setattr__(self, "at", from_ms(to_ms(self.at)))  # as the database keeps it
