"""Fills a hub with N clues by copying one: open and closed, of a hundred counties, of three years."""

from __future__ import annotations

import psycopg

from hub.models import Base

NEAR = 5  # every how many-th clue belongs to the county of the viewers; the rest lie in 99 others
OPEN = 11  # every how many-th is still open: three years of reports, the old ones closed
FILL = """
insert into data_key (id, unit_id, version, wrapped) overriding system value
    select n, k.unit_id, k.version, k.wrapped from data_key k, generate_series({first}::bigint, {last}::bigint) n
    where k.id = {key};
insert into clue ({clue}) overriding system value select {clue_made}
    from clue c, place p, generate_series({first}::bigint, {last}::bigint) n where c.id = {one} and p.ord = {ord};
insert into clock ({clock}) overriding system value select {clock_made}
    from clock k, clue c where k.clue_id = {one} and c.id between {first} and {last};
insert into clue_unit (unit_id, clue_id, role, state, open, channel, division, sort_at, due, due_last)
    select u::bigint, c.id, case when u::bigint = c.owner_unit_id then 'owner' else 'ancestor' end, c.state,
        c.state <> 'closed', c.channel, c.division, c.at, k.due, k.due
    from clue c join place p on p.id = c.owner_unit_id left join clock k on k.clue_id = c.id and k.stopped_at is null,
        jsonb_array_elements_text(p.path) u
    where c.id between {first} and {last};
delete from counter;
insert into counter (unit_id, key, n) select unit_id, key, count(*) from clue_unit,
    unnest(array['all', 'state:' || state, 'channel:' || channel]
        || case when open then array['open'] else '{{}}' end) key
    group by 1, 2;
"""
CLUE = {
    "id": "n", "no": "c.no || '-' || n", "key_id": "n", "owner_unit_id": "p.id", "received_unit_id": "p.id",
    "at": "c.at - make_interval(secs => n * 7919 % 1000003 * 90)", "division": "p.code", "enriched": "true",
    "class_code": "(array['T1','T2','K1','N1'])[1 + n % 4]", "missing": "(array['{}', '{place}'])[1 + n % 2]::text[]",
    "channel": "(array['phone','letter','email','wechat'])[1 + n % 4]", "urgent": "n % 20 = 0",
    "state": f"case when n % {OPEN} = 0 then c.state else 'closed' end",
    "close_reason": f"case when n % {OPEN} = 0 then null else 'out_of_scope' end",
    "handler_id": f"case when n % {OPEN * 3} = 0 and p.ord = 0 then 1 + n / {OPEN * 3 * NEAR} % 50 end",
}  # fmt: skip
CLOCK = {
    "id": "c.id", "clue_id": "c.id", "unit_id": "c.owner_unit_id", "due": "current_date + (c.id / 11 % 40)::int - 5",
    "stopped_at": "case when c.state = 'closed' then c.at end",
    "ended_as": "case when c.state = 'closed' then 'told' end",
}  # fmt: skip


def grow(url: str, first: int, last: int) -> None:
    """Clues `first` to `last` beside clue 1: each with its own key, its clock and a row for each unit that sees it."""
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("set session_replication_role = replica")  # no look at each foreign key
        connection.execute("set synchronous_commit = off")
        connection.execute("set maintenance_work_mem = '512MB'")
        connection.execute(
            "create temp table place as select id, code, path, row_number() over (order by code <> '430922', code) - 1"
            " as ord from unit where level = 'county' limit 100"
        )
        ord_of = f"case when n % {NEAR} = 0 then 0 else 1 + n % 99 end"
        kept = connection.execute(
            "select schemaname, indexname, indexdef from pg_indexes where tablename in ('clue', 'clue_unit', 'clock')"
            " and indexdef not like '%UNIQUE%'"
        ).fetchall()
        for schema, name, _ in kept:
            connection.execute(f'drop index "{schema}"."{name}"')
        words = {"first": first, "last": last, "one": 1, "ord": ord_of, "key": "(select key_id from clue where id = 1)"}
        for table, made, alias in (("clue", CLUE, "c"), ("clock", CLOCK, "k")):
            names = [column.name for column in Base.metadata.tables[table].columns]
            words[table] = ", ".join(f'"{name}"' for name in names)
            words[f"{table}_made"] = ", ".join(made.get(name, f'{alias}."{name}"') for name in names)
        for statement in FILL.format(**words).split(";\n"):
            if statement.strip():
                connection.execute(statement)
        for _, _, definition in kept:
            connection.execute(definition)
        connection.execute("vacuum analyze")
