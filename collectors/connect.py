"""From the ``[broker]`` table to a message source."""

from __future__ import annotations

from pathlib import Path

import collectors.sources
from collectors.source import SOURCES, BrokerOptions, MessageSource


def open_source(options: BrokerOptions, memory: Path | None = None) -> MessageSource:
    """The source that ``options.client`` names; it connects once its ``run()`` is started.

    ``memory`` is a file in which it may keep what a new process must know of the broker's session.
    """
    SOURCES.load(collectors.sources)
    return SOURCES[options.client].factory(options, memory=memory)
