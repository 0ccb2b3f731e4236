"""What was odd in the records of a delivery that are used. A new database has the columns from its first version."""

from alembic import op

from cmvmon.shell.migrations import frozen

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    frozen.add(op.get_bind(), revision)
