"""The demo county from outside (`hub demo …`) and single provider simulators for developers (`hub sandbox …`)."""

from __future__ import annotations

import fcntl
import json
import shutil
import signal
import threading
from pathlib import Path
from typing import Any

import click

from hub.settings import export, settings


def _print(answer: dict[str, Any]) -> None:
    click.echo(json.dumps(answer, ensure_ascii=False))


@click.group()
def demo() -> None:
    """The demo county: its addresses, further inputs, its removal."""


def _state() -> Any:
    from hub.demo.state import NAME, State

    folder = settings().var.resolve() / "demo"
    if not (folder / NAME).exists():
        raise click.ClickException(f"no demo in {settings().var}: start one with `make run` or `hub up --demo`")
    return State.load(folder)


@demo.command()
def info() -> None:
    """Print addresses, ports, folders, secrets and accounts of the demo as JSON."""
    from hub.demo import county, providers
    from hub.demo.inputs import UNIT

    state = _state()
    if "web" in state.ports:  # the port the demo was last started on, whatever PORT says here
        export(PORT=str(state.ports["web"]))
    _print({
        "web": providers.web_url(),
        "unit": UNIT,
        "accounts": [{"login": login, "password": county.PASSWORD, "role": str(role), "unit": unit}
                     for login, _name, unit, role in county.PEOPLE],
        "imap": {"source": providers.SOURCES["mail"], "host": "127.0.0.1", "port": state.ports.get("imap"),
                 "tls": "none", "user": providers.MAIL_USER, "password": state.secrets["imap_password"]},
        "recordings": {"source": providers.SOURCES["recordings"], "folder": str(state.outside / "recordings")},
        "scanner": {"source": providers.SOURCES["scanner"], "folder": str(state.outside / "scanner")},
        "wechat": {"source": providers.SOURCES["wechat"], "webhook": providers.hook("wechat"),
                   "api_base": f"http://127.0.0.1:{state.ports.get('wechat')}", "app_id": providers.APP_ID,
                   "token": state.secrets["wechat_token"], "aes_key": state.secrets["wechat_aes_key"],
                   "app_secret": state.secrets["wechat_app_secret"]},
        "twilio": {"source": providers.SOURCES["twilio"], "webhook": providers.hook("twilio"),
                   "api_base": f"http://127.0.0.1:{state.ports.get('twilio')}",
                   "account_sid": providers.ACCOUNT_SID, "auth_token": state.secrets["twilio_auth_token"]},
        "sent": len(state.sent), "loaded": (state.folder / "loaded").exists(),
    })  # fmt: skip


@demo.command()
@click.argument("channel")
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--wait", default=30.0, show_default=True, help="Seconds to wait for the running demo.")
def send(channel: str, files: tuple[Path, ...], wait: float) -> None:
    """Send one more input through CHANNEL's real door: FILES as they are, else a sample under a new id."""
    from hub.demo import outbox

    _state()
    if len({file.name for file in files}) < len(files):
        raise click.UsageError("two files have the same name")
    try:
        answer = outbox.order(channel, files, wait)
    except TimeoutError:
        raise click.ClickException("the demo does not answer: is `hub up --demo` running?") from None
    _print(answer)
    if not answer["sent"]:
        raise SystemExit(2)


@demo.command()
@click.option("--wait", default=30.0, show_default=True, help="Seconds to wait for the running demo.")
def read(wait: float) -> None:
    """Print what reporters were written (WeChat, text messages, mails) since the demo was last started."""
    from hub.demo import outbox

    _state()
    try:
        _print(outbox.read(wait))
    except TimeoutError:
        raise click.ClickException("the demo does not answer: is `hub up --demo` running?") from None


@demo.command()
def check() -> None:
    """Compare each demo clue with what its input should become; one JSON object a line, then the totals."""
    from sqlalchemy import select

    from hub import db
    from hub.cli.attach import attached
    from hub.demo.compare import compared
    from hub.demo.inputs import manifest
    from hub.models import Clue
    from hub.supervision import listing

    state = _state()
    with attached(), db.reading() as session:
        own = set(session.scalars(select(Clue.no).where(Clue.id.in_(state.clues))))
        found = compared(manifest(), [row for row in listing.rows(session) if row["no"] in own or not own])
    for row in found:
        _print(row)
    _print({"expected": len(found), "ok": sum(row["ok"] for row in found), "sent": len(state.sent)})


@demo.command(name="clock")
@click.argument("step", default="")
def move_clock(step: str) -> None:
    """Move the demo's time forward by STEP (+3wd, +2d, +5h, +30m) in all its processes; without STEP: print it."""
    from hub import clock
    from hub.cli.attach import attached
    from hub.demo import moved

    state = _state()
    if settings().database_url or not state.fresh:
        raise click.ClickException("only the time of a demo county can be moved: here are data of others")
    with attached():
        try:
            if step:
                moved.move(moved.ahead(step))
        except moved.StepError as error:
            raise click.UsageError(str(error)) from None
    _print({"now": clock.china(clock.now()).isoformat(timespec="seconds"), "ahead": int(clock.moved().total_seconds())})


