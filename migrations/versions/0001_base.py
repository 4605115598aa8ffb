"""The base schema: everything of 0001_base.sql, yearly partitions, append-only events."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None

PARTITIONED = ("segment", "suggestion", "search_row", "event", "attempt")
YEARS = range(2009, 2041)

APPEND_ONLY = """
create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'append-only: % on % is refused', tg_op, tg_table_name using errcode = 'insufficient_privilege';
end $$;
create trigger append_only before update or delete on event for each row execute function refuse_change();
create trigger append_only before update or delete on seal for each row execute function refuse_change();
create trigger append_only_truncate before truncate on event for each statement execute function refuse_change();
create trigger append_only_truncate before truncate on seal for each statement execute function refuse_change();
"""


def upgrade() -> None:
    """Creates the tables."""
    for statement in Path(__file__).with_suffix(".sql").read_text().split(";\n"):
        if statement.strip():
            op.execute(statement)
    for table in PARTITIONED:
        for year in YEARS:
            op.execute(
                f"create table {table}_{year} partition of {table} "
                f"for values from ('{year}-01-01 00:00:00+08') to ('{year + 1}-01-01 00:00:00+08')"
            )
        op.execute(f"create table {table}_other partition of {table} default")
    op.execute(APPEND_ONLY)
