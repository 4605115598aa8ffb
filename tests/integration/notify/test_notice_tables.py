"""The tables of notices are what the models say, column by column."""

from sqlalchemy import inspect
from sqlalchemy.dialects import postgresql

from hub import db
from hub.models import Base

TABLES = ("notice", "attempt", "attempt_key", "early_report", "wish", "notice_task", "call_try", "notice_template",
          "query_code")  # fmt: skip


def test_tables_and_models_agree(hub) -> None:
    found = inspect(db.engine())
    for name in TABLES:
        table = Base.metadata.tables[name]
        columns = {column["name"]: column for column in found.get_columns(name)}
        assert set(columns) == {column.name for column in table.columns}, name
        for column in table.columns:
            there = columns[column.name]
            assert there["nullable"] == column.nullable, f"{name}.{column.name}"
            types = [kind.compile(dialect=postgresql.dialect()) for kind in (there["type"], column.type)]
            assert types[0].replace("VARCHAR", "TEXT") == types[1].replace("VARCHAR", "TEXT"), f"{name}.{column.name}"
        checks = {check["name"] for check in found.get_check_constraints(name)}
        wanted = {c.name for c in table.constraints if c.name and str(c.name).startswith("ck_")}
        assert checks == wanted, name
        assert {i["name"] for i in found.get_indexes(name)} >= {i.name for i in table.indexes}, name
