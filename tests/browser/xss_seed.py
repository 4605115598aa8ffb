"""Hands the vectors in to a running hub (HUB_VAR), in six fields: `python tests/browser/xss_seed.py EACH`.

EACH: of the vectors every which. Prints [[number of a clue, a vector that stands on its page], …] as JSON.
"""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterator
from email.message import EmailMessage
from email.policy import SMTP

from sqlalchemy import select, update

from hub import db
from hub.cli.attach import attached
from hub.models import Clue, User
from tests.browser.seed import settled, take
from tests.browser.xss import vectors

FIELD, FILES = 480, 8  # characters of a field; attachments of a mail
CLOSERS = "\"'></script></style></title></textarea></noscript></xmp></iframe>-->]]>"
"""What ends whatever a vector left open, so that each one stands for itself."""


def packed(words: list[str], most: int) -> Iterator[list[str]]:
    """The vectors in heaps that fit into one field."""
    heap: list[str] = []
    for word in words:
        if heap and sum(map(len, heap)) + len(heap) + len(word) > most:
            yield heap
            heap = []
        heap.append(word)
    yield heap


def table(words: list[str]) -> bytes:
    """A list of reports: place, respondent and facts are vectors."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["违法行为发生地", "违法主体", "主要违法事实", "举报人"])
    for heap in packed(words, FIELD):
        line = " ".join(heap)
        writer.writerow([line, line, f"红旗村占用耕地。{line}", heap[0][:60]])
    return out.getvalue().encode()


def mails(words: list[str]) -> Iterator[bytes]:
    """Mails whose subject, file names, sender's name and hypertext are vectors."""
    for number, heap in enumerate(packed(words, FIELD)):
        mail = EmailMessage(policy=SMTP)
        mail["From"], mail["To"] = "a@example.org", "clue@example.cn"
        mail["Message-ID"], mail["Subject"] = f"<xss{number}@example.org>", " ".join(" ".join(heap).split())
        mail.set_content(f"红旗村占用耕地建厂房。{' '.join(heap)}")
        body = "".join(f"<div>{word}{CLOSERS}</div>" for word in heap)
        mail.add_alternative(f"<html><body><p>红旗村</p>{body}</body></html>", subtype="html")
        for name in heap[:FILES]:
            mail.add_attachment(b"x", maintype="text", subtype="plain", filename=" ".join(name.split()))
        yield mail.as_bytes()


def main(each: str) -> None:
    with attached():
        words = vectors()[:: int(each)]
        take("subordinate", "list.csv", table(words))
        for number, data in enumerate(mails(words)):
            take("email", f"xss{number}.eml", data)
        settled(900)
        with db.transaction() as session:
            lead = session.scalar(select(User.id).where(User.login == "lead"))
            session.execute(update(Clue).values(handler_id=lead))  # who handles reads the original
            found = session.scalars(select(Clue.no).order_by(Clue.id)).all()
        print(json.dumps(list(found)))


if __name__ == "__main__":
    main(*sys.argv[1:])
