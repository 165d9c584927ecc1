"""Checks the signed documents of a site: signatures, order, and whether the rows are as they say."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from energy.interval import QUARTER_MS, Period
from energy.proof.basis import WORDS, differing_figures, load_basis
from energy.proof.difference import Difference, What
from energy.proof.document import Restatement, chained, parsed
from energy.proof.key import SigningKey
from energy.proof.knowledge import Restated
from energy.proof.line import Book
from energy.proof.month_lock import Lock
from energy.proof.proposal import figures_signed
from energy.proof.seal import Seal
from energy.reading.reader import LedgerFigures
from energy.reading.shelf import Shelf
from runtime.clock import from_ms
from runtime.database import Database
from runtime.errors import ServiceError

Paper = Lock | Restatement

_NAMED = 8
"""Figures of one month that are named; more are counted."""


class Papers:
    """The locks and restatements of one site; rows are given day by day, from the earliest on.

    ``what`` are the site and its newest cause when they were read: rows of later ones are not judged.
    """

    def __init__(
        self,
        what: tuple[str, int],
        key: SigningKey,
        locks: Sequence[Lock],
        restatements: Sequence[Restatement],
        seals: Sequence[Seal],
    ) -> None:
        (self._site, self._newest), self._key = what, key
        self._locks = {lock.period: lock for lock in locks}
        self._of: dict[str, list[Restatement]] = defaultdict(list)
        for one in restatements:
            self._of[one.period].append(one)
        self._hashes = {seal.number: seal.hash for seal in seals}
        self._damaged: set[str] = set()
        self._digests: dict[tuple[str, int], Any] = {}

    def signatures(self) -> Iterator[Difference]:
        """What was not signed as it reads, by period."""
        for period in sorted(self._of.keys() - self._locks.keys()):
            yield self._differs("lock", period, "was restated, but is not locked: the lock is gone")
        for period, lock in self._locks.items():
            before: Paper = lock
            yield from self._signed("lock", lock, _told_of_lock(lock))
            yield from self._anchored(lock)
            for number, one in enumerate(self._of[period], 1):
                told = {
                    "number": number,
                    "reason": one.reason,
                    "cause": one.cause,
                    "previous": chained(before),
                }
                yield from self._signed("restatement", one, {"kind": "restatement", **told})
                before = one

    def rows(self, book: Book) -> Iterator[Difference]:
        """Rows of ``book`` in a locked month that neither the lock nor a restatement knows of."""
        for period, lock in self._locks.items():
            if period in self._damaged:
                continue
            papers: list[Paper] = [lock, *self._of[period]]
            signed = {one.cause for one in self._of[period]}
            within = book.within(lock.first, lock.until)
            for paper in papers:
                at = (period, getattr(paper, "number", 0))
                digest = self._digests.setdefault(at, hashlib.sha256())
                within.add_content(digest, _through(paper))
            for row in within.between(_through(lock), self._newest):
                if row.cause not in signed:
                    _, meter, channel = book.keys[row.register]
                    start = from_ms(row.quarter * QUARTER_MS)
                    told = f"revision {row.revision} was written to the locked month {period}"
                    yield Difference(
                        self._site, "lock", told, f"{start:%Y-%m-%d}", meter, channel, start.isoformat()
                    )

    async def founded(self, database: Database) -> list[Difference]:
        """Documents of which something is another by now that they rest on beside the rows."""
        return [
            self._differs(what, paper.period, f"{WORDS[name]} are not those that it was signed with")
            for what, paper in self._sound()
            for name in await self._unlike(database, paper)
        ]

    async def figured(self, database: Database, figures: LedgerFigures) -> list[Difference]:
        """Months that now come to other figures than their newest document signed."""
        newest = {paper.period: (what, paper) for what, paper in self._sound()}
        figures = figures.reading(
            Shelf(database), Restated(self._site, "", None)
        )  # and nothing kept of before
        found = []
        for what, paper in newest.values():
            told, lock = figures_signed(paper), self._locks[paper.period]
            if told is None or self._site not in {**figures.sites, **await figures.departed()}:
                continue
            span = Period(from_ms(lock.first * QUARTER_MS), from_ms(lock.until * QUARTER_MS))
            (row,) = await figures.kpi(self._site, span)
            names = differing_figures(told, row)
            if names:
                more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
                words = f"it comes to other figures than were signed: {', '.join(names[:_NAMED])}{more}"
                found.append(self._differs(what, paper.period, words))
        return found

    def _sound(self) -> Iterator[tuple[What, Paper]]:
        """Every document that can be read, of a month the last one last."""
        for period, lock in self._locks.items():
            if period not in self._damaged:
                yield "lock", lock
                yield from (("restatement", one) for one in self._of[period])

    async def _unlike(self, database: Database, paper: Paper) -> list[str]:
        told, lock = parsed(paper.document).get("basis"), self._locks[paper.period]
        if told is None:
            return []
        month = (self._site, paper.period, (lock.first, lock.until))
        return (await load_basis(database, month, paper.at)).differing(told)

    def contents(self) -> Iterator[Difference]:
        """Months that do not read as was signed, once all of their rows were given."""
        for (period, number), digest in self._digests.items():
            paper: Paper = self._locks[period] if number == 0 else self._of[period][number - 1]
            what: What = "lock" if number == 0 else "restatement"
            if parsed(paper.document).get("content") != digest.hexdigest():
                yield self._differs(what, period, "the month does not read as it was signed")

    def _signed(self, what: What, paper: Paper, columns: Mapping[str, Any]) -> Iterator[Difference]:
        """Whether ``paper`` bears our signature, and its row says what the document does."""
        try:
            told = parsed(paper.document)
            if not self._key.exists() or self._key.name != paper.key:
                here = self._key.name if self._key.exists() else "no key"
                lacking = f"was signed by key {paper.key}, here is {here}: restore {self._key.path.name}"
                yield self._differs(what, paper.period, lacking)
            elif not self._key.signed(paper.document, paper.signature):
                yield self._differs(
                    what, paper.period, "its document was changed: the signature is not of it"
                )
        except ValueError:
            self._damaged.add(paper.period)
            yield self._differs(what, paper.period, "its document cannot be read")
            return
        except ServiceError as error:
            yield self._differs(what, paper.period, str(error))
            return
        same = {"site": paper.site, "period": paper.period, "who": paper.who, "at": paper.at.isoformat()}
        wrong = sorted(name for name, value in {**same, **columns}.items() if told.get(name) != value)
        if "through" not in told or wrong:
            self._damaged.add(paper.period)
            yield self._differs(what, paper.period, f"its row and its document differ: {', '.join(wrong)}")

    def _anchored(self, lock: Lock) -> Iterator[Difference]:
        """Whether the chain still holds the seal at which the month was locked."""
        if lock.period in self._damaged:
            return
        seal = parsed(lock.document).get("seal")
        if seal is not None and self._hashes.get(seal["number"]) != seal["hash"]:
            yield self._differs(
                "lock", lock.period, f"the chain is not the one of then: seal {seal['number']}"
            )

    def _differs(self, what: What, period: str, told: str) -> Difference:
        return Difference(self._site, what, f"{what} of {period}: {told}")


def _told_of_lock(lock: Lock) -> dict[str, Any]:
    return {"kind": "lock", "first": lock.first, "until": lock.until}


def _through(paper: Paper) -> int:
    return int(parsed(paper.document)["through"])
