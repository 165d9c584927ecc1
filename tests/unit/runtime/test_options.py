"""Durations as people write them: bounded, and every other value answered with what to write."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from runtime.options import LONGEST, Duration, Options


class Patience(Options):
    """A table with a duration and a number."""

    wait: Duration = timedelta(0)
    factor: float = 1.0


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("1h30m", timedelta(minutes=90)),
        ("0.5s", timedelta(milliseconds=500)),
        (90, timedelta(seconds=90)),
        ("36500d", LONGEST),
        (timedelta(days=1), timedelta(days=1)),
    ],
)
def test_what_a_duration_means(written: Any, meant: timedelta) -> None:
    assert Patience.model_validate({"wait": written}).wait == meant


@pytest.mark.parametrize(
    ("duration", "written"),
    [
        (timedelta(days=400), "400d"),
        (timedelta(minutes=90), "1h30m"),
        (timedelta(milliseconds=1500), "1s500ms"),
        (timedelta(microseconds=1250), "1.25ms"),
        (timedelta(0), "0s"),
        (LONGEST, "36500d"),
    ],
)
def test_a_duration_is_told_as_it_is_written(duration: timedelta, written: str) -> None:
    assert Patience(wait=duration).model_dump(mode="json")["wait"] == written


@given(st.integers(0, LONGEST // timedelta(milliseconds=1)))
def test_what_is_told_of_a_duration_means_the_same_again(ms: int) -> None:
    told = Patience(wait=timedelta(milliseconds=ms)).model_dump(mode="json")
    assert Patience.model_validate(told).wait == timedelta(milliseconds=ms)


@pytest.mark.parametrize(
    "absurd",
    ["99999999999d", "9" * 400 + "d", "36501d", -1, 1e308, 10**400, float("nan"), float("inf"), -LONGEST],
)
def test_an_absurd_duration_names_key_and_largest_value(absurd: Any) -> None:
    with pytest.raises(ValidationError) as refused:
        Patience.model_validate({"wait": absurd})
    (problem,) = refused.value.errors()
    assert problem["loc"] == ("wait",)
    assert "is not between 0s and 36500d, the longest duration" in problem["msg"]
    assert len(problem["msg"]) < 200


@pytest.mark.parametrize("wrong", ["", "soon", "5", "-5s", "1e3s", "PT5M", [], {}, True, None, b"5s"])
def test_what_is_no_duration_is_answered_with_examples(wrong: Any) -> None:
    with pytest.raises(ValidationError, match=r"is not a duration; write for example 90s"):
        Patience.model_validate({"wait": wrong})


def test_numbers_are_finite() -> None:
    with pytest.raises(ValidationError, match="finite"):
        Patience.model_validate({"factor": float("inf")})
