"""Every door that a report comes in by, with one of the flock before it."""

from __future__ import annotations

import io

from PIL import Image
from sqlalchemy import select, text

from channels.contract import Blob
from hub import db
from hub.enrich import transcribe
from hub.models import Clue, Part
from tests.access.canary import Canary
from tests.access.canary_run import Run
from tests.integration.citizen_page import Citizen, consent
from tests.integration.notify.conftest import UNIT
from tests.integration.test_sealed_at_rest import sound
from transcription.contract import Segment, Word
from transcription.contract import Transcript as Heard


def picture(one: Canary) -> bytes:
    """A photo whose EXIF names them and the place."""
    made, out = Image.new("RGB", (64, 48), "white"), io.BytesIO()
    exif = made.getexif()
    exif[0x013B], exif[0x8298], exif[0x010E] = one.mail, one.phone, one.openid  # artist, copyright, description
    exif.get_ifd(0x8825)[0x1D] = "2026:03:02"
    made.save(out, "JPEG", exif=exif, comment=one.name.encode())
    return out.getvalue()


def by_mail(run: Run) -> int:
    one, other = run.bird, run.bird
    number = run.rng.randrange(10**9)
    body = f"{one.facts}\r\n\r\n> 发件人: {other.name} <{other.mail}>\r\n> 手机 {other.phone}\r\n"
    head = (
        f"From: {one.nickname} <{one.mail}>\r\nReply-To: {one.mail}\r\nTo: clue@example.cn\r\nCc: {other.mail}\r\n"
        f"Message-ID: <{number}.{one.mail}>\r\nSubject: {one.name}举报\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n'
        "Content-Transfer-Encoding: 8bit\r\n\r\n"
    )
    tail = (
        f'\r\n--b\r\nContent-Type: text/plain; name="{one.name}.txt"\r\nContent-Transfer-Encoding: 8bit\r\n\r\n'
        f"联系地址：{one.address}\r\n--b--\r\n"
    )
    return run.county.take("email", [Blob("a.eml", "", (head + body + tail).encode())], {}, "email:t")


def by_phone(run: Run) -> int:
    one = run.bird
    made = run.county.take("phone", [Blob(f"{one.phone}{one.name}.wav", "", sound())],
                           {"caller": one.phone, "agent": "8003"})  # fmt: skip
    turns = (
        Segment("您好，12336，请问您贵姓", 0.9, 0, 0.0, 1.0, channel=0),
        Segment(f"我叫{one.name}，电话{one.phone}", 0.9, 1, 1.0, 3.0, channel=1,
                words=(Word(1.0, 1.4, "我叫", 0.9), Word(1.5, 2.5, one.name, 0.9))),
        Segment(f"好的{one.name}，您住在{one.address}对吗", 0.9, 2, 3.0, 5.0, channel=0),
        Segment("对，红旗村有人占用耕地建厂房", 0.9, 3, 5.0, 6.0, channel=1),
    )  # fmt: skip
    heard(made, Heard("speech", "test", "m", turns, duration=6.0, channels=2))
    return made


def heard(clue_id: int, made: Heard) -> None:
    """What an engine would have heard or read of the clue's first recording or page."""
    with db.transaction() as session:
        kinds = ("audio",) if made.kind == "speech" else ("scan", "image")
        wanted = select(Part.id).where(Part.clue_id == clue_id, Part.kind.in_(kinds)).order_by(Part.id)
        part = session.scalars(wanted).first()
        if part is not None:
            transcribe.store(session, part, made)
            session.execute(text("delete from work where handler in ('transcribe', 'read_scan', 'scan_pages')"))


