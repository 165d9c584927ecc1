"""How far the journal was followed, kept beside the data: the server itself has no room for it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import structlog

from runtime.errors import StoreError
from runtime.files import replace_text

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Place:
    """``position`` in the journal up to which ``rows`` rows were sent to ``target`` (url and database).

    It is no proof that the server keeps them: that is what the follower's safety window is for.
    """

    target: str
    position: int = 0
    rows: int = 0


def read_place(path: Path, target: str) -> Place:
    """The place in ``path``; the start when there is none, when it is damaged or of another target.

    From the start all that the journal holds is sent again, which is more than is needed, and harmless.
    Raises StoreError when the file cannot be read.
    """
    try:
        found = Place(**json.loads(path.read_text(encoding="utf-8")))
        if not (isinstance(found.position, int) and isinstance(found.rows, int)):
            raise ValueError("position and rows are no numbers")
    except FileNotFoundError:
        return Place(target)
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error}") from error
    except (ValueError, TypeError) as error:
        log.warning(
            "place_damaged", path=str(path), error=str(error), sent_again="all that the journal holds"
        )
        return Place(target)
    return found if found.target == target else Place(target)


def write_place(path: Path, place: Place) -> None:
    """Replace the content of ``path`` so that a crash leaves the old or the new one. Raises StoreError."""
    try:
        replace_text(path, json.dumps(asdict(place)))
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error}") from error
