"""Alarms, their timeline, silences, and the outbox; all of one decision is written in one transaction."""

from __future__ import annotations

from sqlalchemy import Column, Float, ForeignKey, Index, Integer, Table, text

from runtime.database import Moment, Words, metadata

alert = Table(
    "alert",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("key", Words(300), nullable=False),
    Column("rule", Words(100), nullable=False),
    Column("site", Words(100)),
    Column("severity", Words(10), nullable=False),
    Column("state", Words(20), nullable=False),
    Column("title", Words, nullable=False),
    Column("summary", Words, nullable=False),
    Column("advice", Words, nullable=False),
    Column("value", Float),
    Column("limit_value", Float),
    Column("unit", Words(20), nullable=False),
    Column("since", Moment, nullable=False),
    Column("ended", Moment),
    Column("fired_at", Moment, comment="null while it has only been pending"),
    Column("acknowledged_by", Words(200)),
    Column("acknowledged_at", Moment),
    Column("note", Words),
    Column("rev", Integer, nullable=False, comment="grows with every transition and command"),
    Column("link", Words, nullable=False),
    Column("evidence", Words, nullable=False, comment="JSON"),
    Column("episode", Words(100), nullable=False),
    Column("timer", Moment, comment="since when a delay runs"),
    Index("ix_alert_since", "since"),
    Index(
        "uq_alert_open",
        "key",
        unique=True,
        sqlite_where=text("state <> 'normal'"),
        postgresql_where=text("state <> 'normal'"),
    ),
)

alert_transition = Table(
    "alert_transition",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("alert_id", ForeignKey("alert.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("at", Moment, nullable=False),
    Column("before", Words(20), nullable=False),
    Column("after", Words(20), nullable=False),
    Column("who", Words(200), nullable=False),
    Column("note", Words),
)

alert_silence = Table(
    "alert_silence",
    metadata,
    Column("key", Words(300), primary_key=True),
    Column("until", Moment, nullable=False),
    Column("who", Words(200), nullable=False),
    Column("note", Words),
    Column("at", Moment, nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("key", Words(500), nullable=False, unique=True),
    Column("channel", Words(100), nullable=False),
    Column("kind", Words(10), nullable=False),
    Column("thread", Words(300), nullable=False, comment="messages of one thread go out in order"),
    Column("payload", Words, nullable=False, comment="the message as JSON"),
    Column("created_at", Moment, nullable=False),
    Column("due_at", Moment, comment="not before; null means at once"),
    Column("first_tried_at", Moment),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("owner", Words(100)),
    Column("lease_until", Moment),
    Column("delivered_at", Moment),
    Column("failed_at", Moment, comment="given up, or superseded"),
    Column("error", Words),
    Column("superseded_by", Integer, comment="the later message that was delivered instead"),
    Index(
        "ix_outbox_waiting",
        "channel",
        "id",
        sqlite_where=text("delivered_at IS NULL AND failed_at IS NULL"),
        postgresql_where=text("delivered_at IS NULL AND failed_at IS NULL"),
    ),
)

outbox_alert = Table(
    "outbox_alert",
    metadata,
    Column("outbox_id", ForeignKey("outbox.id", ondelete="CASCADE"), primary_key=True),
    Column("alert_id", ForeignKey("alert.id", ondelete="CASCADE"), primary_key=True, index=True),
)
