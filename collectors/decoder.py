"""The contract of a payload format: messages in, columns out, never an exception."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from collectors.source import Message
from runtime.options import Options
from runtime.registry import Registry
from telemetry.batch import Batch


class Decoder(Protocol):
    """Turns messages into rows. Whatever a publisher sends, nothing is raised: it is counted in the batch."""

    def decode(self, messages: Sequence[Message], batch: Batch, arrived_ms: int) -> None:
        """Append rows, statuses and rejections to ``batch`` and count the messages in ``batch.received``.

        ``arrived_ms`` (UTC milliseconds) stands for the time of messages that tell none.
        """
        ...


class DecoderOptions(Options):
    """A decoder has nothing to configure but which topics ``[ingest] allow`` lets in."""


DECODERS: Registry[Decoder] = Registry("decoder")
"""Payload formats by the name that ``[ingest] decoder`` uses, one file each in ``collectors/decoders``.

A factory is called with its options, the series registry, and the MQTT filters of which a topic must match
one; without any, all topics of its format are let in.
"""
