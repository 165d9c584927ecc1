"""Where two accounts of what a site consisted of differ, and in what, in words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from energy.configuration.era import Era
from energy.configuration.metering import Dated
from energy.configuration.plan import UNDATED
from energy.configuration.site import SiteOptions
from energy.tree.dating import DATED

_WHEN = frozenset({"id", "valid_from", "valid_until"})
"""What names an entry or dates it: it says where the entry counts, not as what."""

_TOLD = 8
"""How many differences are told; more are counted."""


@dataclass(frozen=True)
class Altered:
    """In the quarters ``first <= q < until`` a site consisted of something else, as ``lines`` tell."""

    first: int
    until: int
    lines: tuple[str, ...]

    def in_words(self) -> str:
        """One line for people."""
        more = len(self.lines) - _TOLD
        return "; ".join(self.lines[:_TOLD]) + (f"; and {more} more" if more > 0 else "")


def altered(old: Sequence[Era], new: Sequence[Era], span: tuple[int, int]) -> list[Altered]:
    """The parts of ``span`` in which the ``new`` eras say otherwise than the ``old``, in time order.

    Dates of an entry alone are no difference: it counts as the same in the quarters that both give it.
    """
    first, until = span
    edges = {era.first for era in (*old, *new) if first < era.first < until}
    found: list[Altered] = []
    for low, high in pairwise(sorted({first, until, *edges})):
        lines = tuple(_between(_at(old, low), _at(new, low)))
        if lines and found and found[-1].until == low and found[-1].lines == lines:
            found[-1] = replace(found[-1], until=high)
        elif lines:
            found.append(Altered(low, high, lines))
    return found


def _at(found: Sequence[Era], quarter: int) -> Era:
    return next(era for era in found if era.meets(quarter, quarter + 1))


def _between(old: Era, new: Era) -> Iterator[str]:
    if old.absent != new.absent:
        yield "the site is there" if old.absent else "the site is not there"
        return
    if old.site is new.site:
        return
    for table in DATED:
        yield from _entries(table, getattr(old.site, table), getattr(new.site, table))
    yield from _options("", _kept(old.site), _kept(new.site))


def _entries(table: str, old: Sequence[Dated], new: Sequence[Dated]) -> Iterator[str]:
    before, after = ({one.id: one for one in entries} for entries in (old, new))
    for name in {**before, **after}:
        what = f"{table} {name!r}"
        if name not in before:
            yield f"{what} counts"
        elif name not in after:
            yield f"{what} does not count"
        elif before[name] != after[name]:
            told = (
                entry.model_dump(mode="json", exclude=set(_WHEN)) for entry in (before[name], after[name])
            )
            yield from _options(f"{what}: ", *told)


def _kept(site: SiteOptions) -> dict[str, object]:
    return site.model_dump(mode="json", include=set(UNDATED))


def _options(what: str, old: dict[str, object], new: dict[str, object]) -> Iterator[str]:
    for name, value in new.items():
        if value != old[name]:
            yield f"{what}{name} = {_plain(value)}, was {_plain(old[name])}"


def _plain(value: object) -> str:
    return "not set" if value is None else json.dumps(value, ensure_ascii=False)
