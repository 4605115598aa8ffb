"""Chinese full-text search on keyed tokens (decision 8): exact for one character and more, no clear text in the index.

`tokens`: how text is folded and turned into keyed tokens. `rows`: what a text leaves in the index. `finding`: queries.
"""

from hub.search.finding import Hit, clues, find, matching
from hub.search.rebuilding import rebuild
from hub.search.rows import add_units, index, remove, replace
from hub.search.texts import register, words_of
from hub.search.tokens import LENGTH, OVERLAP, Folded, fold, token, unit_token, vector

__all__ = [
    "LENGTH", "OVERLAP", "Folded", "Hit", "add_units", "clues", "find", "fold", "index", "matching", "rebuild",
    "register", "remove", "replace", "token", "unit_token", "vector", "words_of",
]  # fmt: skip
