"""Saved and shared views, notes, mentions, phrases, who is looking, bulk acts with undo."""

from pathlib import Path

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Runs 0012_bench.sql; rows of before stay valid (expand only)."""
    for statement in Path(__file__).with_suffix(".sql").read_text().split(";\n"):
        if statement.strip():
            op.execute(statement)
