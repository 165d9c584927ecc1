"""The relational tables of the ledger's proof. Rows are only added, but for turns and what is pending."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, SmallInteger, Table

from runtime.database import Moment, Words, metadata

TURN = Table(
    "energy_turn",
    metadata,
    Column("name", Words(100), primary_key=True, comment="site:, grid: or certificates: and its key"),
    Column("newest", BigInteger, nullable=False, comment="newest stamp given in it, ms since 1970"),
)
"""One row a turn: whoever writes what belongs to it takes this row first, so that nobody else does."""

CAUSE = Table(
    "energy_cause",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("site", Words(64), nullable=False),
    Column("kind", Words(16), nullable=False),
    Column("who", Words(100), nullable=False),
    Column("reason", Words, nullable=False),
    Column("at", Moment, nullable=False),
    Column("first", Integer, nullable=False, comment="first quarter that it touches"),
    Column("until", Integer, nullable=False, comment="the quarter after the last"),
    Index("ix_energy_cause_site_kind_until", "site", "kind", "until"),
)
"""Why figures came to be what they are; ``energy_ledger.cause`` names one of each row."""

SEAL = Table(
    "energy_seal",
    metadata,
    Column("site", Words(64), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False, comment="1, 2, 3 without a gap"),
    Column("day", Integer, nullable=False, comment="days since 1970, UTC"),
    Column("after", Integer, nullable=False, comment="holds the rows of causes beyond this one ..."),
    Column("through", Integer, nullable=False, comment="... up to this one"),
    Column("rows", Integer, nullable=False),
    Column("content", Words(64), nullable=False, comment="digest of the day as it then read"),
    Column("parts", Words, nullable=False, comment="JSON: digests by register and by quarter"),
    Column("causes", Words(64), nullable=False, comment="digest of the causes since the seal before"),
    Column("changes", Integer, nullable=False, comment="energy_change of the day when it was sealed"),
    Column("sealed_at", Moment, nullable=False),
    Column("previous", Words(64), nullable=False),
    Column("hash", Words(64), nullable=False),
)
"""One link of a site's chain: the rows of one day that no earlier link holds."""

LOCK = Table(
    "energy_lock",
    metadata,
    Column("site", Words(64), primary_key=True),
    Column("period", Words(7), primary_key=True, comment="2026-10"),
    Column("first", Integer, nullable=False),
    Column("until", Integer, nullable=False),
    Column("at", Moment, nullable=False),
    Column("who", Words(100), nullable=False),
    Column("document", Words, nullable=False, comment="canonical JSON, as it was signed"),
    Column("key", Words(16), nullable=False),
    Column("signature", Words(64), nullable=False),
)

PENDING = Table(
    "energy_pending",
    metadata,
    Column("register", Integer, primary_key=True, autoincrement=False),
    Column("quarter", Integer, primary_key=True, autoincrement=False),
    Column("site", Words(64), nullable=False, index=True),
    Column("amount", BigInteger),
    Column("quality", SmallInteger, nullable=False),
    Column("reason", Words),
    Column("cause", Integer, nullable=False, comment="why it would change"),
)
"""What the ledger would say of an interval in a locked month; the newest finding replaces the one before."""

WAITED = Table(
    "energy_waited",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("site", Words(64), nullable=False),
    Column("register", Integer, nullable=False),
    Column("quarter", Integer, nullable=False),
    Column("amount", BigInteger),
    Column("quality", SmallInteger, nullable=False),
    Column("reason", Words),
    Column("cause", Integer, nullable=False, comment="why it would have changed"),
    Column("ended_at", Moment, nullable=False, comment="replaced, as the ledger says, or restated"),
    Index("ix_energy_waited_site_quarter", "site", "quarter"),
)
"""What was in ``energy_pending`` and is no more: what waited at a time of the past."""

RESTATEMENT = Table(
    "energy_restatement",
    metadata,
    Column("site", Words(64), primary_key=True),
    Column("period", Words(7), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False, comment="1, 2, 3 without a gap"),
    Column("cause", Integer, nullable=False),
    Column("at", Moment, nullable=False),
    Column("who", Words(100), nullable=False),
    Column("reason", Words, nullable=False),
    Column("document", Words, nullable=False, comment="canonical JSON, as it was signed"),
    Column("key", Words(16), nullable=False),
    Column("signature", Words(64), nullable=False),
)

CHECK = Table(
    "energy_check",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("who", Words(100), nullable=False),
    Column("seals", Integer, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("found", Words, nullable=False, comment="JSON: the differences, and the end of each chain"),
)
"""What each check of the chain found."""
