"""Sketches of another version are found by an index, to be read anew."""

from pathlib import Path

from alembic import op

revision = "0018"
down_revision = "0019"


def upgrade() -> None:
    """Runs 0018_likeness.sql; rows of before stay valid (expand only)."""
    for statement in Path(__file__).with_suffix(".sql").read_text().split(";\n"):
        if statement.strip():
            op.execute(statement)
