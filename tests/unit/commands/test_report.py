"""What people are told of a draft."""

from __future__ import annotations

import pytest

from commands.report import unsettled


@pytest.mark.parametrize(
    ("until", "said"),
    [
        (None, "nothing of it is settled yet"),
        ("2026-10-05T10:00:00+00:00", "it is settled until 2026-10-05T10:00:00+00:00"),
    ],
)
def test_a_draft_says_how_far_it_is_settled(until: str | None, said: str) -> None:
    told = unsettled({"site": "gdansk", "period": "2026-10", "settled_until": until})
    assert told == f"gdansk 2026-10 is a draft: {said}; a running service settles what has ended"
