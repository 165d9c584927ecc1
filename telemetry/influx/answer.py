"""What a server's answer to a write means: stored, try again, take lines out, or stop."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto

_STORED, _CREATED = 204, 201
_BAD = {400, 422}
_AGAIN = {429, 502, 503, 504}
_ILL = 500
_LARGE = 413
_LOGIN = {401, 403}
_MISSING = 404

_QUOTED = re.compile(r"unable to parse '(.*?)': ([^\n\"]*)", re.DOTALL)
_DROPPED = re.compile(r"dropped=(\d+)")
_LONGEST = 300


class Verdict(Enum):
    """What to do after a write was answered."""

    STORED = auto()
    AGAIN = auto()
    ILL = auto()  # 500: a server that is ill, or one line that makes it so
    BAD = auto()  # some line cannot be stored, now or ever
    LARGE = auto()
    STOP = auto()  # a person has to change something


@dataclass(frozen=True)
class Answer:
    """One HTTP answer to a write; ``creates`` if its server documents 201 as stored, as that of 2.x does."""

    status: int
    body: str = ""
    content_type: str = ""
    retry_after: float | None = None
    creates: bool = False

    @property
    def verdict(self) -> Verdict:
        """What it means. No other 2xx is a success: a 200 with a web page is another generation's path."""
        stored = self.status == _STORED or (self.creates and self.status == _CREATED)
        if stored and "html" not in self.content_type:
            return Verdict.STORED
        if self.status in _AGAIN:
            return Verdict.AGAIN
        if self.status in _BAD:
            return Verdict.BAD
        return {_ILL: Verdict.ILL, _LARGE: Verdict.LARGE}.get(self.status, Verdict.STOP)

    @property
    def told(self) -> str:
        """The answer in one line, for people."""
        text = " ".join(self.body.split())[:_LONGEST]
        hint = ""
        if self.status in _LOGIN:
            hint = "; check token_file, or user and password_file, and the right to write"
        elif self.status == _MISSING:
            hint = "; check database (2.x: create the bucket and set org) and generation"
        elif self.verdict is Verdict.STOP:
            hint = "; check url and generation"
        return f"{self.status} {text}".rstrip() + hint

    def culprits(self, lines: Sequence[str]) -> Mapping[int, str]:
        """Index of each line that the answer names, and the reason given; empty when it names none."""
        named = self._numbered(len(lines)) or self._quoted(lines)
        if named:
            return named
        dropped = _DROPPED.search(self.body)
        if dropped and int(dropped[1]) >= len(lines):
            return dict.fromkeys(range(len(lines)), self.told)
        return {}

    def _numbered(self, count: int) -> dict[int, str]:
        """InfluxDB 3: ``data`` is a list of line numbers from 1, or one such object."""
        try:
            data = json.loads(self.body)["data"]
        except (ValueError, KeyError, TypeError):
            return {}
        found = {}
        for entry in data if isinstance(data, list) else [data]:
            number = entry.get("line_number") if isinstance(entry, dict) else None
            if isinstance(number, int) and 1 <= number <= count:
                found[number - 1] = str(entry.get("error_message", "refused"))
        return found

    def _quoted(self, lines: Sequence[str]) -> dict[int, str]:
        """InfluxDB 1 and 2 quote each line that they cannot parse."""
        try:
            content = json.loads(self.body)
            text = str(content.get("error") or content.get("message") or "")
        except (ValueError, AttributeError):
            text = self.body
        reasons = dict(_QUOTED.findall(text))
        return {k: reasons[line] for k, line in enumerate(lines) if line in reasons} if reasons else {}
