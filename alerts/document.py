"""A message as the JSON that machines get."""

from __future__ import annotations

import msgspec

from alerts.message import AlertMessage


def document(message: AlertMessage) -> bytes:
    """The message as JSON: all fields but the HTML and the content of attachments."""
    fields = msgspec.to_builtins(message)
    del fields["html"]
    fields["attachments"] = [a.name for a in message.attachments]
    return msgspec.json.encode(fields)
