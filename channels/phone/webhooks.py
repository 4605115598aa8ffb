"""Webhooks of a Twilio number, mounted by the hub below /hooks/phone/.

voice      a call rings: the intake is stored, then TwiML announces the recording and records
recording  in-progress, completed, absent, failed; a completed one names the medium to fetch
status     the call ended, or nobody answered
message    what became of a text message that carried a notice
recorded   the caller finished speaking: TwiML thanks and hangs up, nothing new is told here

Every request is signed (https://www.twilio.com/docs/usage/webhooks/webhooks-security) over the **public** URL, which
behind a proxy is not the one we see. Nothing is answered with 200 before it is stored; Twilio shows a failure to the
administrator and calls the fallback URL. The same webhook again is the same key.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from flask import Blueprint, Response, abort, request
from pydantic import ValidationError
from twilio.request_validator import RequestValidator
from twilio.twiml.voice_response import VoiceResponse
from werkzeug.exceptions import HTTPException, NotFound

from channels.contract import Blob, Ports, RawIntake, Remote, Source
from channels.phone.calls import NOTICE, SETTLED, SID, meta_of
from channels.phone.moments import ended, not_later, parse_seconds, parse_time
from channels.phone.settings import PhoneSettings

MAX_BODY = 64 * 1024
"""Bytes of one webhook; Twilio's are about 2 KB."""
MAX_PARTS = 500
EARLIEST = timedelta(days=2)
"""Twilio repeats callbacks within hours; a call it dates further back is dated by its arrival."""
_PATH = re.compile(r"/[!-~]*", re.ASCII)
_STATUS = re.compile(r"[a-z-]{1,32}", re.ASCII)
SIGNATURE = "X-Twilio-Signature"


def blueprint(ports: Ports) -> Blueprint:
    """The routes; `ports` is asked for sources and secrets at each request, so changes count at once."""
    hooks = Blueprint("phone_hooks", __name__)

    def route(event: str, answer: Callable[[Ports, Source, PhoneSettings, Mapping[str, str], str], Response]) -> None:
        def handle(source_id: str) -> Response:
            return _handle(ports, source_id, answer)

        hooks.add_url_rule(f"/<source_id>/{event}", event, handle, methods=["POST"])

    route("voice", _voice)
    route("recording", _recording)
    route("status", _status)
    route("recorded", _recorded)
    route("message", _message)
    return hooks


def _handle(
    ports: Ports,
    source_id: str,
    answer: Callable[[Ports, Source, PhoneSettings, Mapping[str, str], str], Response],
) -> Response:
    try:
        request.max_content_length = MAX_BODY
        request.max_form_memory_size = MAX_BODY
        request.max_form_parts = MAX_PARTS
        # Kept as the original of the intake, and parsed into request.form from there. A stated length over the limit is
        # 413 inside; a chunked body is cut at the limit without a word.
        if len(request.get_data()) >= MAX_BODY:
            abort(413)
        source, settings = _entrance(ports, source_id)
        url = settings.public_url + _requested()
        if not _signed(ports.secret(source.id, "auth_token"), url):
            abort(403)
        if request.form.get("AccountSid") != settings.account_sid:
            abort(403)
        return answer(ports, source, settings, request.form, url)
    except HTTPException:
        raise
    except Exception as error:  # noqa: BLE001  storing failed, in whichever way the hub's storage fails: Twilio must be told
        _beat(ports, source_id, error)
        return Response("暂时无法接收", 503, content_type="text/plain; charset=utf-8")


def _beat(ports: Ports, source_id: str, error: Exception) -> None:
    try:
        ports.beat(source_id, False, f"回调未能存储：{type(error).__name__}")
    except Exception:  # noqa: BLE001  the same storage may be down; the answer 503 must still go out
        return


def _entrance(ports: Ports, source_id: str) -> tuple[Source, PhoneSettings]:
    for source in ports.sources("phone"):
        if source.id == source_id:
            try:
                settings = PhoneSettings.model_validate(dict(source.settings))
            except ValidationError:
                abort(503)  # configured wrongly: not the caller's fault, and not to be acknowledged
            if settings.kind == "twilio":
                return source, settings
    raise NotFound


def _requested() -> str:
    """Path and query exactly as requested: decoding and quoting again may give other characters than were signed."""
    raw = str(request.environ.get("RAW_URI") or request.environ.get("REQUEST_URI") or "")
    if _PATH.fullmatch(raw):
        return raw
    query = request.query_string.decode("latin-1")
    return f"{request.script_root}{request.path}" + (f"?{query}" if query else "")


def _signed(token: str, url: str) -> bool:
    """The validator of Twilio's own library on the form as a MultiDict. It raises TypeError on a missing header."""
    signature = request.headers.get(SIGNATURE)
    return bool(token) and bool(signature) and bool(RequestValidator(token).validate(url, request.form, signature))


