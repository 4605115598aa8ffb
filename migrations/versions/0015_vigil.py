"""Audit of single refused sign-ins and what else watching over access needs."""

from pathlib import Path

from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Runs 0015_vigil.sql; rows of before stay valid (expand only)."""
    for statement in Path(__file__).with_suffix(".sql").read_text().split(";\n"):
        if statement.strip():
            op.execute(statement)
