"""The API against its own description, by generated questions; and the page that shows it."""

from __future__ import annotations

import asyncio
import re
from dataclasses import fields
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from alerts.board import Alert, Delivery, Transition
from dashboards.server import WebServer
from energy.figures import KpiRow, LedgerRow
from reports.report import ReportEntry
from telemetry.status import JournalStatus, StoreStatus
from tests.fakes.house import FakeHouse
from tests.integration.dashboards.conftest import client

EXAMPLES = 8
"""Generated questions per operation: enough to find what breaks on odd text, few enough to stay quick."""

ENDLESS = "/api/v1/stream"

UNTOLD = {"parts", "covered"}
"""What a row carries for the page Why and for the EU data set; the API tells neither."""

CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


async def test_answers_keep_to_the_description(fake: FakeHouse, server: WebServer) -> None:
    asked = await asyncio.to_thread(question_all, server.url, fake.tokens["operator"])
    assert {"GET /api/v1/series", "GET /api/v1/kpi", "POST /api/v1/alerts/{alert_id}/ack"} <= asked.keys()
    assert min(asked.values()) >= 1
    assert sum(asked.values()) > 100


def question_all(url: str, token: str) -> dict[str, int]:
    """Ask every operation generated questions and check each answer; how many each was asked."""
    headers = {"Authorization": f"Bearer {token}"}
    schema = schemathesis.openapi.from_url(f"{url}/api/openapi.json", headers=headers)
    asked: dict[str, int] = {}
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.path != ENDLESS:
            name = f"{operation.method.upper()} {operation.path}"
            asked[name] = question(operation, url, headers)
    return asked


def question(operation: Any, url: str, headers: dict[str, str]) -> int:
    """Ask one operation; how often."""
    asked = 0

    @settings(
        max_examples=EXAMPLES,
        database=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def ask(case: Any) -> None:
        nonlocal asked
        asked += 1
        response = case.call(base_url=url, headers=headers)
        case.validate_response(response, checks=CHECKS)

    ask()
    return asked


async def test_the_page_shows_every_call_and_asks_no_other_host(fake: FakeHouse, server: WebServer) -> None:
    async with client(server, fake.tokens["viewer"]) as viewer:
        page = (await viewer.get("/api/docs")).text
        schema = (await viewer.get("/api/openapi.json")).json()
        style = await viewer.get("/api/docs.css")
    for path in schema["paths"]:
        assert f"<code>{path}</code>" in page
    for field in ("rows[].hourly_matched", "rows[].withheld", "journal.limit_bytes", "as_of"):
        assert f"<code>{field}</code>" in page
    loaded = re.findall(r'(?:src|href)="([^"#]+)"', page)
    assert loaded
    assert [url for url in loaded if not url.startswith(("/", "data:,"))] == []
    assert "<script" not in page
    assert " style=" not in page
    assert style.headers["content-type"].startswith("text/css")
    assert "url(" not in style.text
    assert "@import" not in style.text


async def test_answers_are_described_by_the_values_they_hold(fake: FakeHouse, server: WebServer) -> None:
    async with client(server, fake.tokens["viewer"]) as viewer:
        schemas = (await viewer.get("/api/openapi.json")).json()["components"]["schemas"]
        one = (await viewer.get("/api/v1/alerts/1")).json()
        stores = (await viewer.get("/api/v1/ingest")).json()["stores"]
    for held in (Alert, Delivery, Transition, KpiRow, LedgerRow, ReportEntry, JournalStatus, StoreStatus):
        names = [field.name for field in fields(held) if field.name not in UNTOLD]
        described = schemas[held.__name__]
        assert list(described["properties"]) == names
        # Also those that have a default are in every answer.
        assert described["required"] == names
    assert set(one["alert"]) == set(schemas["Alert"]["required"])
    assert set(one["deliveries"][0]) == set(schemas["Delivery"]["required"])
    assert set(stores[0]) == set(schemas["StoreStatus"]["required"])
    assert schemas["KpiRow"]["properties"]["start"]["format"] == "date-time"


async def test_the_description_is_complete(fake: FakeHouse, server: WebServer) -> None:
    async with client(server, fake.tokens["viewer"]) as viewer:
        schema = (await viewer.get("/api/openapi.json")).json()
    assert "422" not in str(schema["paths"])
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            assert operation.get("description"), (method, path)
            errors = operation["responses"]["default"]["content"]
            assert set(errors) == {"application/problem+json"}, (method, path)
