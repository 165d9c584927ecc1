"""What must be known of the broker session after a restart: that there is one, and what it subscribed to."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from runtime.files import replace_text


@dataclass(frozen=True)
class Remembered:
    """``topics`` that the broker's session of ``client_id`` at ``url`` holds.

    ``five`` tells that this broker has spoken MQTT 5 with us.
    """

    url: str
    client_id: str
    topics: tuple[str, ...]
    five: bool = False


def recall(path: Path) -> Remembered | None:
    """What :func:`remember` wrote, or None if there is nothing usable."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        topics = tuple(map(str, content["topics"]))
        return Remembered(content["url"], content["client_id"], topics, bool(content.get("five")))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def remember(path: Path, session: Remembered) -> None:
    """Write ``session`` so that a crash leaves either the old or the new content. Raises OSError."""
    replace_text(path, json.dumps(asdict(session)))
