"""The simulated Twilio rings the real receiver over HTTP, and the recording is fetched from it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from flask import Flask
from werkzeug.serving import make_server

from channels.contract import FetchError, Source
from channels.phone import CHANNEL
from channels.phone.fetch import fetch
from channels.phone.sandbox import Sandbox
from channels.phone.webhooks import blueprint
from channels.testing import MemoryPorts, check_normalize

from .conftest import ACCOUNT, PUBLIC, TOKEN

Wav = Callable[..., bytes]


@contextmanager
def hub(ports: MemoryPorts) -> Iterator[str]:
    app = Flask("hub")
    app.register_blueprint(blueprint(ports), url_prefix="/hooks/phone")
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("out_of_order", [False, True])
def test_a_call_goes_through_the_real_entrance(
    ports: MemoryPorts, twilio_source: Source, wav: Wav, out_of_order: bool
) -> None:
    with hub(ports) as base, Sandbox(ACCOUNT, TOKEN, not_found_first=1) as sandbox:
        local = replace(twilio_source, settings={**twilio_source.settings, "api_base": sandbox.api_base})
        ports.configured = [replace(local, settings={**local.settings, "public_url": base})]
        call = sandbox.call("+8613800138000", wav(), f"{base}/hooks/phone/twilio:1", out_of_order=out_of_order)
        assert call.accepted()
        assert "<Record" in call.twiml
        (raw,) = [raw for raw in ports.delivered if raw.remotes]
        with pytest.raises(FetchError):
            fetch(ports, ports.configured[0], raw.remotes[0])
        blob = fetch(ports, ports.configured[0], raw.remotes[0])
    assert blob.data == wav()
    keys = {key for each in ports.delivered for key in (check_normalize(CHANNEL, each) or [])[0].correlation_keys}
    assert keys == {f"call:{call.call_sid}"}
    assert len(ports.delivered) == 4
    fetched = replace(raw, blobs=(*raw.blobs, blob))
    (outcome,) = check_normalize(CHANNEL, fetched) or []
    assert [(part.kind, part.blob) for part in outcome.report.parts] == [("audio", 1)]
    assert not outcome.report.warnings


def test_behind_a_proxy_the_public_address_is_signed(ports: MemoryPorts, twilio_source: Source, wav: Wav) -> None:
    assert twilio_source.settings["public_url"] == PUBLIC
    with hub(ports) as base, Sandbox(ACCOUNT, TOKEN) as sandbox:
        entrance = f"{base}/hooks/phone/twilio:1"
        assert not sandbox.call("+1", wav(), entrance).accepted()
        assert not ports.delivered
        assert sandbox.call("+1", wav(), entrance, public_url=PUBLIC).accepted()


def test_a_silent_and_a_missed_call(ports: MemoryPorts, twilio_source: Source) -> None:
    with hub(ports) as base, Sandbox(ACCOUNT, TOKEN) as sandbox:
        ports.configured = [replace(twilio_source, settings={**twilio_source.settings, "public_url": base})]
        entrance = f"{base}/hooks/phone/twilio:1"
        assert sandbox.call("+1", b"", entrance).statuses["recording:absent"] == 204
        assert sandbox.missed("+1", entrance).accepted()


def test_the_recording_is_guarded(ports: MemoryPorts, twilio_source: Source, wav: Wav) -> None:
    with Sandbox(ACCOUNT, TOKEN) as sandbox:
        assert sandbox.answer("/x", "", "")[0] == 401
