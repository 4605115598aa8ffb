"""What Twilio tells about a call and its recording, as plain data. Pure; the names are those of its webhooks."""

from __future__ import annotations

import re
from collections.abc import Mapping

SID = re.compile(r"[A-Za-z0-9]{2,64}", re.ASCII)
MISSED = frozenset({"no-answer", "busy", "failed", "canceled"})
"""Call statuses after which nobody spoke with the caller."""
NOTICE = re.compile(r"[0-9a-f]{32}", re.ASCII)
"""The name of a notice in the URL of its status callback."""
SETTLED = {"delivered": "delivered", "undelivered": "failed", "failed": "failed"}
"""Message statuses that end a message's way → state of the notice (https://www.twilio.com/docs/messaging)."""
WITHHELD = frozenset(
    {
        # Twilio sends these numbers for hidden callers: the words typed on a telephone keypad.
        "+266696687",  # ANONYMOUS
        "+7378742833",  # RESTRICTED
        "+2562533",  # BLOCKED
        "+8656696",  # UNKNOWN
        "+86282452253",  # UNAVAILABLE
        "anonymous",
        "restricted",
        "blocked",
        "unknown",
        "unavailable",
        "withheld",
        "private",
        "匿名",
        "未知",
        "未知号码",
        "隐藏号码",
        "无",
        "-",
    }
)


def number_of(caller: str) -> str:
    """The caller's number as it was told; "" where it was withheld."""
    return "" if caller.strip().lower() in WITHHELD else caller.strip()


def meta_of(event: str, form: Mapping[str, str], received: str) -> dict[str, str]:
    """The transport facts of one webhook, short strings only; empty ones are left out."""
    told = {
        "event": event,
        "received": received,
        "call_id": form.get("CallSid", ""),
        "caller": form.get("From") or form.get("Caller", ""),
        "called": form.get("To") or form.get("Called", ""),
        "direction": form.get("Direction", ""),
        "call_status": form.get("CallStatus", ""),
        "timestamp": form.get("Timestamp", ""),
        "duration": form.get("RecordingDuration") or form.get("CallDuration", ""),
        "recording_sid": form.get("RecordingSid", ""),
        "recording_status": form.get("RecordingStatus", ""),
        "recording_start": form.get("RecordingStartTime", ""),
        "recording_channels": form.get("RecordingChannels", ""),
        "error_code": form.get("ErrorCode", ""),
        "message_sid": form.get("MessageSid", ""),
        "message_status": form.get("MessageStatus", ""),
    }
    return {key: value[:200] for key, value in told.items() if value}
