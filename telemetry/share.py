"""What of the world a process takes: all of it, or a part, beside other processes that take the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Share:
    """The part called ``name``; None is everything. Halls are taken as a whole or not at all.

    ``takes`` says of a source (its topic without ``dc/v1/``) whether it is told here, ``whole`` of a site
    whether all of its GPUs are. Stores may be shared: whatever is read from one may be another's.
    """

    name: str | None = None
    takes: Callable[[str], bool] | None = None
    whole: Callable[[str], bool] | None = None

    @property
    def everything(self) -> bool:
        """Whether nobody else takes anything."""
        return self.takes is None

    def has(self, source: str) -> bool:
        """Whether ``source`` is told here."""
        return self.takes is None or self.takes(source)

    def adds_up(self, place: Sequence[str]) -> bool:
        """Whether the GPUs of ``place`` (site, hall, rack, as far as it goes) are added up here."""
        if self.takes is None:
            return True
        if len(place) == 1:
            return self.knows(place[0])
        return self.has("/".join((*place[:2], "-", "-", "gpu")))

    def knows(self, site: str) -> bool:
        """Whether all GPUs of ``site`` are told here."""
        return self.whole is None or self.whole(site)


EVERYTHING = Share()
"""What a process takes that is alone."""
