"""What hangs below what: the parents of a site's meters and cooling units."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from energy.configuration.site import SiteOptions


class Ancestry:
    """The parent of every meter and cooling unit of a site; a loop is walked through once."""

    def __init__(self, site: SiteOptions) -> None:
        self.parents: Mapping[str, str | None] = {
            **{meter.id: meter.parent for meter in site.meter},
            **{unit.id: unit.parent for unit in site.cooling},
        }
        self._above: dict[str, list[str]] = {name: self._walked(name) for name in self.parents}
        self._below: dict[str, list[str]] = {}
        for name, above in self._above.items():
            for other in above:
                self._below.setdefault(other, []).append(name)

    def chain(self, name: str) -> list[str]:
        """``name``, its parent, and so on up to the root."""
        return [name, *self._above.get(name, ())]

    def above(self, name: str) -> list[str]:
        """All that ``name`` hangs below, nearest first."""
        return self._above.get(name, [])

    def below(self, name: str) -> list[str]:
        """All that hangs below ``name``, in the order of the configuration."""
        return self._below.get(name, [])

    def _walked(self, name: str) -> list[str]:
        found: dict[str, None] = {}
        at = self.parents.get(name)
        while at is not None and at != name and at not in found:
            found[at] = None
            at = self.parents.get(at)
        return list(found)
