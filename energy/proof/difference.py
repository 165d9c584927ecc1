"""What a check of the ledger's proof finds: where something is not as it was sealed or signed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

What = Literal["row", "seal", "cause", "lock", "restatement"]


@dataclass(frozen=True)
class Difference:
    """One thing that is not as it was: ``day`` is 2026-10-05 (UTC), ``start`` that of the interval, ISO 8601.

    What cannot be told is None. ``told`` says it in words.
    """

    site: str
    what: What
    told: str
    day: str | None = None
    meter: str | None = None
    channel: str | None = None
    start: str | None = None

    def in_words(self) -> str:
        """One line for people: where, then what."""
        places = (self.site, self.day, self.meter, self.channel, self.start)
        return f"{' '.join(place for place in places if place is not None)}: {self.told}"


@dataclass(frozen=True)
class Checked:
    """One check: how many ``seals`` and ``rows`` were recomputed, what differs, and where each chain ends.

    ``heads`` are number and hash of the last seal by site. ``left`` counts the differences that were found
    beyond those that are told.
    """

    at: datetime
    who: str
    seals: int
    rows: int
    differences: Sequence[Difference] = ()
    heads: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    left: int = 0

    @property
    def sound(self) -> bool:
        """Whether all is as it was sealed and signed."""
        return not self.differences

    def told(self) -> dict[str, Any]:
        """As JSON tells it."""
        return {
            "at": self.at.isoformat(),
            "who": self.who,
            "sound": self.sound,
            "seals": self.seals,
            "rows": self.rows,
            "differences": [asdict(one) for one in self.differences],
            "left_off": self.left,
            "heads": {
                site: {"number": number, "hash": digest} for site, (number, digest) in self.heads.items()
            },
        }
