"""How far the journal was followed, kept beside the data: the server itself has no room for it."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from runtime.errors import StoreError


@dataclass(frozen=True)
class Place:
    """``position`` in the journal up to which ``rows`` rows were sent to ``target`` (url and database).

    It is no proof that the server keeps them: that is what the follower's safety window is for.
    """

    target: str
    position: int = 0
    rows: int = 0


def read_place(path: Path, target: str) -> Place:
    """The place in ``path``; the start when there is none, or when it is of another target."""
    try:
        found = Place(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return Place(target)
    except (OSError, ValueError, TypeError) as error:
        raise StoreError(f"{path} is damaged ({error}): remove it, and the journal is sent again") from error
    return found if found.target == target else Place(target)


def write_place(path: Path, place: Place) -> None:
    """Replace the content of ``path`` so that a crash leaves the old or the new one. Raises StoreError."""
    draft = path.with_name(path.name + ".new")
    try:
        draft.write_text(json.dumps(asdict(place)), encoding="utf-8")
        os.replace(draft, path)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error}") from error
