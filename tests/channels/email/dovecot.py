"""A real IMAP server for tests: Debian's Dovecot on loopback, unprivileged where it can be, gone with the block.

with start_dovecot(tmp_path) as server:
    settings = {"host": "127.0.0.1", "port": server.port, "tls": "none", "user": server.user}
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from imapclient import IMAPClient

BINARY = Path("/usr/sbin/dovecot")
AVAILABLE = BINARY.exists() and os.geteuid() == 0
WHY_NOT = "needs root and Debian's dovecot-imapd"

_CONFIG = """
base_dir = {dir}/run
state_dir = {dir}/state
log_path = {dir}/dovecot.log
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <{dir}/cert.pem
ssl_key = <{dir}/key.pem
disable_plaintext_auth = no
auth_mechanisms = plain login
mail_location = maildir:{dir}/mail/%u
first_valid_uid = 1
first_valid_gid = 1
namespace inbox {{
  inbox = yes
  separator = /
}}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {dir}/users
}}
userdb {{
  driver = static
  args = uid={owner} gid={group} home={dir}/mail/%u
}}
default_login_user = {login}
default_internal_user = {internal}
default_process_limit = 20
default_client_limit = 200
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
mail_max_userip_connections = 50
imap_id_send = name *
imap_idle_notify_interval = 10s
"""


@dataclass
class Dovecot:
    """A running server with accounts clue@example.cn and clue2@example.cn."""

    directory: Path
    port: int
    tls_port: int
    process: subprocess.Popen[bytes]
    user: str = "clue@example.cn"
    password: str = "secret"
    users: list[str] = field(default_factory=lambda: ["clue@example.cn", "clue2@example.cn"])

    @property
    def ca_pem(self) -> str:
        return (self.directory / "cert.pem").read_text()

    @contextlib.contextmanager
    def client(self, user: str = "") -> Iterator[IMAPClient]:
        with IMAPClient("127.0.0.1", port=self.port, ssl=False, timeout=20) as client:
            client.login(user or self.user, self.password)
            client.normalise_times = False
            yield client

    def append(self, data: bytes, folder: str = "INBOX", at: datetime | None = None) -> None:
        self.append_all([data], folder, at)

    def append_all(self, mails: list[bytes], folder: str = "INBOX", at: datetime | None = None) -> None:
        with self.client() as client:
            if not client.folder_exists(folder):
                client.create_folder(folder)
            for data in mails:
                client.append(folder, data, msg_time=at)

    def flags(self, folder: str = "INBOX") -> dict[int, set[bytes]]:
        with self.client() as client:
            client.select_folder(folder, readonly=True)
            return {uid: set(flags) for uid, flags in client.get_flags(client.search()).items()}

    def renumber(self, folder: str = "INBOX") -> int:
        """Give the folder a new UIDVALIDITY, as after a restored or migrated server; returns it."""
        path = self.directory / "mail" / self.user
        if folder != "INBOX":
            path = path / f".{folder}"
        with self.client() as client:
            old = client.folder_status(folder, ["UIDVALIDITY"])[b"UIDVALIDITY"]
        for file in (*path.glob("dovecot-uidlist*"), *path.glob("dovecot.index*")):
            file.unlink()
        time.sleep(1.1)  # Dovecot takes the time as the new value
        with self.client() as client:
            new = int(client.folder_status(folder, ["UIDVALIDITY"])[b"UIDVALIDITY"])
        assert new != int(old)
        return new


def _owner() -> tuple[str, str]:
    return ("nobody", "nogroup")


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for sock in sockets:
            sock.bind(("127.0.0.1", 0))
        return [sock.getsockname()[1] for sock in sockets]


def _certificate(directory: Path) -> None:
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
            *("-keyout", str(directory / "key.pem"), "-out", str(directory / "cert.pem")),
        ],
        check=True,
        capture_output=True,
    )


@contextlib.contextmanager
def start_dovecot(directory: Path | str | None = None) -> Iterator[Dovecot]:
    """Run Dovecot below `directory` (a short temporary folder if the path is too long for its sockets).

    Raises RuntimeError with the end of its log where it does not come up.
    """
    own: tempfile.TemporaryDirectory[str] | None = None
    base = Path(directory) if directory is not None else None
    if base is None or len(str(base)) > 60 or not _open_to_others(base):
        own = tempfile.TemporaryDirectory(prefix="dc")
        base = Path(own.name)
    base.chmod(0o755)
    for name in ("run", "state", "mail"):
        (base / name).mkdir(parents=True, exist_ok=True)
    owner, group = _owner()
    shutil.chown(base / "mail", owner, group)
    (base / "users").write_text("clue@example.cn:{PLAIN}secret::::::\nclue2@example.cn:{PLAIN}secret::::::\n")
    if not (base / "cert.pem").exists():
        _certificate(base)
    port, tls_port = _free_ports(2)
    uid, gid = pwd.getpwnam(owner).pw_uid, pwd.getpwnam(owner).pw_gid
    text = _CONFIG.format(
        dir=base, owner=uid, group=gid, login="dovenull", internal="dovecot", port=port, tls_port=tls_port
    )
    (base / "dovecot.conf").write_text(text)
    with (base / "stderr.log").open("wb") as log:
        process = subprocess.Popen(
            [str(BINARY), "-F", "-c", str(base / "dovecot.conf")],
            stdout=subprocess.DEVNULL,
            stderr=log,
            start_new_session=True,
        )
    try:
        _wait(process, port, base)
        yield Dovecot(base, port, tls_port, process)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)
        if own is not None:
            own.cleanup()


def _open_to_others(path: Path) -> bool:
    """Whether Dovecot's unprivileged processes can pass through all parent folders."""
    return all(parent.stat().st_mode & 0o001 for parent in path.resolve().parents)


def _wait(process: subprocess.Popen[bytes], port: int, base: Path) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError, ssl.SSLError), socket.create_connection(("127.0.0.1", port), 1) as sock:
            if sock.recv(4) == b"* OK":
                return
        time.sleep(0.1)
    said = "".join(p.read_text(errors="replace")[-1_500:] for p in base.glob("*.log"))
    raise RuntimeError(f"Dovecot did not start: {said}")
