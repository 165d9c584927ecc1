"""Rollups: minutes as rows come in, hours and what came late from the store, in step with the journal.

``sink`` follows the journal, ``progress`` is what it has in hand. ``watermark`` says when minutes close;
``minutes`` and ``open_minute`` hold the open ones, as ``partial`` aggregates of their rows. ``dirty`` names
what came too late for that. ``repair`` mends it: by ``recompute`` from the store, or by ``merge`` once the
readings were given up (``release``); its questions are cut by ``scope``. ``state`` is what a restart needs to
know, ``coverage`` which rows can be read. ``groups`` adds up racks, halls and sites.
"""

from telemetry.rollups.sink import RollupOptions, Rollups

__all__ = ["RollupOptions", "Rollups"]
