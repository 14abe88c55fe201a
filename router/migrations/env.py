"""Alembic's environment. The connection is handed in by `router.adapters.sql.migrate`, already in a transaction."""

from alembic import context

from router.adapters.sql.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,
    transactional_ddl=True,
    transaction_per_migration=False,
)
context.run_migrations()
