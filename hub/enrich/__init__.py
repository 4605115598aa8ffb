"""Content enrichers: passages of a clue go in, Suggestions with the words they came from come out.

Each module is one producer with a VERSION. `classify` ("class"), `extract` ("extract"), `elements` ("elements") and
`earlier` (duplicate candidates among rows) are pure: text in, data out, no database, no clock, no network; `duplicates`
answers the same from PostgreSQL. The same functions serve `hub try`, the enrich workers and `hub evaluate`. Nothing
here decides: a person confirms (ARCHITECTURE decision 11).
"""
