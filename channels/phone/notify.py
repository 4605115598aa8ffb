"""Tells a reporter by text message (Twilio) or leaves a call-back to the staff.

https://www.twilio.com/docs/messaging/api/message-resource : POST …/Messages.json, answered 201 with the message's sid
once Twilio has accepted it; what becomes of it is told to StatusCallback. The resource has no idempotency key: before a
message is sent again after a lost answer, Twilio's own list is asked whether it has it already.
"""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Mapping
from datetime import UTC, timedelta
from typing import Any, Final

import httpx
from pydantic import ValidationError

from channels.contract import Handed, NotifyError, Outgoing, Ports, Route, Sender, Source
from channels.phone.moments import parse_time
from channels.phone.settings import PhoneSettings

TIMEOUT: Final = {"connect": 10.0, "read": 15.0, "write": 15.0, "pool": 10.0}
DEADLINE_S: Final = 60.0
MAX_BYTES: Final = 512 * 1024
PAGE: Final = 100
_MOBILE = re.compile(r"(?:(?:\+|00)?86)?(1[3-9][0-9]{9})", re.ASCII)
_FOREIGN = re.compile(r"\+(?!86)[1-9][0-9]{7,14}", re.ASCII)
_SEPARATORS = re.compile(r"[\s()./-]")
_SID = re.compile(r"(?:SM|MM)[0-9A-Za-z]{2,62}", re.ASCII)
_NEVER = frozenset({21211, 21214, 21217, 21610, 21614, 21408, 21612, 63038})
"""Codes about the recipient: not a number, not a mobile, opted out, region not permitted, not reachable."""
_FAILED = frozenset({"failed", "undelivered", "canceled"})


def number(phone: str) -> str:
    """E.164 of a number that can get text messages, "" for any other."""
    plain = _SEPARATORS.sub("", phone)
    if found := _MOBILE.fullmatch(plain):
        return f"+86{found[1]}"
    return plain if _FOREIGN.fullmatch(plain) else ""


def fits_sms(sender: Sender) -> bool:
    return bool(number(sender.phone))


def fits_call(sender: Sender) -> bool:
    """Any number people could dial."""
    return len(re.sub(r"[^0-9]", "", sender.phone)) >= 7


def ready(source: Source) -> bool:
    """Text messages stay off until a sender and the data-export assessment are entered (PRODUCT §3)."""
    try:
        settings = PhoneSettings.model_validate(dict(source.settings))
    except ValidationError:
        return False
    return settings.kind == "twilio" and bool(settings.sms_from and settings.assessment)


def send(ports: Ports, source: Source, notice: Outgoing) -> Handed:
    """One text message. Raises NotifyError."""
    try:
        settings = PhoneSettings.model_validate(dict(source.settings))
        token = ports.secret(source.id, "auth_token")
    except (ValidationError, KeyError):
        raise NotifyError("短信入口未配置完整", permanent=False) from None
    to = number(notice.to.phone)
    if not to:
        raise NotifyError("号码不能接收短信", permanent=True)
    url = f"{settings.api_base}/2010-04-01/Accounts/{settings.account_sid}/Messages.json"
    account = _Account(url, settings.account_sid, token)
    sid = account.earlier(to, notice) if notice.again else ""
    sid = sid or account.accepted(_form(settings, source, notice, to))
    return Handed(sid, (sid,))


def _form(settings: PhoneSettings, source: Source, notice: Outgoing, to: str) -> dict[str, str]:
    sender = "MessagingServiceSid" if settings.sms_from.startswith("MG") else "From"
    callback = f"{settings.public_url}/hooks/phone/{source.id}/message?notice={notice.key}"
    return {"To": to, sender: settings.sms_from, "Body": notice.text, "StatusCallback": callback}


class _Account:
    """The messages of one Twilio account."""

    def __init__(self, url: str, sid: str, token: str) -> None:
        self._url = url
        basic = base64.b64encode(f"{sid}:{token}".encode()).decode()
        self._headers = {"Authorization": f"Basic {basic}", "Accept-Encoding": "identity", "Connection": "close"}

    def accepted(self, form: Mapping[str, str]) -> str:
        """The sid of a message that Twilio has taken. Raises NotifyError."""
        try:
            status, told = self._ask("POST", data=dict(form))
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.InvalidURL):
            raise NotifyError("短信服务商没有应答", permanent=False) from None
        except (httpx.HTTPError, httpx.StreamError):
            raise NotifyError("短信请求发出后连接中断，结果不明", permanent=False, unknown=True) from None
        sid, code = told.get("sid"), told.get("code")
        if status in (200, 201) and isinstance(sid, str) and _SID.fullmatch(sid):
            if told.get("status") in _FAILED:
                code = told.get("error_code")
                raise NotifyError(_shown(status, code), permanent=code in _NEVER)
            return sid
        if 200 <= status < 300 or status >= 500:  # accepted or broken in the middle: Twilio may have it
            raise NotifyError(f"短信服务商应答异常（{status}）", permanent=False, unknown=True)
        raise NotifyError(_shown(status, code), permanent=code in _NEVER)

    def earlier(self, to: str, notice: Outgoing) -> str:
        """The sid under which Twilio already has this very message, "" where it has not. Raises NotifyError."""
        day = (notice.at.astimezone(UTC) - timedelta(days=1)).date().isoformat()
        try:
            status, told = self._ask("GET", params={"To": to, "DateSent>": day, "PageSize": str(PAGE)})
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError):
            raise NotifyError("短信服务商没有应答", permanent=False) from None
        rows = told.get("messages")
        if status != 200 or not isinstance(rows, list):
            raise NotifyError(f"短信服务商暂不可用（{status}）", permanent=False)
        for row in rows[:PAGE]:
            if not isinstance(row, dict) or row.get("body") != notice.text or row.get("status") in _FAILED:
                continue
            made = parse_time(str(row.get("date_created") or ""), UTC)
            sid = str(row.get("sid") or "")
            # The same words may have gone out before: those of an earlier notice are older than this one.
            if made is not None and made >= notice.at.replace(microsecond=0) and _SID.fullmatch(sid):
                return sid
        return ""

    def _ask(self, method: str, **given: Any) -> tuple[int, dict[str, Any]]:
        """Status and JSON object of an answer ({} where it is none). Raises httpx's errors.

        Without httpx's Client: it logs each URL, and a query holds the number.
        """
        asked = httpx.Request(method, self._url, headers=self._headers, extensions={"timeout": TIMEOUT}, **given)
        end, body = time.monotonic() + DEADLINE_S, bytearray()
        with httpx.HTTPTransport(trust_env=False) as transport:
            response = transport.handle_request(asked)
            try:
                for chunk in response.iter_raw():
                    body += chunk
                    if len(body) > MAX_BYTES or time.monotonic() > end:
                        raise httpx.ReadTimeout("too long")
            finally:
                response.close()
        try:
            told = json.loads(bytes(body))
        except (ValueError, RecursionError):
            told = {}
        return response.status_code, told if isinstance(told, dict) else {}


def _shown(status: int, code: object) -> str:
    return f"短信服务商拒绝（{status} {code}）" if isinstance(code, int) else f"短信服务商拒绝（{status}）"


ROUTES = (
    # What others can read on a telephone, and what leaves the country's networks, waits for recorded consent.
    Route("sms", "短信", 20, fits_sms, send, ready, on_wish=True),
    Route("call", "回拨电话", 50, fits_call, by_people=True),
)
