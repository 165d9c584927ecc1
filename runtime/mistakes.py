"""What pydantic found wrong in a table, as lines for people: place, what is wrong, fix."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pydantic import ValidationError


def told(error: ValidationError, prefix: str) -> Iterator[str]:
    """One line per mistake, each with its place below ``prefix``; what was written is not repeated."""
    for one in error.errors(include_url=False, include_context=False, include_input=False):
        where = prefix + dotted(one["loc"])
        text = "is not a known key; check its spelling" if one["type"] == "extra_forbidden" else one["msg"]
        yield f"{where.rstrip('.')}: {text.removeprefix('Value error, ')}"


def dotted(location: Sequence[int | str]) -> str:
    """``("sites", "gdansk", "meter", 2, "role")`` -> ``sites.gdansk.meter[2].role``."""
    dotted = ""
    for part in location:
        dotted += f"[{part}]" if isinstance(part, int) else f".{part}"
    return dotted.removeprefix(".")
