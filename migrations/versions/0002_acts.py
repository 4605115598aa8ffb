"""The acts: determination, jurisdiction, groups, verification, calendar proposals, clocks that keep their history."""

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Adds the columns and tables of 0002_acts.sql; rows of before stay valid and get their holder."""
    for statement in Path(__file__).with_suffix(".sql").read_text().split(";\n"):
        if statement.strip():
            op.execute(statement)
