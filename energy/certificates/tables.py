"""The relational tables of certificates: amounts are whole Wh, numbers of certificates include both ends."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Integer, SmallInteger, Table, UniqueConstraint

from runtime.database import Moment, Words, metadata

STAMP = Table(
    "certificate_stamp",
    metadata,
    Column("site", Words(64), primary_key=True),
    Column("changes", Integer, nullable=False, comment="how often what the site may claim has changed"),
)

EVERY = "*"
"""In the place of a site: what becomes of a plant's certificates concerns whoever buys of it, ever."""

FILE = Table(
    "certificate_file",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("registry", Words(16), nullable=False),
    Column("name", Words(200), nullable=False),
    Column("sha256", Words(64), nullable=False),
    Column("rows", Integer, nullable=False),
    Column("imported_at", Moment, nullable=False),
    Column("who", Words(64), nullable=False),
    UniqueConstraint("registry", "sha256"),
)

BUNDLE = Table(
    "certificate_bundle",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("registry", Words(16), nullable=False),
    Column("series", Words(64), nullable=False, comment="what stands before the last 15 digits"),
    Column("first", BigInteger, nullable=False, comment="the last 15 digits of the first number"),
    Column("last", BigInteger, nullable=False),
    Column("digits", SmallInteger, nullable=False, comment="to how many digits a number is written"),
    Column("certificate_wh", BigInteger, nullable=False, comment="Wh that each number stands for"),
    Column("volume_wh", BigInteger, nullable=False),
    Column("production_start", Moment, nullable=False),
    Column("production_end", Moment, nullable=False),
    Column("timed", Boolean, nullable=False, comment="produced within an hour or less"),
    Column("zone", Words(60), nullable=False, comment="bidding zone of the plant"),
    Column("country", Words(2)),
    Column("technology", Words(32), nullable=False),
    Column("plant", Words(200), nullable=False),
    Column("supply", Words(64), comment="the site's supply that this plant is; metered, so not added again"),
    Column("commissioned", Words(10), comment="ISO date"),
    Column("issued_at", Moment),
    Column("expires_at", Moment, nullable=False),
    Column("held_at", Moment, comment="on our account since; null: issued, but not to us yet"),
    Column("expired_at", Moment, comment="when it was entered that what is left of it has expired"),
    Column("file", Integer, nullable=False),
    Column("row", Integer, nullable=False, comment="line of the file"),
    Column("imported_at", Moment, nullable=False),
    Column("who", Words(64), nullable=False),
    UniqueConstraint("registry", "series", "first"),
)
"""Certificates with consecutive numbers, of one plant and one production period, as they were imported."""

PART = Table(
    "certificate_part",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("bundle", Integer, nullable=False, index=True),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("volume_wh", BigInteger, nullable=False),
    Column("site", Words(64), index=True, comment="null: sold or given away, it serves none of ours"),
    Column("grid", Words(60), comment="bidding zone of the site when it was allocated"),
    Column("period_start", Moment, comment="what consumption it is for"),
    Column("period_end", Moment),
    Column("made_at", Moment, nullable=False),
    Column("ended_at", Moment, comment="released: the numbers are free again"),
    Column("cancelled_at", Moment, comment="when the cancellation was entered here"),
    Column("cancelled_on", Moment, comment="when the registry cancelled it"),
    Column("statement", Words(200), comment="the registry's cancellation statement"),
    Column("revoked_at", Moment, comment="the cancellation turned out void"),
    Column("expired_at", Moment, comment="it expired before it was cancelled"),
)
"""Numbers of a bundle taken out of what is free. What is no longer open stays, for the past."""

EVENT = Table(
    "certificate_event",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("bundle", Integer, nullable=False, index=True),
    Column("part", Integer, comment="null: of the bundle as a whole"),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("kind", Words(16), nullable=False),
    Column("at", Moment, nullable=False, comment="when it was entered here"),
    Column("who", Words(64), nullable=False),
    Column("document", Words(200), comment="what proves it"),
    Column("reason", Words),
)
"""Append-only: everything that ever happened to a certificate."""
