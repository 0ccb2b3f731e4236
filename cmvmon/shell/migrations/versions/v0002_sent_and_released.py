"""When the message of a result was made, and whether a person let it be used; and every table that a program before the release did
not have yet. A new database has all of it from its first version."""

import sqlalchemy as sa
from alembic import op

from cmvmon.shell.migrations import frozen
from cmvmon.shell.migrations.added import ADDED

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    connection = op.get_bind()
    inspector = sa.inspect(connection)
    for (table, column), types in ADDED[revision].items():
        if column not in {each["name"] for each in inspector.get_columns(table)}:
            connection.exec_driver_sql(f"ALTER TABLE {table} ADD COLUMN {column} {types[connection.dialect.name]}")
    frozen.complete(connection)
