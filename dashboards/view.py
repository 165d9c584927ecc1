"""What a page's URL asks for, as one typed model: bad values become the default and a visible note."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal, Protocol, cast
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from alerts.verdict import Severity
from energy.configuration.site import SiteOptions
from energy.figures import ALL
from energy.interval import Period, month, month_of
from runtime.clock import from_ms, to_ms

Theme = Literal["system", "light", "dark"]
THEMES: tuple[Theme, ...] = ("system", "light", "dark")
KEPT = ("site", "theme", "kiosk")
"""What every link of a page carries along."""

Tab = Literal["active", "history"]
TABS: tuple[Tab, ...] = ("active", "history")


class Spanned(Protocol):
    """Whatever covers a span of time: a period, or a row of figures."""

    @property
    def start(self) -> datetime:
        """Where it begins."""
        ...

    @property
    def end(self) -> datetime:
        """Where it ends."""
        ...


@dataclass(frozen=True)
class View:
    """``site`` is a configured key or ``all``; ``severity`` and ``hour`` are None when not asked for.

    ``notes`` tell, in words for the person who opened the link, what was asked and could not be shown.
    """

    site: str = ALL
    theme: Theme = "system"
    kiosk: bool = False
    tab: Tab = "active"
    severity: Severity | None = None
    hour: datetime | None = None
    notes: tuple[str, ...] = field(default=(), compare=False)

    @property
    def every_site(self) -> bool:
        """Whether all sites are shown as one."""
        return self.site == ALL

    def query(self, **changes: str | None) -> str:
        """``?site=…`` for a link that keeps site, theme and kiosk; ``changes`` overrule, None removes."""
        kept: dict[str, str | None] = {
            "site": None if self.every_site else self.site,
            "theme": self.theme if self.theme != "system" else None,
            "kiosk": "1" if self.kiosk else None,
        }
        kept.update(changes)
        told = {key: value for key, value in kept.items() if value is not None}
        return f"?{urlencode(told)}" if told else ""

    def why(self, figure: str, period: Spanned, as_of: datetime | None = None) -> str:
        """Where a figure over ``period`` is explained, by the numbers, down to the registers."""
        asked = {"from": str(to_ms(period.start)), "to": str(to_ms(period.end))}
        known = {} if as_of is None else {"as_of": str(to_ms(as_of))}
        return f"/why/{quote(figure, safe='')}{self.query(**asked, **known)}"

    def of(self, site: str) -> View:
        """The same of another site."""
        return replace(self, site=site)

    def keys(self, sites: Mapping[str, SiteOptions]) -> list[str]:
        """The sites that this view shows, in configured order."""
        return list(sites) if self.every_site else [self.site]


def parse(query: Mapping[str, str], sites: Mapping[str, SiteOptions]) -> View:
    """The view that ``query`` asks for; what it does not know falls back and is noted, never an error."""
    notes: list[str] = []
    # With one site there is nothing to add up: "all" would only hide its name and its clock.
    home = next(iter(sites)) if len(sites) == 1 else ALL
    asked = query.get("site", home)
    return View(
        site=_one_of("site", asked if asked != ALL else home, [home, *sites], notes) or home,
        theme=cast(Theme, _one_of("theme", query.get("theme"), THEMES, notes) or "system"),
        kiosk=_one_of("kiosk", query.get("kiosk"), ("0", "1"), notes) == "1",
        tab=cast(Tab, _one_of("tab", query.get("tab"), TABS, notes) or "active"),
        severity=_severity(query.get("severity"), notes),
        hour=_hour(query.get("hour"), notes),
        notes=tuple(notes),
    )


def zone_of(site: str, sites: Mapping[str, SiteOptions]) -> ZoneInfo:
    """The zone in which figures of ``site`` are told; ``all`` is told in UTC, as its days and months are."""
    return ZoneInfo("UTC") if site == ALL else sites[site].tz


def month_named(name: str, tz: ZoneInfo) -> Period | None:
    """The month called ``2026-10`` in ``tz``, or None if there is no such month."""
    try:
        return month(name, tz)
    except ValueError:
        return None


def month_name(at: datetime, tz: ZoneInfo) -> str:
    """``2026-10`` for any time in October 2026, in ``tz``."""
    return month_of(at, tz).start.astimezone(tz).strftime("%Y-%m")


def _one_of(key: str, value: str | None, known: Iterable[str], notes: list[str]) -> str | None:
    if value is None or value == "":
        return None
    choices = list(dict.fromkeys(known))
    if value in choices:
        return value
    notes.append(f"There is no {key} “{value[:40]}”; choose from {', '.join(choices)}.")
    return None


def _severity(value: str | None, notes: list[str]) -> Severity | None:
    found = _one_of("severity", value, [s.value for s in Severity], notes)
    return None if found is None else Severity(found)


def _hour(value: str | None, notes: list[str]) -> datetime | None:
    if not value:
        return None
    try:
        ms = int(value)
        at = from_ms(ms - ms % 3_600_000)
    except (ValueError, OverflowError):
        notes.append(f"“{value[:40]}” is no hour; it is written in milliseconds since 1970.")
        return None
    return at
