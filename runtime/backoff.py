"""Exponential backoff with full jitter, so that a thousand clients do not return in step."""

from __future__ import annotations

import random
from dataclasses import dataclass, field


@dataclass
class Backoff:
    """Delays in seconds: up to ``first``, then twice that, up to ``ceiling``; :meth:`reset` on success."""

    first: float = 0.5
    ceiling: float = 60.0
    _attempt: int = field(default=0, init=False)

    def next(self) -> float:
        """The next delay: between half and all of the doubled step."""
        step = min(self.ceiling, self.first * 2.0**self._attempt)
        self._attempt += 1
        return step * random.uniform(0.5, 1.0)

    def reset(self) -> None:
        """Start again from ``first``."""
        self._attempt = 0
