"""What a mail says: the evidence with units and site time, the same digits as the page."""

from __future__ import annotations

from datetime import UTC, datetime

from alerts.board import AlertState
from alerts.compose import Composer
from alerts.route import Envelope
from tests.fakes.board import alert
from tests.fakes.figures import site

AT = datetime(2026, 10, 2, 22, tzinfo=UTC)
MISSED = alert(
    7,
    AT,
    title="Green target missed: green, 2 October 2026",
    summary="49.87 % at the end, the goal is 100.00 %",
    value=49.879,
    limit=100.0,
    unit="%",
    evidence={
        "start": "2026-10-01T22:00:00+00:00",
        "edc_wh": 13_459_000.0,
        "worst_hours": [
            {"start": "2026-10-02T03:00:00+00:00", "uncovered_wh": 234_600.0, "edc_wh": 3_190_000.0},
            {"start": "2026-10-02T04:00:00+00:00", "uncovered_wh": 134_600.0, "edc_wh": 3_190_000.0},
        ],
    },
)
COMPOSER = Composer({"gdansk": site()}, "https://dc.example")


def test_text_and_html_tell_value_limit_and_evidence_alike() -> None:
    message = COMPOSER.compose(Envelope("mail", "firing", (MISSED,)), AT)
    for body in (message.text, message.html):
        assert "49.87 %" in body
        assert "49.88" not in body
        assert "100.00 %" in body
        assert "2026-10-02 00:00 CEST" in body
        assert "13.459 MWh" in body
        assert "2026-10-02 05:00 CEST: 0.235 MWh of 3.190 MWh" in body
        assert "13459000" not in body


def test_a_message_about_several_alarms_leaves_the_evidence_to_their_pages() -> None:
    message = COMPOSER.compose(Envelope("mail", "firing", (MISSED, alert(8, AT))), AT)
    assert "Evidence" not in message.text + message.html


def test_the_end_of_a_missed_day_is_no_return_to_normal() -> None:
    over = alert(7, AT, title=MISSED.title, state=AlertState.RETURNED, ended=AT)
    message = COMPOSER.compose(Envelope("mail", "resolved", (over,)), AT)
    assert message.text.startswith("Over: Green target missed: green, 2 October 2026")
    assert "normal" not in message.html.lower().replace("font-weight:normal", "")
