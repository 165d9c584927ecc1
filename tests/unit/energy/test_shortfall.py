"""The worst hours of a period that grows are those of the whole, whatever arrives late."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from energy.figures import MixRow
from energy.interval import Period, Step
from energy.targets.shortfall import GrowingPeriod, uncovered_wh, worst_hours
from tests.fakes.figures import SyntheticFigures, night, site

START = datetime(2026, 9, 30, 22, tzinfo=UTC)
HOUR = timedelta(hours=1)
DARK = night(datetime(2026, 10, 3, tzinfo=UTC))


class Counted(SyntheticFigures):
    """Counts the hours that are read."""

    hours = 0

    async def mix(
        self, site: str, period: Period, step: Step | None = None, as_of: datetime | None = None
    ) -> list[MixRow]:
        if step is Step.HOUR:
            self.hours += (period.end - period.start) // HOUR
        return await super().mix(site, period, step, as_of)


def figures(until: datetime, windless: list[Period]) -> Counted:
    return Counted({"gdansk": site()}, until, windless=windless)


async def whole(until: datetime, windless: list[Period]) -> list[datetime]:
    hours = await figures(until, windless).mix("gdansk", Period(START, until), Step.HOUR)
    return [row.start for row in worst_hours(hours, 5)]


async def test_each_hour_is_read_once_and_the_worst_are_those_of_the_whole() -> None:
    growing, read = GrowingPeriod("gdansk", 5), 0
    for number in range(1, 120):
        until = START + number * HOUR
        for _quarter in range(2):
            told = figures(until, [DARK])
            found = await growing.worst(Period(START, until), told)
            read += told.hours
        assert [row.start for row in found] == await whole(until, [DARK])
    assert read == 119
    assert all(uncovered_wh(row) > 0 for row in found)


async def test_late_data_have_all_of_it_read_anew() -> None:
    growing, until = GrowingPeriod("gdansk", 5), START + 80 * HOUR
    before = await growing.worst(Period(START, until), figures(until, [DARK]))
    for later in (until, until + HOUR):
        after = await growing.worst(Period(START, later), figures(later, []))
        assert [row.start for row in after] == await whole(later, [])
        assert [row.start for row in after] != [row.start for row in before]


async def test_another_period_and_an_earlier_end_are_read_for_themselves() -> None:
    growing, until = GrowingPeriod("gdansk", 5), START + 80 * HOUR
    told = figures(until, [DARK])
    await growing.worst(Period(START, until), told)
    earlier = await growing.worst(Period(START, START + 30 * HOUR), told)
    assert [row.start for row in earlier] == await whole(START + 30 * HOUR, [DARK])
    day = await growing.worst(Period(START + 48 * HOUR, START + 72 * HOUR), told)
    assert all(START + 48 * HOUR <= row.start < START + 72 * HOUR for row in day)
