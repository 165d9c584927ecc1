"""The relational tables of users, their sessions and API tokens."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Integer, Table

from runtime.database import Moment, Words, metadata

users = Table(
    "users",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Words(64), nullable=False, unique=True),
    Column("role", Words(16), nullable=False),
    Column("password_hash", Words(256), nullable=False),
    Column("created_at", Moment, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("digest", Words(64), primary_key=True),
    Column("user_id", Integer, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False, index=True),
)

api_tokens = Table(
    "api_tokens",
    metadata,
    Column("prefix", Words(16), primary_key=True),
    Column("digest", Words(64), nullable=False),
    Column("name", Words(64), nullable=False),
    Column("role", Words(16), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("last_used_at", Moment, nullable=True),
    Column("revoked_at", Moment, nullable=True),
)
