"""The contract of a payload format: messages in, columns out, never an exception."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from collectors.source import Message
from telemetry.batch import Batch


class Decoder(Protocol):
    """Turns messages into rows. Whatever a publisher sends, nothing is raised: it is counted in the batch."""

    def decode(self, messages: Sequence[Message], batch: Batch, arrived_ms: int) -> None:
        """Append rows, statuses and rejections to ``batch`` and count the messages in ``batch.received``.

        ``arrived_ms`` (UTC milliseconds) stands for the time of messages that tell none.
        """
        ...
