"""Notices with parties, attempts with evidence, consent, tasks of people, local wordings, query codes."""

from pathlib import Path

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Adds the columns and tables of 0003_notices.sql; rows of before stay valid (expand only)."""
    for statement in Path(__file__).with_suffix(".sql").read_text().split(";\n"):
        if statement.strip():
            op.execute(statement)
