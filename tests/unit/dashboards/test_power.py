"""The course of power across a change of the configuration: each step by the meters of then."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest

from dashboards.panels.power import PowerHistory, power_history
from energy.configuration.site import SiteOptions
from energy.figures import ALL
from energy.interval import Period
from runtime.clock import from_ms
from telemetry.catalogue import METER
from tests.fakes.figures import SyntheticFigures
from tests.fakes.house import FakeHouse

END = datetime(2026, 10, 20, 12, 0, tzinfo=UTC)
BACK = timedelta(hours=2)
START = END - BACK
CHANGED = datetime(2026, 10, 20, 11, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
Parts = Mapping[str, Sequence[tuple[Period, SiteOptions]]]


class Changed(SyntheticFigures):
    """Figures of sites that were not always what they are: ``parts`` tell what they were when."""

    parts: Parts = MappingProxyType({})

    async def eras(self, site: str, period: Period) -> Parts:
        return {key: told for key, told in self.parts.items() if site in (key, ALL)}


def gdansk(*feeders: str, contracted_kw: float = 100.0) -> SiteOptions:
    """A site with these feeders, and a UPS."""
    meters = [{"id": name, "role": "utility"} for name in feeders]
    return SiteOptions.model_validate(
        {
            "name": "Gdańsk", "zone": "Europe/Warsaw", "grid": "PL", "contracted_kw": contracted_kw,
            "meter": [*meters, {"id": "ups-a", "role": "it", "category": "pue1"}],
        }
    )  # fmt: skip


@pytest.fixture
async def fake(tmp_path: Path) -> AsyncIterator[FakeHouse]:
    found = FakeHouse(tmp_path, now=END, sites={"gdansk": gdansk("main-2")})
    yield found
    await found.close()


async def reads(fake: FakeHouse, meter: str, span: tuple[datetime, datetime], watts: float) -> None:
    """A reading a minute from the first time on, up to the second."""
    site, name = meter.split("/")
    for number in range((span[1] - span[0]) // MINUTE):
        await fake.read(METER, (site, name), span[0] + number * MINUTE, power_w=watts)


def told(history: PowerHistory, name: str = "power_w") -> dict[datetime, float | None]:
    """One column of the chart by the starts of its steps."""
    return dict(zip(map(from_ms, history.t), history.as_json()[name], strict=True))


async def asked(fake: FakeHouse, site: str, parts: Parts) -> PowerHistory:
    figures = Changed(fake.sites, END)
    figures.parts = parts
    fake.figures = figures
    return await power_history(fake.house, site, END, BACK)


async def test_a_renamed_feeder_leaves_no_gap(fake: FakeHouse) -> None:
    """It is renamed at seven past eleven, and the roster tells it from the quarter on in which that was."""
    at = CHANGED + 7 * MINUTE
    await reads(fake, "gdansk/main-1", (START, at), 8000.0)
    await reads(fake, "gdansk/main-2", (at, END), 8000.0)
    before, since = Period(START, CHANGED), Period(CHANGED, END)
    history = await asked(fake, "gdansk", {"gdansk": [(before, gdansk("main-1")), (since, gdansk("main-2"))]})
    assert set(told(history).values()) == {8000.0}
    assert set(told(history, "power_w_min").values()) == {8000.0}
    assert history.limit_w == 100_000.0


async def test_a_second_feeder_counts_from_when_it_was_there(fake: FakeHouse) -> None:
    await reads(fake, "gdansk/main-1", (START, END), 8000.0)
    await reads(fake, "gdansk/main-2", (START, END), 500.0)
    before, since = Period(START, CHANGED), Period(CHANGED, END)
    parts = {"gdansk": [(before, gdansk("main-1")), (since, gdansk("main-1", "main-2"))]}
    course = told(await asked(fake, "gdansk", parts))
    assert {watts for at, watts in course.items() if at < CHANGED} == {8000.0}
    assert {watts for at, watts in course.items() if at >= CHANGED} == {8500.0}


async def test_a_feeder_that_was_silent_before_it_was_replaced_is_a_gap(fake: FakeHouse) -> None:
    silent = CHANGED - 30 * MINUTE
    await reads(fake, "gdansk/main-1", (START, silent), 8000.0)
    await reads(fake, "gdansk/main-2", (CHANGED, END), 8000.0)
    before, since = Period(START, CHANGED), Period(CHANGED, END)
    parts = {"gdansk": [(before, gdansk("main-1")), (since, gdansk("main-2"))]}
    course = told(await asked(fake, "gdansk", parts))
    assert [at for at, watts in course.items() if watts is None] == [
        silent + number * 5 * MINUTE for number in range(6)
    ]


async def test_a_site_that_has_left_is_in_the_sum_as_long_as_it_was_there(fake: FakeHouse) -> None:
    await reads(fake, "gdansk/main-2", (START, END), 8000.0)
    await reads(fake, "kaunas/main-1", (START, CHANGED), 2000.0)
    parts = {
        "gdansk": [(Period(START, END), gdansk("main-2"))],
        "kaunas": [(Period(START, CHANGED), gdansk("main-1"))],
    }
    course = told(await asked(fake, ALL, parts))
    assert {watts for at, watts in course.items() if at < CHANGED} == {10_000.0}
    assert {watts for at, watts in course.items() if at >= CHANGED} == {8000.0}


async def test_where_no_site_was_there_nothing_is_told(fake: FakeHouse) -> None:
    await reads(fake, "gdansk/main-2", (CHANGED, END), 8000.0)
    history = await asked(fake, "gdansk", {"gdansk": [(Period(CHANGED, END), gdansk("main-2"))]})
    course = told(history)
    assert {watts for at, watts in course.items() if at < CHANGED} == {None}
    assert {watts for at, watts in course.items() if at >= CHANGED} == {8000.0}
    assert not np.isnan(history.site[-1])


async def test_what_reports_every_quarter_hour_is_a_line_and_an_outage_a_gap(fake: FakeHouse) -> None:
    """The steps of the chart are five minutes long, and GPUs and meters may report less often."""
    quiet = (START + 45 * MINUTE, START + 80 * MINUTE)
    for number in range(9):
        at = START + number * 15 * MINUTE
        if not quiet[0] <= at < quiet[1]:
            await fake.read(METER, ("gdansk", "main-2"), at, power_w=8000.0 + 300 * number)
    history = await asked(fake, "gdansk", {"gdansk": [(Period(START, END), gdansk("main-2"))]})
    course = told(history)
    assert [course[START + n * 5 * MINUTE] for n in range(5)] == [8000.0, 8100.0, 8200.0, 8300.0, 8400.0]
    gap = [at for at, watts in course.items() if watts is None]
    assert gap == [START + n * 5 * MINUTE for n in (*range(7, 18), 22, 23)]
    least, most = told(history, "power_w_min"), told(history, "power_w_max")
    assert (least[START], most[START]) == (8000.0, pytest.approx(8080.0))
    assert most[START + 90 * MINUTE] is not None
