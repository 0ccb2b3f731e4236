"""How Alembic reaches the database: one connection, one transaction, so that a version is there whole or not at all."""

import sqlalchemy as sa
from alembic import context

engine = sa.create_engine(context.config.get_main_option("sqlalchemy.url") or "")
# sqlite3 would commit before DDL; with its own handling off, SQLite's transactional DDL holds a version together.
sa.event.listen(engine, "connect", lambda connection, _: setattr(connection, "isolation_level", None))
sa.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))

with engine.connect() as connection:
    context.configure(connection=connection, transactional_ddl=True)
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
engine.dispose()
