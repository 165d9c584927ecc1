"""What the rest of the house sees of what comes in: directly, or over what several processes share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from alerts.message import Publish
from alerts.reading import IngestView
from telemetry.completeness_lines import CompletenessView
from telemetry.live import LiveState
from telemetry.store import Store


class Waiting(Protocol):
    """What the broker kept while nobody listened, as :class:`telemetry.backlog.Backlog` tells."""

    @property
    def over(self) -> bool:
        """Whether nothing is known to be still on its way."""
        ...

    async def wait(self) -> None:
        """Return once nothing is known to be still on its way."""
        ...


@dataclass(frozen=True)
class Sight:
    """Handles to what is taken in. ``store`` is the one that is read.

    ``caught_up`` returns once store and marker have taken all that was acknowledged when it was asked;
    ``loading`` tells the share of a recorded past that is loaded, None when none is being loaded;
    ``completeness`` what came of each source.
    """

    store: Store
    live: LiveState
    ingest: IngestView
    publish: Publish
    backlog: Waiting
    caught_up: Callable[[], Awaitable[None]]
    loading: Callable[[], float | None]
    completeness: CompletenessView
