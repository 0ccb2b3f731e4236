"""Why a course was stopped. A new database has the column from its first version."""

from alembic import op

from cmvmon.shell.migrations import frozen

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    frozen.add(op.get_bind(), revision)
