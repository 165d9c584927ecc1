"""A store of its own name and option, in memory."""

from __future__ import annotations

from telemetry.store import STORES
from telemetry.stores.memory import MemoryOptions, MemoryStore


class ShelfOptions(MemoryOptions):
    """``[[store]] type = "shelf"``."""

    boards: int = 3


@STORES.add("shelf", ShelfOptions)
class Shelf(MemoryStore):
    """Implements :class:`telemetry.store.Store`."""
