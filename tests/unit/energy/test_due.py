"""What is settled together: days of corrections, and longer stretches of what nobody settled yet."""

from __future__ import annotations

import pytest

from energy.configuration.device import devices
from energy.settlement.due import Job, Mark, jobs
from energy.settlement.readings import Span
from tests.unit.energy.plant import site

DAY = 96
FIRST = 20_000 * DAY + 10


def work(watermark: int | None, marked: Span, due: int, period: str = "60s") -> list[Job]:
    meters = [
        {"id": "main-1", "role": "utility", "period": period},
        {"id": "ups-a", "role": "it", "category": "pue1", "period": period},
    ]
    found = devices("gdansk", site(meter=meters))
    marks = [Mark("gdansk", (one.measurement.name, one.id), marked, 1, 1) for one in found]
    return jobs(found, marks, watermark, due, {})


@pytest.mark.parametrize("period", ["1s", "60s"])
def test_jobs_of_both_kinds_cover_every_quarter_once_for_all_devices(period: str) -> None:
    due, watermark = FIRST + 30 * DAY, FIRST + 12 * DAY
    for settled in (None, watermark):
        found = work(settled, Span(FIRST, due), due, period)
        assert [job.span.first for job in found] == [FIRST, *(job.span.until for job in found[:-1])]
        assert found[-1].span.until == due
        assert all([one.id for one in job.devices] == ["main-1", "ups-a"] for job in found)


def test_corrections_are_settled_day_by_day_and_what_is_new_in_stretches() -> None:
    due, watermark = FIRST + 30 * DAY, FIRST + 12 * DAY
    found = work(watermark, Span(FIRST, due), due)
    late = [job.span for job in found if job.span.first < watermark]
    new = [job.span for job in found if job.span.first >= watermark]
    assert {span.until - span.first for span in late[1:]} == {DAY}
    assert max(span.until - span.first for span in new) == 8 * DAY


def test_meters_that_report_often_are_settled_in_shorter_stretches() -> None:
    due = FIRST + 30 * DAY
    assert max(job.span.until - job.span.first for job in work(None, Span(FIRST, due), due, "1s")) == 2 * DAY
