"""The audit of a scenario sees each way in which minutes or completeness could be wrong."""

from __future__ import annotations

from collections import Counter

import msgspec
import numpy as np
import pytest

from simulator.frames import node_frames
from simulator.load_account import LoadAccount
from tests.acceptance.chaos.audit import wrong_minutes, wrong_sums
from tests.acceptance.chaos.completeness import Sums
from tests.acceptance.chaos.ledger import Ledger
from tests.acceptance.chaos.stored import MinuteRow

MINUTES, EACH = 3, 6
"""A message each ten seconds, for three minutes; the last one is not over."""

FIRST_MS = 1_800_000_000_000


@pytest.fixture
def account() -> LoadAccount:
    """One node whose every message was acknowledged."""
    account = LoadAccount("loadtest", 1, 10_000, MINUTES * EACH)
    account.first_ms, account.sent = FIRST_MS, MINUTES * EACH
    account.take(np.arange(account.sent))
    return account


@pytest.fixture
def ledger(account: LoadAccount) -> Ledger:
    """All of it is stored, once."""
    times = account.at_ms(np.arange(account.sent)).tolist()
    return Ledger(account, 1, [(account.topic(0), 0, at) for at in times])


def minutes(account: LoadAccount, count: int = EACH) -> list[MinuteRow]:
    """The rows of the two minutes that are over, of ``count`` readings the first."""
    raw = node_frames("loadtest", 1, 1)[0].raw
    power = msgspec.json.decode(raw[raw.index(b'{"ts":') :])["gpus"][0]["power_w"]
    told = ((0, count), (1, EACH))
    return [
        (account.topic(0), 0, FIRST_MS + minute * 60_000, power, power, power, float(readings))
        for minute, readings in told
    ]


def test_minutes_that_tell_what_was_sent_are_right(account: LoadAccount, ledger: Ledger) -> None:
    assert wrong_minutes(ledger, account, 1, minutes(account)) == []


@pytest.mark.parametrize("readings", [EACH - 1, EACH + 1])
def test_a_reading_more_or_less_is_seen(account: LoadAccount, ledger: Ledger, readings: int) -> None:
    assert len(wrong_minutes(ledger, account, 1, minutes(account, readings))) == 1


def test_a_minute_too_little_or_twice_or_not_sent_is_seen(account: LoadAccount, ledger: Ledger) -> None:
    first, second = minutes(account)
    later = (*first[:2], FIRST_MS + 3_600_000, *first[3:])
    assert len(wrong_minutes(ledger, account, 1, [second])) == 1
    assert len(wrong_minutes(ledger, account, 1, [first, second, first])) == 1
    assert len(wrong_minutes(ledger, account, 1, [first, second, later])) == 1


@pytest.mark.parametrize(("name", "more"), [("received", 1), ("rows", -1), ("missed", 1), ("repeated", 1)])
def test_a_message_counted_twice_or_not_at_all_is_seen(
    account: LoadAccount, ledger: Ledger, name: str, more: int
) -> None:
    told = {"received": account.sent, "duplicates": 0, "late": 0, "rejected": {}}
    told |= {"missed": 0, "unstamped": 0, "session_gaps": 0}
    mine = Counter({"received": account.sent, "rows": account.sent})
    sums: Sums = {account.topic(0).removeprefix("dc/v1/"): mine}
    assert wrong_sums(ledger, 1, told, sums) == []
    mine[name] += more
    assert wrong_sums(ledger, 1, told, sums)
