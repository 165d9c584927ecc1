"""What each answer of each generation means, after their documentation and source."""

from __future__ import annotations

import json

import pytest

from telemetry.influx.answer import Answer, Verdict


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (204, Verdict.STORED),
        (200, Verdict.STOP),
        (201, Verdict.STOP),
        (302, Verdict.STOP),
        (400, Verdict.BAD),
        (401, Verdict.STOP),
        (403, Verdict.STOP),
        (404, Verdict.STOP),
        (413, Verdict.LARGE),
        (422, Verdict.BAD),
        (429, Verdict.AGAIN),
        (500, Verdict.ILL),
        (502, Verdict.AGAIN),
        (503, Verdict.AGAIN),
        (504, Verdict.AGAIN),
    ],
)
def test_verdicts(status: int, verdict: Verdict) -> None:
    assert Answer(status).verdict is verdict


def test_created_is_stored_where_it_is_documented() -> None:
    assert Answer(201, creates=True).verdict is Verdict.STORED


def test_a_web_page_is_no_success_whatever_its_status() -> None:
    assert Answer(201, content_type="text/html", creates=True).verdict is Verdict.STOP
    assert Answer(204, content_type="text/html; charset=utf-8").verdict is Verdict.STOP
    assert "check url and generation" in Answer(200, "<html>", "text/html").told


def test_what_a_person_must_mend_is_named() -> None:
    assert "token_file" in Answer(401, '{"error":"authorization failed"}').told
    assert "create the bucket" in Answer(404, "bucket not found").told
    assert len(Answer(400, "x" * 9_999).told) < 400


LINES = ["m a=1 1", "m a=oops 2", "m a=3 3", "nonsense"]


def test_3x_names_lines_by_number() -> None:
    data = [
        {"original_line": LINES[1], "line_number": 2, "error_message": "invalid field value"},
        {"original_line": LINES[3], "line_number": 4, "error_message": "no fields"},
        {"original_line": "?", "line_number": 99, "error_message": "not one of ours"},
    ]
    body = json.dumps({"error": "partial write of line protocol occurred", "data": data})
    assert Answer(400, body).culprits(LINES) == {1: "invalid field value", 3: "no fields"}
    one = json.dumps({"error": "parsing failed", "data": data[0]})
    assert Answer(400, one).culprits(LINES) == {1: "invalid field value"}


@pytest.mark.parametrize("key", ["error", "message"])
def test_1x_and_2x_quote_lines(key: str) -> None:
    told = f"unable to parse '{LINES[1]}': invalid number\nunable to parse '{LINES[3]}': missing fields"
    found = Answer(400, json.dumps({key: told})).culprits(LINES)
    assert found == {1: "invalid number", 3: "missing fields"}


def test_all_dropped_means_all() -> None:
    body = '{"error":"partial write: points beyond retention policy dropped=4"}'
    assert set(Answer(400, body).culprits(LINES)) == {0, 1, 2, 3}
    assert Answer(400, body).culprits([*LINES, "m a=5 5"]) == {}


@pytest.mark.parametrize(
    "body", ["", "null", "[]", "{}", '{"data":7}', '{"data":["x"]}', "<html>", '{"error":{}}']
)
def test_odd_bodies_name_nobody(body: str) -> None:
    assert Answer(400, body).culprits(LINES) == {}
