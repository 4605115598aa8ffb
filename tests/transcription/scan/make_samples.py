"""Draws the sample scans in `data/` (own texts, free fonts). Run by hand when a sample must change:

python tests/transcription/scan/make_samples.py     (Debian: fonts-wqy-zenhei fonts-wqy-microhei)
"""

from __future__ import annotations

import io
import json
import random
from pathlib import Path

import numpy as np
from heic import heic
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

DATA = Path(__file__).parent / "data"
ZENHEI = "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc"
MICROHEI = "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc"
A4 = (1240, 1754)  # 150 dpi

LETTER = """举报信
市自然资源局：
我是城关镇东坪村的村民，现在反映本村一起违法占地的事情。
二〇二三年九月起，村东头砖厂的老板没有任何批准手续，
擅自占用基本农田三十五亩，在耕地上修建厂房和料场。
推土机把麦田全部推平，还用石渣垫高了一米多，现在已经
建成钢架厂房两栋，水泥地面约一万二千平方米。
村民多次到镇上反映，都没有人来处理。今年三月，他们又
在西边开挖土方，挖走黏土卖给外县的砖瓦厂，每天晚上有
二十多辆大车进出，把村里的水泥路也轧坏了。
请领导派人到现场核实，依法制止，恢复耕地原状。
随信附上照片四张和占地位置示意图一份。
举报人希望对姓名保密。
联系电话：13900001234
2024年4月18日"""
COLUMNS = (
    """占用耕地情况说明
去年冬天，镇里引进一个养
殖项目，说是搞生态农业，
实际上在河滩边的水浇地里
盖了十六栋别墅样的房子，
四周砌了围墙，村民进不去。
我们查过，这块地是永久基
本农田，从来没有公示过征
收方案，也没有给过补偿。
有人去问，他们说手续正在
办，先建起来再说。""",
    """附近群众的意见
大家认为这是以设施农业为
名搞非农建设，应当拆除。
围墙里面还挖了一个鱼塘，
面积有七八亩，挖出来的砂
子全部拉到搅拌站卖掉了。
希望上级查一查当时是谁批
准的，收了多少钱。
如果需要，我们愿意带路去
现场，也可以提供录像。""",
)
VERTICAL = """致县国土局负责同志
北山沟有人私自开采铁矿
夜间放炮白天运输已半年
山体开裂泉水断流无人管
请速派员查封盗采的矿洞
并追究非法采矿者的责任
石门乡上营村全体村民
二零二四年五月六日"""
FAX = """传真
收件：市自然资源局执法支队
发件：青石乡自然资源所
关于砂石料场违法占地的紧急报告
今天上午巡查发现，国道南侧有一处砂石料场
正在占用林地和耕地堆放砂石，面积约八亩，
现场负责人不能出示用地批准文件。
已口头责令停工，请支队派人处理。
联系电话：0478-5212345
2024年6月3日"""
NOTE = """执法大队：
昨天夜里西沟村采石场又在爆破，
震裂了七户人家的墙壁。
他们的采矿许可证去年已经到期，
请马上派人来查。
村民代表 电话 13700002468
2024年5月20日"""
STAMP = """关于核查非法采砂线索的函
县自然资源局：
我村河道内有人非法采砂，毁坏河堤和滩地，
涉及耕地约二十亩，群众反映强烈。
现将有关情况报告你局，请依法查处，
并将结果书面告知我村委会。
联系人电话：13800005678
二〇二四年七月二日"""


def font(size: int, path: str = ZENHEI) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, size)


def lines(
    text: str,
    size: tuple[int, int] = A4,
    at: tuple[int, int] = (110, 120),
    px: int = 36,
    step: int = 72,
    face: str = ZENHEI,
) -> Image.Image:
    page = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(page)
    for row, line in enumerate(text.split("\n")):
        draw.text((at[0], at[1] + row * step), line, fill=(20, 20, 20), font=font(px, face))
    return page


def columns() -> Image.Image:
    page = Image.new("RGB", A4, "white")
    draw = ImageDraw.Draw(page)
    for column, text in enumerate(COLUMNS):
        for row, line in enumerate(text.split("\n")):
            draw.text((90 + column * 560, 150 + row * 66), line, fill="black", font=font(36))
    return page


def vertical() -> Image.Image:
    page = Image.new("RGB", (1240, 1000), "white")
    draw = ImageDraw.Draw(page)
    for column, line in enumerate(VERTICAL.split("\n")):
        for row, char in enumerate(line):
            draw.text((1080 - column * 120, 100 + row * 62), char, fill="black", font=font(48))
    return page


