"""The token index knows spans of time; what belongs to a clue, and what is open, is found without looking at all."""

from pathlib import Path

from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Runs 0022_search.sql; the index of before goes."""
    for statement in Path(__file__).with_suffix(".sql").read_text().split(";\n"):
        if statement.strip():
            op.execute(statement)
