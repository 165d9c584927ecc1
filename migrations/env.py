"""How Alembic reaches the database: on the connection that :mod:`runtime.migrate` hands over."""

from __future__ import annotations

from alembic import context

from runtime.database import metadata
from runtime.migrate import differs

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    compare_type=differs,
    render_as_batch=True,  # SQLite alters tables only by making them anew
)
with context.begin_transaction():
    context.run_migrations()
