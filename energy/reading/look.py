"""One look at the ledger: what a snapshot of the figures has seen, so that it is read and worked out once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Coroutine, Hashable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, Self, TypeVar

from energy.certificates.tally import Tally
from energy.configuration.estate import Estate
from energy.interval import QUARTER_MS, Period
from energy.proof.past import Past
from energy.reading.stand import Stand
from energy.reading.view import View, covers
from energy.settlement.revisions import QUARTERS_A_DAY
from energy.sums.columns import Columns
from runtime.clock import to_ms

LEAD = timedelta(days=32)
"""Read before the period of a look: whoever asks how a month stands asks from its first day on."""

_KEPT_ANSWERS = 64
"""An hour's questions about some targets and sites; who asks about a past hour again is content to wait."""

_DAY_MS = QUARTERS_A_DAY * QUARTER_MS

P = ParamSpec("P")
T = TypeVar("T")


@dataclass
class Look:
    """What was seen of each site: its stand, its widest view, and the answers given last; and of all sites.

    ``stamps`` tell which claims of certificates were seen, ``past`` what happened to figures of all sites.
    Every question about ``over`` is answered from one view of it, with :data:`LEAD` before it; without one,
    each question has a view of its own.
    """

    over: Period | None = None
    estate: Estate | None = None
    stands: dict[str, Stand] = field(default_factory=dict)
    views: dict[str, tuple[range, View]] = field(default_factory=dict)
    stamps: Mapping[str, int] | None = None
    certificates: dict[str, tuple[Period, Tally | None]] = field(default_factory=dict)
    mixed: dict[str, tuple[View, Columns]] = field(default_factory=dict)
    past: Past | None = None
    _answers: OrderedDict[Hashable, Any] = field(default_factory=OrderedDict)

    def view(self, site: str, days: range) -> View | None:
        """The view that was seen, if it holds ``days`` (numbers since 1970)."""
        seen, view = self.views.get(site, (range(0), None))
        return view if covers(seen, days) else None

    def see(self, site: str, days: range, view: View) -> None:
        """Remember the widest ``view``; of the narrow ones, the last."""
        if len(days) >= len(self.views.get(site, (range(0),))[0]):
            self.views[site] = days, view

    def holds(self, site: str, days: range) -> bool:
        """Whether ``days`` have been seen, or will be with the rest of the period."""
        return self.view(site, days) is not None or self.widened(days) != days

    def widened(self, days: range) -> range:
        """The days to read when ``days`` are asked for."""
        if self.over is None:
            return days
        first = to_ms(self.over.start - LEAD) // _DAY_MS
        until = -(-(to_ms(self.over.end) + _DAY_MS) // _DAY_MS)
        wide = range(first, until)
        if days.start < first <= days.stop <= until:
            return range(days.start, until)  # a battery is traced from the beginning of a month
        return wide if covers(wide, days) else days

    def answer(self, question: Hashable) -> Any | None:
        """What was answered to ``question``, if it was asked lately."""
        if question in self._answers:
            self._answers.move_to_end(question)
        return self._answers.get(question)

    def keep(self, question: Hashable, answer: Any) -> None:
        """Remember the ``answer``; the oldest is forgotten."""
        self._answers[question] = answer
        if len(self._answers) > _KEPT_ANSWERS:
            self._answers.popitem(last=False)


class Looking(Protocol):
    """Who answers questions, one by one or several from one look."""

    _look: Look | None

    def snapshot(self) -> Self:
        """The same who answers all from one look."""
        ...


F = TypeVar("F", bound=Looking)


def at_once(
    ask: Callable[Concatenate[F, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[F, P], Coroutine[Any, Any, T]]:
    """``ask`` with a look of its own unless it is part of one: how all sites stand is read once."""

    @wraps(ask)
    async def asked(figures: F, /, *args: P.args, **named: P.kwargs) -> T:
        return await ask(figures.snapshot() if figures._look is None else figures, *args, **named)

    return asked
