"""From when until when each entry of a site counts, where the configuration says so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from energy.configuration.metering import Dated
from energy.interval import QUARTER_MS
from runtime.clock import to_ms

if TYPE_CHECKING:
    from energy.configuration.site import SiteOptions

DATED = ("meter", "supply", "cooling", "heat", "water", "virtual")
"""The tables of a site whose entries may say from when until when they are valid."""

_EVER = 2**31 - 1


def begins(entry: Dated) -> int | None:
    """The quarter from which ``entry`` says that it is valid; None if it does not."""
    return None if entry.valid_from is None else to_ms(entry.valid_from) // QUARTER_MS


def ends(entry: Dated) -> int:
    """The quarter up to which ``entry`` is valid; what was not said is for ever."""
    return _EVER if entry.valid_until is None else to_ms(entry.valid_until) // QUARTER_MS


def dates(site: SiteOptions) -> set[int]:
    """The quarters at which some entry of ``site`` says that it begins or ends."""
    entries = [one for table in DATED for one in getattr(site, table)]
    told = {quarter for one in entries if (quarter := begins(one)) is not None}
    return told | {ends(one) for one in entries if one.valid_until is not None}


def within(site: SiteOptions, quarter: int) -> SiteOptions:
    """``site`` with the entries that are valid in ``quarter`` by what they say themselves."""
    return site.model_copy(
        update={
            table: tuple(one for one in getattr(site, table) if (begins(one) or 0) <= quarter < ends(one))
            for table in DATED
        }
    )


def valid_at(site: SiteOptions, quarter: int) -> SiteOptions:
    """:func:`within`, or ``site`` itself if nothing in it is dated."""
    return within(site, quarter) if dates(site) else site


def stages(site: SiteOptions) -> Iterator[SiteOptions]:
    """What ``site`` is at one time after the other, earliest first; itself if nothing in it is dated."""
    at = sorted(dates(site))
    if not at:
        yield site
        return
    for quarter in (at[0] - 1, *at):
        yield within(site, quarter)


@dataclass(frozen=True)
class Version:
    """``site`` as it was configured from quarter ``since`` on, by what was noted."""

    since: int
    site: SiteOptions


def resolved(versions: Sequence[Version], quarter: int) -> SiteOptions:
    """What a site with these ``versions``, in the order in which they were noted, was in ``quarter``.

    An entry counts from the time that it says, or from when its version was noted; before that, what an
    earlier version said of it. Of two that speak of one quarter the later counts.
    """
    latest = max((n for n, version in enumerate(versions) if version.since <= quarter), default=0)
    base = versions[latest].site
    tables = {table: tuple(_entries(versions, table, (quarter, latest))) for table in DATED}
    return base.model_copy(update=tables)


def _entries(versions: Sequence[Version], table: str, at: tuple[int, int]) -> Iterator[Dated]:
    """The entries of one table: those of the version that holds first, in its order."""
    quarter, latest = at
    order = [latest, *(n for n in range(len(versions)) if n != latest)]
    names = dict.fromkeys(one.id for n in order for one in getattr(versions[n].site, table))
    for name in names:
        found = _entry(versions, table, name, quarter)
        if found is not None:
            yield found


def _entry(versions: Sequence[Version], table: str, name: str, quarter: int) -> Dated | None:
    for version in reversed(versions):
        entry: Dated | None = next((o for o in getattr(version.site, table) if o.id == name), None)
        if entry is None:
            if quarter >= version.since:
                return None
            continue
        if quarter >= ends(entry):
            return None
        first = begins(entry)
        if quarter >= (version.since if first is None else first):
            return entry
    return None
