"""Where a form or a link may lead."""

from __future__ import annotations

import pytest

from dashboards.security import own_path


@pytest.mark.parametrize("path", ["/", "/alarms?site=gdansk", "/reports/all/2026-09#top"])
def test_paths_of_ours_are_followed(path: str) -> None:
    assert own_path(path, "/alarms") == path


@pytest.mark.parametrize(
    "path", ["", "alarms", "https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere", "/a\r\nb"]
)
def test_whatever_leads_elsewhere_is_not(path: str) -> None:
    assert own_path(path) == "/"
    assert own_path(path, "/alarms") == "/alarms"
