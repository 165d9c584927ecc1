"""What an API call asks for: every parameter known, or refused with the fix."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from dashboards.house import House
from dashboards.problem import Problem
from dashboards.times import parse_time
from energy.figures import ALL
from energy.interval import Period


class Asked(BaseModel):
    """Base of every set of parameters: one that is not known is an error, not ignored."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class Told(BaseModel):
    """Base of every answer that holds values of the rooms below as they are: all their fields are there."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)


def time(house: House, name: str, text: str) -> datetime:
    """The time that parameter ``name`` tells. Raises Problem 400."""
    try:
        return parse_time(text, house.clock.now())
    except ValueError as error:
        raise Problem(400, f"{name}: {error}", name) from None


def period(house: House, start: str, end: str, longest: timedelta) -> Period:
    """``from`` to ``to``. Raises Problem 400 when it is empty, backwards or longer than ``longest``."""
    found = Period(time(house, "from", start), time(house, "to", end))
    if found.end <= found.start:
        raise Problem(400, f"to: {end!r} is not after from = {start!r}", "to")
    if found.end - found.start > longest:
        raise Problem(400, f"from: ask for at most {longest.days} days at once", "from")
    return found


def site(house: House, key: str) -> str:
    """A configured site's key, or ``all``. Raises Problem 400 that names them."""
    known = [*house.sites, ALL]
    if key not in known:
        raise Problem(400, f"site: there is no {key[:60]!r}; choose from {', '.join(known)}", "site")
    return key


def sites(house: House, key: str) -> list[str]:
    """The keys of the sites that ``key`` means: all of them for ``all``. Raises Problem 400."""
    return list(house.sites) if site(house, key) == ALL else [key]


def as_of(house: House, text: str | None) -> datetime | None:
    """What was known then; None means now. Raises Problem 400."""
    return None if text is None else time(house, "as_of", text)


def json(body: object) -> Response:
    """``body`` as JSON, NaN as null; for answers too large to pass through models."""
    return Response(msgspec.json.encode(body), media_type="application/json")
