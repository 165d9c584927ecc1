"""Every scenario leaves its account, which is shown whether it passed or not."""

from __future__ import annotations

import pytest

from tests.acceptance.chaos.record import ACCOUNT, Recorder, account


@pytest.fixture
def record(request: pytest.FixtureRequest) -> Recorder:
    """Keeps the account of the scenario."""
    return lambda count, told: request.node.user_properties.append((ACCOUNT, account(count, told)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show every account that was kept."""
    reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    lines = [
        f"{report.nodeid.rpartition('::')[2]}: {value}"
        for report in reports
        if report.when == "call"
        for name, value in report.user_properties
        if name == ACCOUNT
    ]
    if lines:
        terminalreporter.section("sent, acknowledged, stored")
        for line in lines:
            terminalreporter.write_line(line)
