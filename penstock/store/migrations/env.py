"""Run by Alembic: applies the migrations on the connection that `database.open_database` hands over."""

from alembic import context

from penstock.store import schema

context.configure(connection=context.config.attributes["connection"], target_metadata=schema.METADATA)
context.run_migrations()
