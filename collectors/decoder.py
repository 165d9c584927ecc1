"""The contract of a payload format: messages in, columns out, never an exception."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from collectors.source import Message
from runtime.options import Options
from runtime.registry import Registry
from telemetry.batch import Batch
from telemetry.counted import Counted


class Decoder(Protocol):
    """Turns messages into rows. Whatever a publisher sends, nothing is raised: it is counted in the batch."""

    def decode(self, messages: Sequence[Message], batch: Batch, arrived_ms: int) -> None:
        """Append rows, statuses and rejections to ``batch`` and count the messages in ``batch.received``.

        ``arrived_ms`` (UTC milliseconds) stands for the time of messages that tell none.
        """
        ...


class DecoderOptions(Options):
    """A decoder has nothing to configure but which topics ``[ingest] allow`` lets in."""


CountOf = Callable[[str], Counted | None]
"""How far a publisher, by the name of its source, had counted before; None if nobody knows."""


def nobody_counted(_: str) -> Counted | None:
    """Of no publisher anything is known."""
    return None


DECODERS: Registry[Decoder] = Registry("decoder")
"""Payload formats by the name that ``[ingest] decoder`` uses, one file each in ``collectors/decoders``.

A factory is called with its options, the series registry, the MQTT filters of which a topic must match one
(without any, all topics of its format are let in), and with what tells how far publishers had counted.
"""
