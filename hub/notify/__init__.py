"""Notices: compose, route, send, delivery state (PRODUCT §7)."""

from hub.notify.compose import RecallError, ask, recall, receipt
from hub.notify.reports import note_report
from hub.notify.words import NoticeRefusedError, preview

__all__ = ["NoticeRefusedError", "RecallError", "ask", "note_report", "preview", "recall", "receipt"]
