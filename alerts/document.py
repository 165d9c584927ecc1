"""A message as the JSON that machines get."""

from __future__ import annotations

import msgspec

from alerts.message import AlertMessage


def document(message: AlertMessage) -> bytes:
    """The message as JSON: all fields but the HTML, the content of attachments and who is to get it."""
    fields = msgspec.to_builtins(message)
    for name in ("html", "recipients", "refused"):
        del fields[name]
    fields["attachments"] = [a.name for a in message.attachments]
    return msgspec.json.encode(fields)
