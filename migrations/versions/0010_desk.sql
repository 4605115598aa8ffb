create index ix_clue_handler on clue (handler_id) where handler_id is not null;
