"""How Alembic reaches the database: one connection, one transaction, so that a version is there whole or not at all.

The transaction begins as every writer's does: who comes second waits, and finds the version that the first one made.
"""

from alembic import context

with context.config.attributes["engine"].connect() as connection:
    context.configure(connection=connection, transactional_ddl=True)
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
