"""What all requests of one application share: its house, and one reader of the live state."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from dashboards.house import House
from dashboards.now import Now


def house_of(request: Request) -> House:
    """The house that the application looks into."""
    house: House = request.app.state.house
    return house


def now_of(request: Request) -> Now:
    """The reader of the live state that pages, feed and API share."""
    now: Now = request.app.state.now
    return now


HouseHere = Annotated[House, Depends(house_of)]
"""Parameter type of routes that read from the house."""

NowHere = Annotated[Now, Depends(now_of)]
"""Parameter type of routes that show the present."""
