"""A private member of a library, or an error that says at once that its newer version has none."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from runtime.errors import ServiceError


def member(owner: object, name: str, library: str) -> Any:
    """``owner.name``. Raises ServiceError, which ends the service, when ``library`` has changed it away.

    It is no SourceError: no reconnecting would mend it.
    """
    try:
        return getattr(owner, name)
    except AttributeError:
        raise ServiceError(
            f"{library} {version(library)} has no {type(owner).__name__}.{name}, which is used here;"
            " install the version that requirements.lock names, or choose another [broker] client"
        ) from None
