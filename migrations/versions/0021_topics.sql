CREATE INDEX ix_clue_topics ON clue USING gin (topics);
