"""From the configuration to a message source and to what understands its messages."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import collectors.decoders
import collectors.sources
from collectors.decoder import DECODERS, CountOf, Decoder, DecoderOptions, nobody_counted
from collectors.source import SOURCES, BrokerOptions, MessageSource
from telemetry.series import SeriesRegistry


def open_source(options: BrokerOptions, memory: Path | None = None) -> MessageSource:
    """The source that ``options.client`` names; it connects once its ``run()`` is started.

    ``memory`` is a file in which it may keep what a new process must know of the broker's session.
    """
    SOURCES.load(collectors.sources)
    return SOURCES[options.client].factory(options, memory=memory)


def known_decoder(name: str) -> str:
    """``name``, for validators of options. Raises ValueError with the names of all decoders."""
    DECODERS.load(collectors.decoders)
    return DECODERS.known(name)


def open_decoder(
    name: str, registry: SeriesRegistry, allow: Sequence[str] = (), counted: CountOf = nobody_counted
) -> Decoder:
    """The decoder called ``name``, which is :func:`known_decoder`; see :data:`DECODERS`."""
    return DECODERS[known_decoder(name)].factory(DecoderOptions(), registry, allow, counted)
