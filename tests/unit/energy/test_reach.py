"""State and revision of many rows: what one sweep tells is what looking at every cause would tell."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from energy.interval import QUARTER_MS
from energy.proof.cause import Cause
from energy.proof.knowledge import Frozen, cut
from energy.proof.month_lock import Lock
from energy.proof.past import AGAIN, BESIDE, Past, past_window
from energy.proof.reach import Count, Reach
from runtime.clock import from_ms, to_ms

SITE = "gdansk"
WINDOW = 8
LAST = 60
AT = from_ms(0)


def cause(first: int, until: int, known: int, kind: str) -> Cause:
    return Cause(1, SITE, kind, "w", "r", from_ms(known * QUARTER_MS), first, until)  # type: ignore[arg-type]


def lock(period: str, first: int, until: int, site: str = SITE) -> Lock:
    return Lock(site, period, first, until, AT, "Ola", "", "", "")


spans = st.tuples(st.integers(0, LAST), st.integers(1, 30)).map(lambda pair: (pair[0], sum(pair)))
causes = st.lists(
    st.tuples(spans, st.integers(0, 2 * LAST), st.sampled_from(AGAIN)).map(
        lambda told: cause(*told[0], told[1], told[2])
    ),
    max_size=12,
)
months = st.lists(st.integers(0, 2 * LAST), max_size=3).map(
    lambda known: tuple(
        Frozen(SITE, str(n), 20 * n + 4, 20 * n + 20, from_ms(at * QUARTER_MS)) for n, at in enumerate(known)
    )
)


@settings(max_examples=30)
@given(causes, months, spans)
def test_a_sweep_tells_what_looking_at_each_cause_tells(found, frozen, span):
    def parts(one: Cause) -> list[int]:
        if one.kind not in BESIDE:
            return list(range(one.first, one.until))
        pieces = cut(one.first, one.until, frozen, None)
        return [q for low, high, at in pieces if at is None or one.at <= at for q in range(low, high)]

    past = Past(WINDOW, 0, 2 * LAST, found, (), frozen, watermark=4 * LAST)
    touched = [(one, [q for q in parts(one) if span[0] <= q < span[1]]) for one in found]
    again = any(past_window(q, to_ms(one.at), WINDOW) for one, own in touched for q in own)
    assert past.state([SITE], span, 2 * LAST, proven=False) == ("restated" if again else "settled")
    assert past.beside([SITE, "other"], span) == sum(one.kind in BESIDE and bool(own) for one, own in touched)


def test_a_year_is_final_when_its_months_are_locked_at_every_site_and_not_before():
    whole = [lock("2026-01", 0, 31), lock("2026-02", 31, 59), lock("2026-03", 59, 90)]
    others = [lock(one.period, one.first - 4, one.until - 4, "kaunas") for one in whole]
    more = [*others, lock("2026-04", 86, 116, "kaunas")]

    def state(sites: list[str], locks: list[Lock], span: tuple[int, int] = (0, 90)) -> str:
        return Past(WINDOW, locks=locks, watermark=200).state(sites, span, 200, proven=True)

    assert state([SITE], whole) == state([SITE], whole, (10, 70)) == "final"
    assert state([SITE], [whole[0], whole[2]]) == state([SITE], whole, (10, 91)) == "settled"
    assert state([SITE, "kaunas"], [*whole, *others]) == "settled"
    assert state([SITE, "kaunas"], [*whole, *more]) == "final"
    assert Past(WINDOW, locks=whole, watermark=200).state([SITE], (0, 90), 200, proven=False) == "settled"


def test_many_rows_under_many_causes_are_told_by_few_steps():
    """A year of quarter-hours under thousands of causes: no row walks them all."""
    found = [cause(12 * n, 12 * n + 4, 40_000, "factor") for n in range(3000)]
    past = Past(WINDOW, 0, 36_000, found, watermark=50_000)
    told = [past.beside([SITE], (q, q + 1)) for q in range(36_000)]
    assert sum(told) == 12_000
    assert {past.state([SITE], (q, q + 1), 50_000, proven=False) for q in (0, 4)} == {"restated", "settled"}


def test_a_union_knows_what_it_covers_and_meets():
    union = Reach([(5, 8), (1, 3), (3, 5), (9, 9)])
    assert union.covers(1, 8)
    assert not union.covers(0, 3)
    assert not union.covers(7, 9)
    assert [union.meets(low, high) for low, high in ((0, 1), (0, 2), (7, 20), (8, 20))] == [
        False, True, True, False,
    ]  # fmt: skip
    assert not Reach().meets(0, 9)
    assert Count([[(0, 2), (4, 6)], [(1, 5)], []]).of(0, 5) == 2