def stamp() -> Image.Image:
    page = lines(STAMP, (1240, 1000))
    seal = Image.new("RGB", page.size, "white")
    draw = ImageDraw.Draw(seal)
    red = (215, 30, 40)
    centre = (470, 560)
    draw.ellipse((centre[0] - 170, centre[1] - 170, centre[0] + 170, centre[1] + 170), outline=red, width=9)
    draw.regular_polygon((*centre, 62), 5, rotation=0, fill=red)
    for index, char in enumerate("东坪村民委员会"):
        angle = np.deg2rad(-150 + index * 20)
        draw.text(
            (centre[0] + 130 * np.cos(angle) - 20, centre[1] + 130 * np.sin(angle) - 20), char, fill=red, font=font(40)
        )
    return ImageChops.multiply(page, seal)  # ink lies on toner: black below red stays black


def photo(page: Image.Image, seed: int = 5) -> Image.Image:
    """A page held askew below a lamp: perspective, shading, blur and sensor noise."""
    chance = random.Random(seed)
    width, height = page.size
    table = Image.new("RGB", (width + 240, height + 240), (96, 78, 60))
    table.paste(page, (120, 120))
    corners = [
        (x + chance.randint(-30, 30), y + chance.randint(-30, 30))
        for x, y in ((60, 60), (60, height + 180), (width + 180, height + 180), (width + 180, 60))
    ]
    bent = table.transform(
        (width, height), Image.Transform.QUAD, [c for point in corners for c in point], Image.Resampling.BICUBIC
    )
    pixels = np.asarray(bent.filter(ImageFilter.GaussianBlur(0.7)), dtype=np.float32)
    shade = np.linspace(1.0, 0.72, width)[None, :, None] * np.linspace(0.95, 0.8, height)[:, None, None]
    noise = np.random.default_rng(seed).normal(0, 2, (height, width, 1))
    return Image.fromarray(np.clip(pixels * shade + noise, 0, 255).astype(np.uint8))


def envelope() -> Image.Image:
    import zxingcpp

    page = Image.new("RGB", (1240, 620), (238, 222, 190))
    draw = ImageDraw.Draw(page)
    draw.text((90, 60), "015000", fill="black", font=font(44))
    draw.text((150, 210), "巴彦淖尔市自然资源局  收", fill="black", font=font(54))
    draw.text((560, 480), "五原县隆兴昌镇  寄", fill="black", font=font(44))
    code = zxingcpp.create_barcode("XA123456785CN", zxingcpp.BarcodeFormat.Code128)
    bars = Image.fromarray(np.asarray(zxingcpp.write_barcode_to_image(code, scale=2)))
    page.paste(bars.resize((420, 90), Image.Resampling.NEAREST), (760, 70))
    draw.text((840, 165), "XA123456785CN", fill="black", font=font(30))
    return page


def save(name: str, image: Image.Image, text: str, **how: object) -> None:
    buffer = io.BytesIO()
    image.save(buffer, {"png": "PNG", "jpg": "JPEG", "tif": "TIFF"}[name.rsplit(".", 1)[1]], **how)
    assert buffer.tell() <= 60_000, (name, buffer.tell())
    (DATA / name).write_bytes(buffer.getvalue())
    TEXTS[name] = text
    print(name, buffer.tell(), image.size)


TEXTS: dict[str, str] = {}


def main() -> None:
    DATA.mkdir(exist_ok=True)
    save("clean.png", lines(LETTER).convert("L").quantize(4), LETTER, optimize=True)
    save("columns.png", columns().convert("L").quantize(4), "\n".join(COLUMNS), optimize=True)
    save("vertical.png", vertical().convert("L").quantize(4), VERTICAL, optimize=True)
    save("stamp.jpg", stamp(), STAMP, quality=40)
    save("photo.jpg", photo(lines(LETTER, face=MICROHEI).resize((1000, 1414))), LETTER, quality=26)
    fax = lines(FAX, (1728, 2200), (150, 150), 50, 104).convert("L").resize((1728, 1100), Image.Resampling.BILINEAR)
    save("fax.tif", fax.point(lambda value: 255 * (value > 140)).convert("1"), FAX, compression="group4", dpi=(204, 98))
    save("envelope.jpg", envelope(), "", quality=45)
    phone = heic(photo(lines(NOTE, (1100, 900), (90, 90))).rotate(-90, expand=True), turns=1)
    assert len(phone) <= 60_000
    (DATA / "phone.heic").write_bytes(phone)
    TEXTS["phone.heic"] = NOTE
    (DATA / "texts.json").write_text(json.dumps(TEXTS, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
