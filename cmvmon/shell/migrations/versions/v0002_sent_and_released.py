"""When the message of a result was made, and whether a person let it be used; and every table that a program before the release did
not have yet. A new database has all of it from its first version."""

from alembic import op

from cmvmon.shell.migrations import frozen

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    frozen.add(op.get_bind(), revision)
