"""What must be known of the broker session after a restart: that there is one, and what it subscribed to."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Remembered:
    """``topics`` that the broker's session of ``client_id`` at ``url`` holds."""

    url: str
    client_id: str
    topics: tuple[str, ...]


def recall(path: Path) -> Remembered | None:
    """What :func:`remember` wrote, or None if there is nothing usable."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Remembered(content["url"], content["client_id"], tuple(map(str, content["topics"])))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def remember(path: Path, session: Remembered) -> None:
    """Write ``session`` so that a crash leaves either the old or the new content."""
    draft = path.with_name(path.name + ".new")
    draft.write_text(json.dumps(asdict(session)), encoding="utf-8")
    os.replace(draft, path)
