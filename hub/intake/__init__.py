"""accept: store first, acknowledge after commit. register: a message becomes a clue, part of one, or a known non-clue.

The only two doors into the hub (ARCHITECTURE §1). `accept` is called by the ports of every channel, `register` by the
normalize worker.
"""

from hub.intake.accepting import Accepted, KeyReusedError, UnknownSourceError, accept, load
from hub.intake.blobs import add_blob, read_blob, store
from hub.intake.later import add_fetched, media_kind, medium_lost, register_by_hand, to_manual
from hub.intake.registering import add_part, register

__all__ = [
    "Accepted",
    "KeyReusedError",
    "UnknownSourceError",
    "accept",
    "add_blob",
    "add_fetched",
    "add_part",
    "load",
    "media_kind",
    "medium_lost",
    "read_blob",
    "register",
    "register_by_hand",
    "store",
    "to_manual",
]