def by_letter(run: Run) -> int:
    one = run.bird
    files = [Blob(f"{one.name}信封.jpg", "", picture(one)), Blob(f"{one.name}来信.jpg", "", picture(one))]
    meta = {"reporter_name": one.name, "reporter_phone": one.phone, "reporter_address": one.address}
    made = run.county.take("letter", files, meta)
    lines = [f"寄信人：{one.name}", one.address, one.facts, f"此致 {one.name} {one.phone}"]
    heard(made, Heard("scan", "test", "m", tuple(
        Segment(line, 0.99, n, page=0, box=(0.1, 0.1 * n, 0.9, 0.1 * n + 0.1)) for n, line in enumerate(lines)
    )))  # fmt: skip
    return made


def by_wechat(run: Run) -> int:
    one = run.bird
    told = {"openid": one.openid, "nickname": one.nickname}
    return run.county.take("wechat", [Blob("a.txt", "text/plain", one.facts.encode())], told, "wechat:t")


def by_referral(run: Run) -> int:
    one = run.bird
    told = {"leader": "王主任", "instruction": f"请核处{one.name}来信：{one.facts}", "received": "2026-03-02"}
    return run.county.take("referral", [Blob("批示.txt", "", one.facts.encode("gbk"))], told)


def by_list(run: Run) -> int:
    one = run.bird
    table = f"违法地点,主要违法事实,举报人,联系电话\n桃江县武潭镇,{one.facts},{one.name},{one.phone}\n"
    return run.county.take("subordinate", [Blob(f"{one.name}.csv", "", table.encode("gbk"))], {"from_unit": "桃江县"})


def by_media(run: Run) -> int:
    one = run.bird
    told = {"outlet": "益阳日报", "headline": f"{one.name}反映占地", "published": "2026-03-02"}
    return run.county.take("media", [Blob("报道.txt", "", one.facts.encode())], told)


def by_visit(run: Run) -> int:
    one = run.bird
    told = {"sub_channel": "0802", "reporter_name": one.name, "reporter_phone": one.phone}
    return run.county.take("other", [Blob(f"{one.name}来访.txt", "", one.facts.encode())], told)


def by_form(run: Run) -> int:
    """The citizens' page, with a photo."""
    one = run.bird
    citizen = Citizen(run.app, f"203.0.113.{run.rng.randrange(1, 250)}")
    sent = {"place": "湖南省益阳市桃江县武潭镇红旗村", "facts": one.facts[:900], "mode": "real_name",
            "reporter_name": one.name, "reporter_phone": one.phone, "consent": consent.VERSIONS[-1].version,
            "token": citizen.token(), "files": (io.BytesIO(picture(one)), f"{one.name}.jpg")}  # fmt: skip
    answer = citizen.post(f"report/{UNIT}", sent)
    assert answer.status_code in (200, 429), answer.text
    run.look("citizen's receipt", answer.text)
    return 0


def by_pad(run: Run) -> int:
    """A call taken at the pad, with its draft and hints."""
    one = run.bird
    call = run.ask("operator", "/call/open", "POST", json={"ring": 0}).json["id"]
    values = {"caller": one.phone, "name": one.name, "facts": one.facts[:900], "place": "桃江县武潭镇红旗村",
              "respondent": "鑫隆建材有限公司", "class": "T2", "routes": "call"}  # fmt: skip
    draft = {"values": values, "page": "p", "seq": 1, "version": 1}
    run.ask("operator", f"/call/{call}/draft", "POST", json=draft)
    run.ask("operator", "/call/hints", "POST", json={"caller": one.phone, "values": values})
    run.ask("operator", f"/call/{call}/end", "POST",
            json={"ending": "clue", "values": values, "page": "p", "seq": 2, "proof": {}})  # fmt: skip
    return 0


DOORS = [by_mail, by_phone, by_letter, by_wechat, by_referral, by_list, by_media, by_visit, by_form, by_pad]


def take(run: Run) -> None:
    door = run.rng.choice(DOORS)
    run.done[door.__name__] += 1
    door(run)
    with db.reading() as session:
        run.clues = list(session.scalars(select(Clue.id).order_by(Clue.id)))
