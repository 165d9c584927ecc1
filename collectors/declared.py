"""How often sources are said to speak: the periods of configured devices, and rules by topic."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from pydantic import field_validator

from collectors.topic import PREFIX, matcher
from runtime.options import Duration, Options


class CadenceOptions(Options):
    """One ``[[ingest.cadence]]``: each device whose topic matches ``topics`` sends one message ``every``."""

    topics: str
    every: Duration

    @field_validator("topics")
    @classmethod
    def _is_a_filter(cls, value: str) -> str:
        matcher(value)
        return value


def declared(
    rules: Sequence[CadenceOptions], periods: Mapping[str, timedelta]
) -> Callable[[str], timedelta | None]:
    """The period of a source by its name: the first rule that matches, else that of the configured device."""
    known = [(matcher(rule.topics), rule.every) for rule in rules]

    def period(source: str) -> timedelta | None:
        found = (every for matches, every in known if matches(PREFIX + source))
        return next(found, periods.get(source))

    return period
