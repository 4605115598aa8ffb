"""F01, F02, F17, F18, F19: the mail poller is killed, cut, held and doubled; lost 0, doubled 0, torn 0."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from pathlib import Path

import pytest

from channels.email import receive
from hub.ports import HubPorts
from tests.fault.conftest import Mailserver
from tests.fault.kit import ChildError, Ledger, Proxy, Zygote, count, mail, many, until, waiting

pytestmark = pytest.mark.fault


def post(mailserver: Mailserver, ledger: Ledger, rng: random.Random, number: int) -> list[bytes]:
    mails = [ledger.note(f"m{n}", mail(rng, f"m{n}")) for n in range(number)]
    mailserver.append_all(mails)
    return mails


def slack(start: float) -> float:
    """Grows with the time that has passed: on a busy machine the kills and cuts grow rarer, so that the test ends."""
    return 1 + max(0.0, time.monotonic() - start - 10) / 5


def settle(forked: Zygote) -> None:
    """A real RQ worker process reads what came in."""
    worker = forked.run("worker", queues=["light"])
    until(lambda: not waiting("normalize"), 120, "all mails are read")
    worker.killed()


def test_f01_killed_every_200_ms_while_fetching_200_mails(
    forked: Zygote, mailserver: Mailserver, ledger: Ledger, rng: random.Random, tmp_path: Path
) -> None:
    post(mailserver, ledger, rng, many(200, 400))
    source = mailserver.entrance()
    start, kills, stored, begun = time.monotonic(), 0, 0, tmp_path / "begun"
    while stored < len(ledger.sent):
        begun.unlink(missing_ok=True)
        child = forked.run("poll_once", channel="email", source=source, begun=str(begun))
        if rng.random() < 0.9:  # counted from its start the kills would all fall into the sign-in on a busy machine
            until(lambda child=child: begun.exists() or not child.alive(), what="the poller signs in")
        time.sleep(rng.uniform(0.0, 0.4) * slack(start))
        if child.alive():
            kills += 1
            child.killed()
        acknowledged, stored = mailserver.seen(), count()
        assert acknowledged <= stored, "a mail was acknowledged before it was stored"
    forked.run("poll_once", channel="email", source=source).wait()
    assert kills >= 3, "the poller was hardly ever killed: nothing was shown"
    assert mailserver.seen() == len(ledger.sent)
    settle(forked)
    ledger.check()
    print(f"{kills} kills")


def test_f02_connections_cut_after_random_bytes(
    forked: Zygote, mailserver: Mailserver, ledger: Ledger, rng: random.Random
) -> None:
    mails = post(mailserver, ledger, rng, many(40, 400))
    start, largest = time.monotonic(), max(map(len, mails))
    with Proxy(mailserver.port) as proxy:
        proxy.budget = lambda: int(slack(start) * largest ** rng.uniform(0, 1.1))  # short ones as often as long
        source = mailserver.entrance(port=proxy.port)
        end = time.monotonic() + 120
        while count() < len(ledger.sent) and time.monotonic() < end:
            with contextlib.suppress(ChildError):
                forked.run("poll_once", channel="email", source=source).wait()
            assert mailserver.seen() <= count()
        assert proxy.cuts >= 10
        proxy.budget = lambda: None
        forked.run("poll_once", channel="email", source=source).wait()
    settle(forked)
    ledger.check()


def test_f17_half_open_connection_is_given_up_and_made_good(
    hub: Path, mailserver: Mailserver, ledger: Ledger, rng: random.Random
) -> None:
    post(mailserver, ledger, rng, 12)
    ports = HubPorts()
    with Proxy(mailserver.port) as proxy:
        source = mailserver.entrance(port=proxy.port, timeout_seconds=0.7)
        (entry,) = ports.sources("email")

        def hold() -> None:
            until(lambda: count() >= 3)
            proxy.mute.set()  # in the middle of the fetches, the connection stays open

        holder = threading.Thread(target=hold)
        holder.start()
        began = time.monotonic()
        with pytest.raises((OSError, receive.IMAPClientError)):
            receive.poll_once(ports, entry)
        holder.join()
        assert time.monotonic() - began < 30
        assert 3 <= count() < len(ledger.sent) or count() == len(ledger.sent)
        proxy.mute.clear()
        assert receive.poll_once(ports, entry) == len(ledger.sent) - count() or count() == len(ledger.sent)
    assert source == "email:1"
    ledger.check(settled=False)


def test_f18_new_uidvalidity_and_appended_again(
    hub: Path, mailserver: Mailserver, ledger: Ledger, rng: random.Random
) -> None:
    mails = post(mailserver, ledger, rng, 15)
    mailserver.entrance()
    ports = HubPorts()
    (entry,) = ports.sources("email")
    assert receive.poll_once(ports, entry) == 15
    mailserver.renumber()
    assert receive.poll_once(ports, entry) == 0, "the same mails under new UIDs are no new mails"
    mailserver.append_all(mails[:5])
    assert receive.poll_once(ports, entry) == 0, "the same mails appended again are no new mails"
    fresh = [ledger.note("later", mail(rng, "later"))]
    mailserver.append_all(fresh)
    assert receive.poll_once(ports, entry) == 1
    assert receive.poll_once(ports, entry) == 0
    ledger.check(settled=False)


@pytest.mark.parametrize("locked", [True, False])
def test_f19_two_intakes_on_one_mailbox(
    forked: Zygote, mailserver: Mailserver, ledger: Ledger, rng: random.Random, locked: bool
) -> None:
    """With the lease only one reads; and where both read after all (a lease lost with its connection), keys decide."""
    post(mailserver, ledger, rng, 40)
    source = mailserver.entrance()
    both = [forked.run("poll_once", channel="email", source=source, lease=locked) for _ in range(2)]
    new = [child.wait() for child in both]
    if locked:
        assert sorted(new) == [0, 40] or sum(new) == 40
    assert sum(new) == 40, "each mail counts as new for exactly one of the two"
    ledger.check(settled=False)
