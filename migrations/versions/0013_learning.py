"""Classifiers learned from confirmed decisions, topics."""

from pathlib import Path

from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Runs 0013_learning.sql; rows of before stay valid (expand only)."""
    for statement in Path(__file__).with_suffix(".sql").read_text().split(";\n"):
        if statement.strip():
            op.execute(statement)
