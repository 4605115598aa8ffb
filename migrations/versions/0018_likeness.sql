CREATE INDEX ix_likeness_version ON likeness (version, clue_id);