def _sid(form: Mapping[str, str], name: str) -> str:
    value = form.get(name, "")
    if not SID.fullmatch(value):
        abort(400)
    return value


def _told(text: str, now: datetime) -> datetime:
    """A time of Twilio's (RFC 2822, UTC) where it is believable, else now."""
    moment = parse_time(text, UTC)
    return not_later(moment, now) if moment is not None and moment > now - EARLIEST else now


def _deliver(
    ports: Ports,
    source: Source,
    event: str,
    form: Mapping[str, str],
    *,
    key: str,
    at: datetime,
    remotes: tuple[Remote, ...] = (),
    also: Mapping[str, str] | None = None,
) -> None:
    meta = meta_of(event, form, ports.now().isoformat()) | dict(also or {})
    if event in ("voice", "status"):
        meta["start"] = at.isoformat()
    body = Blob(f"{event}.txt", "application/x-www-form-urlencoded", request.get_data(), "envelope")
    ports.fail("phone.before_deliver")
    ports.deliver(
        RawIntake(
            channel="phone",
            source_id=source.id,
            key=key,
            at=at,
            blobs=(body,),
            meta=meta,
            station=source.station,
            remotes=remotes,
        )
    )
    ports.fail("phone.after_deliver")
    ports.beat(source.id, True, "")


def _twiml(answer: VoiceResponse) -> Response:
    return Response(str(answer), content_type="text/xml; charset=utf-8")


def _voice(ports: Ports, source: Source, settings: PhoneSettings, form: Mapping[str, str], url: str) -> Response:
    call = _sid(form, "CallSid")
    _deliver(ports, source, "voice", form, key=f"{call}:voice", at=ports.now())
    beside = url.partition("?")[0].rpartition("/")[0]
    answer = VoiceResponse()
    answer.say(settings.announce, language="zh-CN", voice=settings.voice)
    answer.record(
        action=f"{beside}/recorded",  # without it Twilio asks /voice again, and records in a loop
        method="POST",
        max_length=settings.record_seconds,
        timeout=10,
        play_beep=True,
        trim="do-not-trim",  # silence is evidence too, and times in the transcript must fit the call
        recording_status_callback=f"{beside}/recording",
        recording_status_callback_method="POST",
        recording_status_callback_event="in-progress completed absent",
    )
    return _twiml(answer)


def _recording(ports: Ports, source: Source, settings: PhoneSettings, form: Mapping[str, str], url: str) -> Response:
    del settings, url
    _sid(form, "CallSid")
    recording = _sid(form, "RecordingSid")
    status = form.get("RecordingStatus", "completed")  # the oldest form of the callback has no status
    if not _STATUS.fullmatch(status):
        abort(400)
    remotes: tuple[Remote, ...] = ()
    if status == "completed" and (link := form.get("RecordingUrl", "")):
        remotes = (Remote(ref=link[:2048], role="recording", name=f"{recording}.wav", media_type="audio/wav"),)
    now = ports.now()
    start = _told(form.get("RecordingStartTime", ""), now)
    # The caller speaks to a machine: the base of a voice mail is its end.
    at = not_later(ended(start, parse_seconds(form.get("RecordingDuration", ""))), now)
    _deliver(ports, source, "recording", form, key=f"{recording}:{status}", at=at, remotes=remotes)
    return Response("", 204)


def _status(ports: Ports, source: Source, settings: PhoneSettings, form: Mapping[str, str], url: str) -> Response:
    del settings, url
    call = _sid(form, "CallSid")
    status = form.get("CallStatus", "")
    if not _STATUS.fullmatch(status):
        abort(400)
    now = ports.now()
    # A callback comes when the call is over; it rang CallDuration seconds earlier.
    end = _told(form.get("Timestamp", ""), now)
    at = end - timedelta(seconds=parse_seconds(form.get("CallDuration", "")) or 0)
    _deliver(ports, source, "status", form, key=f"{call}:status:{status}", at=at)
    return Response("", 204)


def _message(ports: Ports, source: Source, settings: PhoneSettings, form: Mapping[str, str], url: str) -> Response:
    """The name of the notice stands in the signed URL: the report may come before Twilio has told us its number."""
    del settings, url
    name, status = request.args.get("notice", ""), form.get("MessageStatus", "")
    message = _sid(form, "MessageSid")
    if not NOTICE.fullmatch(name) or not _STATUS.fullmatch(status):
        abort(400)
    if status in SETTLED:  # what is on its way changes nothing and need not be kept
        _deliver(ports, source, "message", form, key=f"{message}:{status}", at=ports.now(), also={"notice": name})
    return Response("", 204)


def _recorded(ports: Ports, source: Source, settings: PhoneSettings, form: Mapping[str, str], url: str) -> Response:
    del ports, source, form, url
    answer = VoiceResponse()
    answer.say("已收到您的举报，感谢您的来电，再见。", language="zh-CN", voice=settings.voice)
    answer.hangup()
    return _twiml(answer)
