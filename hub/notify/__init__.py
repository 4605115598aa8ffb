"""Notices: compose, route, send, delivery state (PRODUCT §7)."""

from hub.notify.codes import latest
from hub.notify.compose import RecallError, ask, recall, receipt
from hub.notify.history import WishError, history, record_wish
from hub.notify.reports import note_report
from hub.notify.words import NoticeRefusedError, preview

__all__ = [
    "NoticeRefusedError", "RecallError", "WishError", "ask", "history", "latest", "note_report", "preview", "recall",
    "receipt", "record_wish",
]  # fmt: skip
