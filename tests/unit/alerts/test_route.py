from __future__ import annotations

from typing import Any

import pytest

from alerts.options import AlertOptions
from alerts.route import Report, RouteOptions, Router

REPORT = Report("gdansk", "report/gdansk/2026-10")


def led(*routes: dict[str, Any]) -> list[str]:
    return Router([RouteOptions.model_validate(route) for route in routes], ["mail", "chat"]).channels_for(
        REPORT
    )


def test_without_routes_a_report_goes_to_all_channels() -> None:
    assert led() == ["mail", "chat"]


@pytest.mark.parametrize(
    ("match", "leads"),
    [
        ({}, True),
        ({"rule": "monthly_report"}, True),
        ({"severity": "low", "site": "gda*"}, True),
        ({"severity": ["critical", "high"]}, False),
        ({"rule": "monthly_report", "site": "kaunas"}, False),
    ],
)
def test_a_report_goes_where_the_routes_lead(match: dict[str, str], leads: bool) -> None:
    assert led({"match": match, "to": ["chat"]}) == (["chat"] if leads else [])


def test_a_channel_that_two_routes_name_gets_a_report_once() -> None:
    assert led({"to": ["chat"]}, {"match": {"severity": "low"}, "to": ["chat", "mail"]}) == ["mail", "chat"]


def test_a_route_may_name_the_report() -> None:
    tables = {"channel": [{"type": "mqtt", "name": "bus"}]}
    route = {"match": {"rule": "monthly_report"}, "to": ["bus"]}
    assert AlertOptions.model_validate({**tables, "route": [route]}).problems() == []
