"""When the first and the last running clock of a clue end, in its rows of the queue; a handler's open clues."""

from pathlib import Path

from alembic import op

revision = "0019"
down_revision = "0020"


def upgrade() -> None:
    """Runs 0019_queue.sql; rows of before stay valid (expand only)."""
    for statement in Path(__file__).with_suffix(".sql").read_text().split(";\n"):
        if statement.strip():
            op.execute(statement)
