alter table clue_unit add column due date, add column due_last date;
create function clue_unit_due() returns trigger language plpgsql as $$ begin select min(due), max(due) into new.due, new.due_last from clock where clue_id = new.clue_id and stopped_at is null; return new; end $$;
create trigger clue_unit_due before insert on clue_unit for each row execute function clue_unit_due();
create function clock_due() returns trigger language plpgsql as $$ declare ends record; begin select min(due) as first, max(due) as last into ends from clock where clue_id = new.clue_id and stopped_at is null; update clue_unit set due = ends.first, due_last = ends.last where clue_id = new.clue_id and (due, due_last) is distinct from (ends.first, ends.last); return null; end $$;
create trigger clock_due after insert or update of due, stopped_at on clock for each row execute function clock_due();
update clue_unit set due = ends.first, due_last = ends.last from (select clue_id, min(due) as first, max(due) as last from clock where stopped_at is null group by clue_id) as ends where ends.clue_id = clue_unit.clue_id;
create index ix_clue_unit_due on clue_unit (unit_id, due, due_last, clue_id) where open and due is not null;
create index ix_clue_handler_open on clue (handler_id) where handler_id is not null and state <> 'closed';
