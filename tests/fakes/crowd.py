"""A house that is hard to show: twenty sites with names of 60 characters, one of them without a meter."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

from alerts.verdict import Severity
from energy.configuration.site import SiteOptions
from telemetry.catalogue import METER
from tests.fakes.board import MemoryBoard, alert
from tests.fakes.day import AT, SETTLED
from tests.fakes.figures import SyntheticFigures, site
from tests.fakes.house import PASSWORD, FakeHouse

COUNT = 20
BARE = "s07"
"""The site without a meter."""

UNBROKEN = "Rechenzentrumsenergieversorgungsüberwachungsgesellschaftsamt"
"""Sixty characters in which no line can be broken."""


def _name(number: int) -> str:
    return (
        UNBROKEN
        if number % 7 == 3
        else f"Campus {number:02d} of the Northern Baltic Sea Computing Company Ltd"
    )


SITES: dict[str, SiteOptions] = {
    f"s{n:02d}": site(_name(n), "Europe/Warsaw", "PL") for n in range(1, COUNT + 1)
}
SITES[BARE] = SITES[BARE].model_copy(update={"meter": (), "supply": ()})


@asynccontextmanager
async def crowded_house(folder: Path) -> AsyncIterator[FakeHouse]:
    """The house at :data:`tests.fakes.day.AT`; the operator ``jana`` may sign in."""
    fake = FakeHouse(folder, now=AT, sites=SITES)
    fake.figures = SyntheticFigures(SITES, SETTLED)
    for key in SITES:
        await fake.read(METER, (key, "main-1"), AT - timedelta(seconds=5), power_w=12e6)
    for number, severity in enumerate(Severity, start=1):
        found = alert(number, AT - timedelta(hours=number), site=f"s{number:02d}", severity=severity)
        title = f"Green target missed: {UNBROKEN.lower()}, October 2026" if number % 2 else _name(number)
        fake.board.put(
            type(found)(
                **{**vars(found), "title": title, "summary": f"{UNBROKEN} {_name(number)}", "fired_at": None}
            )
        )
    await fake.desk.issue("s03", "2026-09")
    await fake.desk.issue("all", "2026-09")
    await fake.database.create_all()
    await fake.users.create("jana", PASSWORD, "operator")
    try:
        yield fake
    finally:
        await fake.close()


@asynccontextmanager
async def bare_house(folder: Path) -> AsyncIterator[FakeHouse]:
    """One site without a meter, of which nothing was ever read, no alarm and no report."""

    class Silent(SyntheticFigures):
        async def began(self, site: str) -> None:
            return None

        async def settled_until(self, site: str, as_of: datetime | None = None) -> None:
            return None

    fake = FakeHouse(folder, now=AT, sites={BARE: SITES[BARE]})
    fake.figures = Silent(fake.sites, AT - timedelta(days=800))
    fake.board = MemoryBoard()
    await fake.database.create_all()
    await fake.users.create("jana", PASSWORD, "operator")
    try:
        yield fake
    finally:
        await fake.close()