@demo.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
def reset(yes: bool) -> None:
    """Remove the data folder of a stopped demo, so that the next start begins anew. Keeps the model weights."""
    state = _state()
    var = settings().var.resolve()
    if settings().database_url:
        raise click.ClickException("the data is in a database of your own (DATABASE_URL): it is not touched")
    if not state.fresh:
        raise click.ClickException(f"{var} held clues before the demo was loaded into it: it is not touched")
    with (var / "hub.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise click.ClickException("the hub is running: stop it first") from None
        if not yes:
            click.confirm(f"Remove all data in {var}, including what was added to the demo?", abort=True, err=True)
        from hub.runtime import embedded

        shutil.rmtree(embedded.socket_folder(var), ignore_errors=True)
        cache = settings().models_path.resolve()  # weights are no demo data and take long to make
        for item in list(var.iterdir()):
            if item.name != "hub.lock" and not cache.is_relative_to(item):
                shutil.rmtree(item) if item.is_dir() and not item.is_symlink() else item.unlink()
        shutil.rmtree(state.outside, ignore_errors=True)
        (var / "hub.lock").unlink(missing_ok=True)
    _print({"removed": str(var)})


@click.group()
def sandbox() -> None:
    """One provider simulator on loopback, in the foreground, for developers."""


def _until_stopped(made: Any, facts: dict[str, Any]) -> None:
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    _print(facts)
    over.wait()
    made.stop()


def _simulator(code: str, **facts: Any) -> Any:
    from channels.registry import channel

    make = channel(code).sandbox
    assert make is not None
    try:
        made = make(**facts)
        made.start()
    except OSError as error:
        raise click.ClickException(f"the port cannot be used: {error.strerror}") from None
    return made


@sandbox.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--port", default=0, help="Port (0: a free one).")
@click.option("--user", default="clue@example.cn", show_default=True)
@click.option("--password", default="sandbox", show_default=True)
@click.option("--append", "mails", multiple=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="A mail to put into the mailbox first.")  # fmt: skip
def imap(folder: Path, port: int, user: str, password: str, mails: tuple[Path, ...]) -> None:
    """A mailbox that keeps its mails in FOLDER."""
    folder.mkdir(parents=True, exist_ok=True)
    made = _simulator("email", directory=folder, user=user, password=password, port=port)
    for mail in mails:
        made.append(mail.read_bytes())
    _until_stopped(made, {"host": "127.0.0.1", "port": made.port, "tls": "none", "user": user, "password": password})


@sandbox.command()
@click.option("--webhook", required=True, help="…/hooks/wechat/<source id> of a hub.")
@click.option("--app-id", required=True)
@click.option("--token", required=True)
@click.option("--aes-key", required=True, help="EncodingAESKey, 43 characters.")
@click.option("--app-secret", required=True)
@click.option("--port", default=0, help="Port of the interface (0: a free one).")
@click.option("--openid", default="oSandbox1", show_default=True)
@click.option("--text", "texts", multiple=True, help="A text message to send at once.")
@click.option("--image", "images", multiple=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--voice", "voices", multiple=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def wechat(  # noqa: PLR0913, PLR0917  one parameter an option
    webhook: str, app_id: str, token: str, aes_key: str, app_secret: str, port: int, openid: str,
    texts: tuple[str, ...], images: tuple[Path, ...], voices: tuple[Path, ...],
) -> None:  # fmt: skip
    """A WeChat: its interface for tokens and media, and the messages given here."""
    made = _simulator("wechat", app_id=app_id, token=token, aes_key=aes_key, app_secret=app_secret, webhook=webhook,
                      port=port)  # fmt: skip
    sent = [made.send_text(openid, text) for text in texts]
    sent += [made.send_image(openid, file.read_bytes()) for file in images]
    sent += [made.send_voice(openid, file.read_bytes()) for file in voices]
    _until_stopped(made, {"api_base": made.api_base, "verified": made.verify_url(),
                          "sent": [{"statuses": list(one.statuses), "reply": one.reply} for one in sent]})  # fmt: skip


@sandbox.command()
@click.option("--webhook", required=True, help="…/hooks/phone/<source id> of a hub.")
@click.option("--account-sid", required=True)
@click.option("--auth-token", required=True)
@click.option("--port", default=0, help="Port of the interface (0: a free one).")
@click.option("--public-url", default="", help="Base the webhooks are signed for, where a proxy stands between.")
@click.option("--from", "caller", default="+8613800000000", show_default=True)
@click.option("--recording", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="WAV of one call.")
@click.option("--out-of-order", is_flag=True, help="The recording is told before the call.")
def twilio(
    webhook: str, account_sid: str, auth_token: str, port: int, public_url: str, caller: str, recording: Path | None,
    out_of_order: bool,
) -> None:  # fmt: skip
    """A Twilio: its interface for recordings, and one call where a recording is given."""
    made = _simulator("phone", account_sid=account_sid, auth_token=auth_token, port=port)
    facts: dict[str, Any] = {"api_base": made.api_base}
    if recording is not None:
        call = made.call(caller, recording.read_bytes(), webhook, out_of_order, public_url)
        facts |= {"call_sid": call.call_sid, "statuses": dict(call.statuses)}
    _until_stopped(made, facts)
