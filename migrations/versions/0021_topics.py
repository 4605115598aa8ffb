"""Clues by what they are about: the queue is narrowed to a topic."""

from pathlib import Path

from alembic import op

revision = "0021"
down_revision = "0018"


def upgrade() -> None:
    """Runs 0021_topics.sql; rows of before stay valid (expand only)."""
    for statement in Path(__file__).with_suffix(".sql").read_text().split(";\n"):
        if statement.strip():
            op.execute(statement)
