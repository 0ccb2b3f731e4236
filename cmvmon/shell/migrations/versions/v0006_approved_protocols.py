"""Protocols that were tried on a site, and approved by a second person. A new database has the tables from its first version."""

from alembic import op

from cmvmon.shell.migrations import frozen

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    frozen.add(op.get_bind(), revision)
