"""Where Alembic begins: it runs on the connection that :func:`weft.store.migrations.run` gives."""

from alembic import context

from weft.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
