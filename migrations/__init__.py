"""Alembic revisions of the relational state."""
