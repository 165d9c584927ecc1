"""The handbook's list of vectors names tests that are there, one for each vector that is promised."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
LIST = ROOT / "docs" / "method" / "vectors.md"
PROMISED = {f"T{n}" for n in (1, 2, 3, 4, 5, 8, 9, 10, 12, 13, 15, 16, 17)} | {
    f"C{n}" for n in (1, 2, 3, 4, 6, 7, 8, 9, 12)
}
END_TO_END = {"C1", "C2", "C3", "C6", "C7"}
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def rows() -> list[tuple[str, str]]:
    """The cells of the first column of every table, and the rest of the row."""
    found = re.findall(r"^\| ([^|]+) \|(.*)\|$", LIST.read_text(encoding="utf-8"), re.MULTILINE)
    return [(first.strip(), rest) for first, rest in found]


def test_every_test_that_is_named_is_there() -> None:
    named = NAMED.findall(LIST.read_text(encoding="utf-8"))
    assert len(named) > len(PROMISED)
    for path, test in named:
        assert re.search(
            rf"^(async )?def {test}\(", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE
        ), test


def test_every_vector_has_tests_that_bear_its_name() -> None:
    vectors = [(vector, rest) for vector, rest in rows() if re.fullmatch(r"[TC]\d+", vector)]
    assert {vector for vector, _ in vectors} == PROMISED
    assert {vector for vector, rest in vectors if "end to end" in rest} == END_TO_END
    for vector, rest in vectors:
        tests = [test for _, test in NAMED.findall(rest)]
        assert tests, vector
        assert all(test.startswith(f"test_{vector.lower()}_") for test in tests), vector
