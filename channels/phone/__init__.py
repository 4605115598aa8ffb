"""The telephone: recordings folder, files handed over, call pad, and Twilio's webhooks (channel 01)."""

from __future__ import annotations

from channels.contract import Channel
from channels.phone.audio import ACCEPT
from channels.phone.fetch import fetch
from channels.phone.files import from_files
from channels.phone.folder import poll
from channels.phone.forms import CALL_PAD
from channels.phone.normalize import normalize
from channels.phone.notify import ROUTES
from channels.phone.sandbox import Sandbox
from channels.phone.settings import PhoneSettings
from channels.phone.webhooks import blueprint

CHANNEL = Channel(
    code="phone",
    number="01",
    label="举报电话",
    rollup="电话",
    normalize=normalize,
    from_files=from_files,
    settings=PhoneSettings,
    secrets={"auth_token": "Twilio Auth Token"},
    forms=(CALL_PAD,),
    upload=True,
    accept_types=ACCEPT,
    poll=poll,
    fetch=fetch,
    blueprint=blueprint,
    redact=frozenset({"caller", "called", "recording", "recording_key", "stated", "name", "phone"}),
    sandbox=Sandbox,
    notify=ROUTES,
)
