"""The migrated catalogue is exactly what the models say, names included; upgrading again changes nothing."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import IntegrityError, ProgrammingError

from hub.models import Base
from hub.runtime import schema
from hub.terms import IntakeKind, IntakeState, Role, State

COLUMNS = """
  select c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,
         coalesce(pg_get_expr(d.adbin, d.adrelid), '')
    from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
    left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
   where n.nspname = 'public' and c.relkind in ('r', 'p') and not c.relispartition and a.attnum > 0
     and not a.attisdropped and c.relname <> 'alembic_version' order by 1, 2"""
CONSTRAINTS = """
  select c.relname, k.conname, k.contype, pg_get_constraintdef(k.oid)
    from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace
   where n.nspname = 'public' and not c.relispartition and c.relname <> 'alembic_version' order by 1, 2"""
INDEXES = """
  select t.relname, i.relname, pg_get_indexdef(i.oid)
    from pg_index x join pg_class i on i.oid = x.indexrelid join pg_class t on t.oid = x.indrelid
    join pg_namespace n on n.oid = t.relnamespace
   where n.nspname = 'public' and not t.relispartition and t.relname <> 'alembic_version' order by 1, 2"""
TABLES = """
  select c.relname, c.relkind, coalesce(pg_get_partkeydef(c.oid), '') from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
   where n.nspname = 'public' and c.relkind in ('r', 'p') and not c.relispartition
     and c.relname <> 'alembic_version' order by 1"""
SEQUENCES = "select sequencename, data_type::text from pg_sequences where schemaname = 'public' order by 1"


@pytest.fixture(scope="module")
def engines(servers: tuple[str, str]) -> Iterator[dict[str, Engine]]:
    """Two databases: one made by the migrations, one by the models."""
    admin = create_engine(servers[0].replace("/template_hub?", "/postgres?"), isolation_level="AUTOCOMMIT")
    made = {}
    names = {kind: f"schema_{kind}_{os.getpid()}" for kind in ("migrated", "models")}
    for kind, name in names.items():
        with admin.connect() as connection:
            connection.execute(text(f'create database "{name}"'))
        made[kind] = create_engine(servers[0].replace("/template_hub?", f"/{name}?"))
    schema.upgrade(made["migrated"].url.render_as_string(hide_password=False))
    Base.metadata.create_all(made["models"])
    yield made
    for kind, name in names.items():
        made[kind].dispose()
        with admin.connect() as connection:
            connection.execute(text(f'drop database "{name}" with (force)'))
    admin.dispose()


def rows(engine: Engine, query: str) -> list[tuple[object, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


@pytest.mark.parametrize("query", [TABLES, COLUMNS, CONSTRAINTS, INDEXES, SEQUENCES],
                         ids=["tables", "columns", "constraints", "indexes", "sequences"])  # fmt: skip
def test_migrations_and_models_make_the_same(engines: dict[str, Engine], query: str) -> None:
    migrated, models = rows(engines["migrated"], query), rows(engines["models"], query)
    assert migrated
    assert set(migrated) - set(models) == set(), "only in the migrations"
    assert set(models) - set(migrated) == set(), "only in the models"


def test_a_difference_would_be_seen(engines: dict[str, Engine]) -> None:
    with engines["migrated"].connect() as connection:
        before = [tuple(r) for r in connection.execute(text(CONSTRAINTS))]
        connection.execute(text("alter table work drop constraint ck_work_state"))
        assert [tuple(r) for r in connection.execute(text(CONSTRAINTS))] != before
        connection.rollback()


def test_upgrading_again_changes_nothing(engines: dict[str, Engine]) -> None:
    engine = engines["migrated"]
    snapshot = (
        "select oid, relname, relkind, relfilenode from pg_class where relnamespace = 'public'::regnamespace order by 1"
    )
    before = rows(engine, snapshot)
    url = engine.url.render_as_string(hide_password=False)
    schema.upgrade(url)
    schema.upgrade(url)
    assert rows(engine, snapshot) == before
    assert len(rows(engine, "select version_num from alembic_version")) == 1


def test_every_partitioned_table_has_its_years_and_a_rest(engines: dict[str, Engine]) -> None:
    found = rows(engines["migrated"], """
        select p.relname, c.relname, pg_get_expr(c.relpartbound, c.oid) from pg_inherits i
          join pg_class c on c.oid = i.inhrelid join pg_class p on p.oid = i.inhparent
         where p.relkind = 'p'""")  # fmt: skip
    parents = {
        table.name for table in Base.metadata.tables.values() if table.dialect_options["postgresql"]["partition_by"]
    }
    assert {parent for parent, _, _ in found} == parents
    for parent in parents:
        children = {child: bound for of, child, bound in found if of == parent}
        assert children[f"{parent}_other"] == "DEFAULT"
        for year in (2009, 2026, 2040):
            assert f"{year - 1}-12-31 16:00:00+00" in children[f"{parent}_{year}"]  # midnight in China


def try_sql(engine: Engine, *statements: str) -> None:
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
        connection.rollback()


EVENT = (
    "insert into event (received_at, id, object, seq, act, actor, at, data, previous, hash)"
    " values (now(), 1, 'x', 1, 'a', 's', now(), '{}', '', '')"
)
SEAL = "insert into seal (objects, root, previous, signature, heads) values (1, '', '', '', '[]')"


@pytest.mark.parametrize("table", ["event", "seal"])
@pytest.mark.parametrize("act", ["update {} set id = id", "delete from {}", "truncate {}"])
def test_append_only_tables_refuse(engines: dict[str, Engine], table: str, act: str) -> None:
    with pytest.raises(ProgrammingError, match="append-only"):
        try_sql(engines["migrated"], EVENT, SEAL, act.format(table))


def test_a_partition_refuses_too(engines: dict[str, Engine]) -> None:
    with engines["migrated"].connect() as connection:
        connection.execute(text(EVENT))
        partition = connection.scalar(text("select tableoid::regclass::text from event"))
        with pytest.raises(ProgrammingError, match="append-only"):
            connection.execute(text(f"delete from {partition}"))


def names_all(connection: Connection, table: str, column: str, values: list[str]) -> None:
    bound = connection.scalar(text(
        "select string_agg(pg_get_constraintdef(oid), ' ') from pg_constraint"
        " where contype = 'c' and conrelid = cast(:t as regclass)"
    ), {"t": table})  # fmt: skip
    for value in values:
        assert f"'{value}'" in bound, (table, column, value)


def test_the_database_knows_the_vocabulary(engines: dict[str, Engine]) -> None:
    with engines["migrated"].connect() as connection:
        names_all(connection, "clue", "state", list(State))
        names_all(connection, "clue_unit", "state", list(State))
        names_all(connection, "intake", "state", list(IntakeState))
        names_all(connection, "intake", "kind", list(IntakeKind))
        names_all(connection, "role_grant", "role", list(Role))


def test_impossible_rows_are_refused(engines: dict[str, Engine]) -> None:
    with pytest.raises(IntegrityError, match="ck_work_state"):
        try_sql(engines["migrated"], "insert into work (queue, handler, args, state) values ('q', 'h', '{}', 'lost')")
    with pytest.raises(IntegrityError, match="uq_work_once"):
        try_sql(
            engines["migrated"], *["insert into work (queue, handler, args, once) values ('q', 'h', '{}', 'x')"] * 2
        )


def test_migrations_import_nothing_from_the_hub() -> None:
    from pathlib import Path

    import migrations

    for file in Path(str(migrations.__file__)).parent.rglob("*.py"):
        source = file.read_text()
        assert "import hub" not in source, file
        assert "from hub" not in source, file
    assert importlib.import_module("migrations.versions.0001_base").down_revision is None
