"""Templates to pages: the environment, what every page's frame needs, and the response."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from alerts.board import Alert
from alerts.verdict import Severity
from dashboards import numbers
from dashboards.handbook import section
from dashboards.here import house_of
from dashboards.house import House
from dashboards.panels import alarms
from dashboards.view import View, parse, zone_of
from runtime.clock import from_ms, to_ms

_TEMPLATES = Path(__file__).parent / "templates"

CATCHING_UP = timedelta(hours=2)
"""The ledger is settled and its rules are asked every quarter-hour: what is older than this is a past."""


LETTERS, NAME_ROOM = 48, 4
"""Letters that the names of sites may take in the head of a page, and what each takes beside its own."""


@dataclass(frozen=True)
class Frame:
    """What surrounds every page: who looks at what, since when, and what is wrong just now."""

    house: House
    view: View
    page: str
    at: datetime
    tz: ZoneInfo
    alerts: Sequence[Alert]
    loading: float | None
    user: Any
    csrf: str

    @property
    def chips(self) -> list[alarms.Chip]:
        """Active alarms by severity."""
        return alarms.chips(self.alerts)

    @property
    def place(self) -> str:
        """The name of the site shown, or that it is all of them."""
        return "all sites" if self.view.every_site else self.house.sites[self.view.site].name

    @property
    def side_by_side(self) -> bool:
        """Whether the names of all sites fit beside one another; else they are a menu."""
        return sum(len(site.name) + NAME_ROOM for site in self.house.sites.values()) <= LETTERS

    def behind(self, known: datetime) -> bool:
        """Whether what is known up to that time catches up with a past, and is not just awaited."""
        return self.at - known > CATCHING_UP

    @property
    def judged_until(self) -> datetime | None:
        """Up to when the targets have been judged while that is catching up; None once it has."""
        asked = self.house.rules.evaluations().get("green_target") if self.house.rules else None
        return asked[-1].at if asked and self.behind(asked[-1].at) else None

    @property
    def operator(self) -> bool:
        """Whether this person may act and not only look."""
        return self.user is not None and self.user.role == "operator"

    @property
    def zone_name(self) -> str:
        """``Europe/Warsaw`` or ``UTC``."""
        return self.tz.key


async def frame(request: Request, page: str) -> Frame:
    """The frame of ``page`` for this request, all of whose figures are from one look at the ledger."""
    house = house_of(request)
    house = replace(house, figures=house.figures.snapshot())
    view = parse(request.query_params, house.sites)
    return Frame(
        house=house,
        view=view,
        page=page,
        at=house.clock.now(),
        tz=zone_of(view.site, house.sites),
        alerts=await alarms.active_alarms(house, view),
        loading=house.history.loading(),
        user=getattr(request.state, "user", None),
        csrf=getattr(request.state, "csrf", ""),
    )


def draw(request: Request, template: str, *, status: int = 200, **context: Any) -> HTMLResponse:
    """Render ``template`` (``login.html``, ``error.html``, …) with ``context``.

    Pages inside the shell take ``frame``; the others get by on ``csrf`` and their own fields.
    """
    values = {
        "assets": request.app.state.assets,
        "csrf": getattr(request.state, "csrf", ""),
        **context,
    }
    return HTMLResponse(_ENVIRONMENT.get_template(template).render(values), status_code=status)


def _spark(values: Sequence[float | None], width: int = 120, height: int = 28) -> list[str]:
    """Polylines through ``values``, one per unbroken run; scaled to their own range."""
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return []
    low, high = min(known), max(known)
    span = (high - low) or abs(high) or 1.0
    step = width / max(1, len(values) - 1)
    lines: list[str] = []
    run: list[str] = []
    for index, value in enumerate([*values, None]):
        if value is None:
            if run:
                lines.append(" ".join(run if len(run) > 1 else run * 2))
            run = []
            continue
        run.append(f"{index * step:.1f},{height - 2 - (value - low) / span * (height - 4):.1f}")
    return lines


def _age(ms: float) -> str:
    """``4 s ago`` for a reading that is ``ms`` milliseconds old."""
    return f"{numbers.lapse(timedelta(milliseconds=ms))} ago"


def _clock(ms: int, tz: ZoneInfo) -> str:
    return numbers.moment(from_ms(ms), tz)


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        auto_reload=False,  # an upgrade under a running service must not mix new pages with old code
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=numbers.unbroken,  # whatever a page says, a figure keeps its unit beside it
    )
    environment.filters.update(
        power=numbers.power,
        energy=numbers.energy,
        mass=numbers.mass,
        share=numbers.share,
        ratio=numbers.ratio,
        count=numbers.count,
        counted=numbers.counted,
        size=numbers.size,
        quantity=numbers.quantity,
        lapse=numbers.lapse,
        brief=numbers.brief,
        plain=numbers.plain,
        moment=numbers.moment,
        stamp=numbers.stamp,
        zoned=numbers.zoned,
        ms=to_ms,
        age=_age,
        clock=_clock,
        spark=_spark,
        section=section,
    )
    environment.globals.update(severities=list(Severity), nothing=numbers.NOTHING)
    return environment


_ENVIRONMENT = _environment()
