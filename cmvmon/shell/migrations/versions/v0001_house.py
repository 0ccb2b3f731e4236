"""The first version: every table of the store, as frozen beside this file."""

from alembic import op

from cmvmon.shell.migrations import frozen

revision = "0001"
down_revision = None


def upgrade() -> None:
    connection = op.get_bind()
    for statement in frozen.statements(revision, connection.dialect.name):
        connection.exec_driver_sql(statement)
