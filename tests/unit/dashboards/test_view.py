"""What a page's URL asks for."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from alerts.verdict import Severity
from dashboards.view import View, month_name, month_named, parse, zone_of
from energy.figures import ALL
from tests.fakes.day import SITES


def test_defaults_need_no_query() -> None:
    view = parse({}, SITES)
    assert view == View()
    assert view.query() == ""
    assert view.keys(SITES) == ["gdansk", "kaunas"]


def test_a_view_is_of_every_site_or_of_one() -> None:
    assert parse({}, SITES).every_site
    one = parse({"site": "kaunas"}, SITES)
    assert not one.every_site
    assert one.keys(SITES) == ["kaunas"]
    assert parse({"site": ALL}, SITES).query() == ""


def test_everything_is_understood() -> None:
    view = parse(
        {"site": "kaunas", "theme": "dark", "kiosk": "1", "tab": "history", "severity": "high",
         "hour": "1791439200000"},
        SITES,
    )  # fmt: skip
    assert view.notes == ()
    assert (view.site, view.theme, view.kiosk, view.tab) == ("kaunas", "dark", True, "history")
    assert view.severity is Severity.HIGH
    assert view.hour == datetime(2026, 10, 8, 6, tzinfo=UTC)


def test_links_carry_site_theme_and_kiosk_and_nothing_else() -> None:
    view = parse({"site": "gdansk", "theme": "light", "kiosk": "1", "hour": "1791439200000"}, SITES)
    assert view.query() == "?site=gdansk&theme=light&kiosk=1"
    assert view.query(site=None, tab="history") == "?theme=light&kiosk=1&tab=history"


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ({"site": "atlantis"}, "atlantis"),
        ({"theme": "pink"}, "pink"),
        ({"kiosk": "yes"}, "yes"),
        ({"tab": "old"}, "old"),
        ({"severity": "bad"}, "bad"),
        ({"hour": "noon"}, "noon"),
        ({"hour": "9" * 30}, "9" * 30),
        ({"hour": "-99999999999999999"}, "-99999999999999999"),
    ],
)
def test_what_is_not_known_falls_back_and_is_noted(query: dict[str, str], word: str) -> None:
    view = parse(query, SITES)
    assert view == View()
    assert len(view.notes) == 1
    assert word in view.notes[0]


def test_a_house_with_one_site_shows_that_site_and_not_a_sum() -> None:
    only = {"gdansk": SITES["gdansk"]}
    assert parse({}, only).site == "gdansk"
    assert parse({"site": "all"}, only).site == "gdansk"
    assert zone_of("gdansk", only).key == "Europe/Warsaw"


def test_all_sites_are_told_in_utc() -> None:
    assert zone_of("all", SITES).key == "UTC"


def test_months_begin_in_the_zone() -> None:
    tz = SITES["gdansk"].tz
    period = month_named("2026-10", tz)
    assert period is not None
    assert period.start == datetime(2026, 9, 30, 22, tzinfo=UTC)
    assert month_name(period.start, tz) == "2026-10"
    assert month_named("2026-13", tz) is None
    assert month_named("../etc", tz) is None
