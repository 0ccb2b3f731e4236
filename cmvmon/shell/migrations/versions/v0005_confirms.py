"""Whether a version only calls final what was preliminary. A new database has the column from its first version."""

from alembic import op

from cmvmon.shell.migrations import frozen

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    frozen.add(op.get_bind(), revision)
