"""Who does something about certificates, when, and what proves it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Act:
    """``at`` is when it is entered here; ``document`` the statement, contract or letter that proves it."""

    who: str
    at: datetime
    document: str | None = None
    reason: str | None = None

    def __post_init__(self) -> None:
        if not self.who.strip():
            raise ValueError("who: tell who enters this")
        for name in ("who", "document", "reason"):
            told = getattr(self, name)
            if told is not None and (len(told) > 200 or not told.isprintable()):
                raise ValueError(f"{name}: write at most 200 printable characters")
