CREATE INDEX ix_search_row_terms ON search_row USING gin ((tokens || array_to_tsvector(ARRAY['A'::text || (floor(extract(epoch from received_at - to_timestamp(0)))::bigint >> 13)::text, 'B'::text || (floor(extract(epoch from received_at - to_timestamp(0)))::bigint >> 16)::text, 'C'::text || (floor(extract(epoch from received_at - to_timestamp(0)))::bigint >> 19)::text, 'D'::text || (floor(extract(epoch from received_at - to_timestamp(0)))::bigint >> 22)::text])));
DROP INDEX ix_search_row_tokens;
CREATE INDEX ix_clue_ahead ON clue (at) WHERE extract(epoch from at - recorded_at) > 600;
CREATE INDEX ix_clue_supplement_of ON clue (supplement_of) WHERE supplement_of is not null;
CREATE INDEX ix_clue_split_from ON clue (split_from) WHERE split_from is not null;
CREATE INDEX ix_clue_unit_running ON clue_unit (unit_id, sort_at desc, clue_id desc) INCLUDE (division) WHERE open;
