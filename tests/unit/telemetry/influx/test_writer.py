"""The sender's rule: store what can be stored, keep what cannot, stop where a person is needed."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from runtime.backoff import Backoff
from runtime.errors import StoreError
from telemetry.influx.answer import Answer
from telemetry.influx.deadletter import DeadLetters
from telemetry.influx.writer import ATTEMPTS, LineSender

OK = Answer(204)
LINES = [f"m v={n} {n}" for n in range(40)]


class FakeWire:
    """A server in memory: ``rule`` answers each request, and what it answers 204 to is stored."""

    def __init__(self, rule: Callable[[Sequence[str]], Answer]) -> None:
        self.rule = rule
        self.stored: list[str] = []
        self.requests = 0

    async def post(self, lines: Sequence[str]) -> Answer:
        self.requests += 1
        answer = self.rule(lines)
        if answer is OK:
            self.stored += lines
        return answer

    async def close(self) -> None:
        """Nothing to release."""


def sender(wire: FakeWire, folder: Path) -> tuple[LineSender, DeadLetters]:
    dead = DeadLetters(folder / "dead" / "influx.jsonl")
    return LineSender(wire, dead, "http://influx", Backoff(0.0, 0.0)), dead


def buried(dead: DeadLetters) -> list[tuple[str, str]]:
    if not dead.path.exists():
        return []
    return [(o["line"], o["reason"]) for o in map(json.loads, dead.path.read_text().splitlines())]


def troubled(*answers: Answer | Exception) -> Callable[[Sequence[str]], Answer]:
    waiting = list(answers)

    def rule(_lines: Sequence[str]) -> Answer:
        if not waiting:
            return OK
        answer = waiting.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return rule


async def test_all_at_once_when_all_is_well(tmp_path: Path) -> None:
    wire = FakeWire(troubled())
    lines, _ = sender(wire, tmp_path)
    await lines.send(LINES)
    await lines.send([])
    assert (wire.stored, wire.requests) == (LINES, 1)


@pytest.mark.parametrize(
    "trouble",
    [Answer(429), Answer(503, retry_after=0.0), Answer(500), TimeoutError(), ConnectionResetError()],
)
async def test_what_passes_is_waited_for(tmp_path: Path, trouble: Answer | Exception) -> None:
    wire = FakeWire(troubled(trouble, trouble))
    lines, dead = sender(wire, tmp_path)
    await lines.send(LINES)
    assert (wire.stored, wire.requests, dead.count) == (LINES, 3, 0)


@pytest.mark.parametrize("trouble", [Answer(503, "overloaded"), Answer(500, "overloaded")])
async def test_what_does_not_pass_is_told_and_nothing_is_buried(tmp_path: Path, trouble: Answer) -> None:
    wire = FakeWire(lambda _: trouble)
    lines, dead = sender(wire, tmp_path)
    with pytest.raises(StoreError, match=r"http://influx answered 50\d overloaded"):
        await lines.send(LINES)
    assert (wire.stored, dead.count) == ([], 0)
    assert wire.requests <= 3 * ATTEMPTS


async def test_an_unreachable_server_is_told(tmp_path: Path) -> None:
    wire = FakeWire(troubled(*[ConnectionRefusedError("refused")] * ATTEMPTS))
    lines, _ = sender(wire, tmp_path)
    with pytest.raises(StoreError, match="cannot be reached: refused"):
        await lines.send(LINES)


@pytest.mark.parametrize("status", [200, 401, 403, 404])
async def test_a_person_is_needed_at_once(tmp_path: Path, status: int) -> None:
    wire = FakeWire(lambda _: Answer(status))
    lines, dead = sender(wire, tmp_path)
    with pytest.raises(StoreError, match="check"):
        await lines.send(LINES)
    assert (wire.requests, dead.count) == (1, 0)


@pytest.mark.parametrize("status", [400, 422, 500])
async def test_a_line_that_nobody_names_is_found_by_halving(tmp_path: Path, status: int) -> None:
    poison = {LINES[0], LINES[17]}
    wire = FakeWire(lambda lines: Answer(status, "no") if poison & set(lines) else OK)
    lines, dead = sender(wire, tmp_path)
    await lines.send(LINES)
    assert set(wire.stored) == set(LINES) - poison
    assert buried(dead) == [(LINES[0], f"{status} no"), (LINES[17], f"{status} no")]
    assert wire.requests < 40


async def test_lines_that_are_named_are_taken_out_and_the_rest_is_sent(tmp_path: Path) -> None:
    named = {"line_number": 3, "error_message": "invalid column type"}
    body = json.dumps({"error": "parsing failed", "data": [named]})
    wire = FakeWire(troubled(Answer(400, body)))
    lines, dead = sender(wire, tmp_path)
    await lines.send(LINES)
    assert wire.stored == LINES[:2] + LINES[3:]
    assert (buried(dead), dead.count) == ([(LINES[2], "invalid column type")], 1)


async def test_too_large_is_halved_and_nothing_is_buried(tmp_path: Path) -> None:
    wire = FakeWire(lambda lines: OK if len(lines) <= 10 else Answer(413))
    lines, dead = sender(wire, tmp_path)
    await lines.send(LINES)
    assert (wire.stored, dead.count) == (LINES, 0)


async def test_when_no_more_can_be_kept_the_lines_wait_in_the_journal(tmp_path: Path) -> None:
    dead = DeadLetters(tmp_path / "influx.jsonl", limit_bytes=100)
    await dead.bury([LINES[0] * 20], "no")
    with pytest.raises(StoreError, match=r"influx\.jsonl .* move it away"):
        await dead.bury([LINES[1]], "no")
    assert (dead.count, [line for line, _ in buried(dead)]) == (1, [LINES[0] * 20])
    dead.path.unlink()
    await dead.bury([LINES[1]], "no")
    assert buried(dead) == [(LINES[1], "no")]


async def test_a_disk_that_takes_no_dead_letter_is_an_error_of_the_store(tmp_path: Path) -> None:
    (tmp_path / "dead").write_text("a file where a folder should be")
    lines, dead = sender(FakeWire(lambda _: Answer(400, "no")), tmp_path)
    with pytest.raises(StoreError, match="cannot be written"):
        await lines.send(LINES[:1])
    assert dead.count == 0


async def test_dead_letters_of_earlier_runs_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "influx.jsonl"
    await DeadLetters(path).bury(LINES[:3], "no")
    dead = DeadLetters(path)
    await dead.open()
    await dead.bury(LINES[3:5], "no")
    assert (dead.count, len(buried(dead))) == (5, 5)
