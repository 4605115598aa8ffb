"""A colleague beside a call, who may take it over; files of scans that still hold something, by age."""

from pathlib import Path

from alembic import op

revision = "0020"
down_revision = "0015"


def upgrade() -> None:
    """Runs 0020_screens.sql; rows of before stay valid (expand only)."""
    for statement in Path(__file__).with_suffix(".sql").read_text().split(";\n"):
        if statement.strip():
            op.execute(statement)
