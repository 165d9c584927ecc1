"""What hangs below what: the parents of a site's meters and cooling units."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from energy.site import SiteOptions


class Ancestry:
    """The parent of every meter and cooling unit of a site; a loop is walked through once."""

    def __init__(self, site: SiteOptions) -> None:
        self.parents: Mapping[str, str | None] = {one.id: one.parent for one in (*site.meter, *site.cooling)}

    def chain(self, name: str) -> Iterator[str]:
        """``name``, its parent, and so on up to the root."""
        seen: set[str] = set()
        at: str | None = name
        while at is not None and at not in seen:
            yield at
            seen.add(at)
            at = self.parents.get(at)

    def above(self, name: str) -> list[str]:
        """All that ``name`` hangs below, nearest first."""
        return list(self.chain(name))[1:]

    def below(self, name: str) -> list[str]:
        """All that hangs below ``name``, in the order of the configuration."""
        return [other for other in self.parents if name in self.above(other)]

    def children(self, name: str | None) -> list[str]:
        """What hangs directly below ``name``; of None, the roots."""
        return [other for other, parent in self.parents.items() if parent == name]
