"""Makes the files of the demo county in hub/demo/data (the manifest beside them is written by hand).

All texts, names, companies and acts are invented; telephones are 138 0000 xxxx. Letters are drawn with free fonts and
degraded; the speech is cut from synthetic hotline calls made for this project. Run by hand when an input must change:

    python bench/demo_inputs.py letters mails forms            (Debian: fonts-wqy-zenhei, fonts-wqy-microhei)
    python bench/demo_inputs.py speech --calls FOLDER_OF_CALLS
"""

from __future__ import annotations

import argparse
import base64
import io
import sys
import zipfile
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

from bench.demo_speech import DATA, speech

ZENHEI = "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc"
MICROHEI = "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc"
A4 = (1240, 1754)  # 150 dpi
A4_FAX = (1728, 1145)  # 204 × 98 dpi, fax "standard" resolution (ITU-T T.4)

# ---- letters

PAGE_1 = """举报信
县自然资源局：
　　我是四川省达州市宣汉县南坝镇圣灯村二组村民，
现向你局反映一件违法批地的事情。
　　去年八月，南坝镇政府没有省里的批文，镇长自己
签字，就把我村二组约六十二亩耕地批给宣汉县恒阳建
材有限公司建厂房，没有办理征收手续，也没有在村里
公告，村民都不知道。
　　今年三月推土机进场，把正在返青的油菜全部推平，
现在已经浇了水泥地坪，建起两栋钢架大棚。村民到镇
上去问，镇里的人说先建后补，手续以后再说。
　　被占的地是村里最好的水浇地，二十三户人家靠它
吃饭，到今天没有一户签过字。"""
PAGE_2 = """　　我们手里有地块照片四张、镇政府签字的复印件一
份，村民愿意当面作证。
　　请你局依法查处越权批地的行为，责令停止施工，
恢复耕地原状。
　　请对我的姓名和电话保密。

　　　　　　　　　举报人：郑国安
　　　　　　　　　电话：13800000211"""
ENVELOPE = """寄：桃江县自然资源局
　　12336举报受理 收

四川省达州市宣汉县南坝镇圣灯村二组
郑国安"""
PHOTO = """关于非法开采铝土矿的举报
县自然资源局：
广西百色市平果市太平镇袍烈村那厘屯后山，
有人没有采矿许可证，用三台挖掘机挖铝土矿，
夜里十点以后用大货车拉走，已经两个多月。
挖出的坑有二十多米深，占用林地约十五亩，
雨天泥水冲进下面的水田。
老板姓韦，外号黑五，平时住在镇上。
随信附照片两张，请派人来查。
举报人：农秀英 电话13800000322"""
DRILLING = """举报材料
桃江县自然资源局转有关部门：
陕西省榆林市神木市大保当镇野鸡河村，陕北远探地
质工程队没有勘查许可证，在村北沙地上打钻探矿，
已经打了七个孔，泥浆直接排进水渠。
施工从今年六月开始，村民多次阻止无效。
有现场照片和钻机铭牌照片可以提供。
举报人：高润生
电话：13800000433"""
REFERRAL = """群众来信摘报
（第十七期）
山西省吕梁市交口县群众来信反映：
交口县回龙镇昌盛煤业有限公司未经批准，私下签订
协议，把采矿权转让给河北商人，收取转让费三千多万
元，煤矿至今由受让人开采。
来信人附转让协议复印件两页。
摘报人：局办公室"""
FAX = """传　真
收件：桃江县自然资源局
事由：煤矿采后不治理
　　贵州省六盘水市盘州市柏果镇红旗村，盘州市
兴源煤矿采完不治理，不履行矿山土地复垦和生态修
复义务，采矿后留下的坑和煤矸石堆占地三十多亩，
雨天污水流进农田，请查处。
　　柏果镇红旗村村民 罗廷贵
　　电话：13800000545"""
CLIPPING = """山坡上的“生态园”
为何长出了别墅
　　近日有读者反映，河北省保定市曲阳县
齐村镇，云栖谷生态农业有限公司以建生态
园为名，占用两百多亩耕地建起三十多栋别
墅对外出售。
　　记者在现场看到，部分别墅已经封顶，
售楼人员称“没有房产证，但有合同”。"""


def drawn(text: str, px: int, step: int, size: tuple[int, int] = A4, at: tuple[int, int] = (110, 130),
          face: str = ZENHEI, ink: int = 25) -> Image.Image:  # fmt: skip
    page = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(page)
    for row, line in enumerate(text.split("\n")):
        font = ImageFont.truetype(face, px + 8 if row == 0 else px)
        draw.text((at[0], at[1] + row * step), line, fill=(ink, ink, ink), font=font)
    return page


def worn(page: Image.Image, *, skew: float, noise: float, blur: float, seed: int, paper: int = 250) -> Image.Image:
    """Skewed, noisy, slightly blurred, on paper that is not quite white."""
    page = page.rotate(skew, resample=Image.Resampling.BICUBIC, fillcolor="white")
    page = page.filter(ImageFilter.GaussianBlur(blur))
    grain = np.random.default_rng(seed).normal(0, noise, (page.height, page.width, 1))
    shade = np.linspace(0, 255 - paper, page.width)[None, :, None]
    return Image.fromarray(np.clip(np.asarray(page, dtype=float) + grain - shade, 0, 255).astype("uint8"))


def stamped(page: Image.Image, words: str, at: tuple[int, int], radius: int = 120) -> Image.Image:
    """A round red stamp over the text: it darkens what lies below."""
    seal = Image.new("RGB", page.size, "white")
    draw = ImageDraw.Draw(seal)
    x, y = at
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), outline=(205, 40, 45), width=8)
    draw.regular_polygon((x, y, radius // 4), 5, fill=(205, 40, 45))
    for number, char in enumerate(words):
        angle = np.pi * (1.15 + 0.7 * (number + 0.5) / len(words) * 2 - 0.35)
        font = ImageFont.truetype(ZENHEI, 30)
        draw.text((x + np.cos(angle) * (radius - 32), y + np.sin(angle) * (radius - 32)), char, fill=(205, 40, 45),
                  font=font, anchor="mm")  # fmt: skip
    return ImageChops.multiply(page, seal)


def photographed(page: Image.Image, seed: int) -> Image.Image:
    """As taken with a telephone: on a table, in perspective, darker towards one side."""
    width, height = page.size
    table = Image.new("RGB", (width, height), (122, 104, 88))
    corners = [(40, 55), (width - 60, 30), (width - 25, height - 50), (25, height - 25)]
    page = page.resize((width, height))
    quad = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=float)
    rows, right = [], []
    for (u, v), (x, y) in zip(quad, corners, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        right += [u, v]
    plane = np.linalg.solve(np.array(rows), np.array(right))
    mask = Image.new("L", page.size, 255).transform(page.size, Image.Transform.PERSPECTIVE, plane)
    warped = page.transform(page.size, Image.Transform.PERSPECTIVE, plane, Image.Resampling.BICUBIC)
    table.paste(warped, mask=mask)
    light = np.linspace(1.0, 0.72, width)[None, :, None]
    dark = Image.fromarray((np.asarray(table, dtype=float) * light).astype("uint8"))
    return worn(dark, skew=0, noise=5, blur=0.5, seed=seed)


def farm(seed: int) -> Image.Image:
    """A picture of a half-built house on a field, drawn: no photograph of anything real."""
    page = Image.new("RGB", (960, 720), (176, 205, 226))
    draw = ImageDraw.Draw(page)
    draw.polygon([(0, 330), (240, 240), (520, 320), (760, 230), (960, 310), (960, 420), (0, 420)], fill=(121, 143, 112))
    draw.rectangle((0, 400, 960, 720), fill=(150, 132, 84))
    for x in range(-300, 960, 46):
        draw.line((x, 720, x + 330, 400), fill=(104, 122, 62), width=7)
    draw.rectangle((330, 210, 690, 520), fill=(190, 118, 92))
    draw.rectangle((330, 355, 690, 368), fill=(160, 160, 158))
    for x in (370, 480, 590):
        draw.rectangle((x, 250, x + 60, 320), fill=(62, 62, 66))
        draw.rectangle((x, 400, x + 60, 480), fill=(62, 62, 66))
    for x in (345, 420, 500, 580, 665):
        draw.line((x, 150, x, 210), fill=(110, 100, 92), width=5)
    return worn(page, skew=0.6, noise=6, blur=0.8, seed=seed)


def letters() -> None:
    folder = DATA / "letter"
    one = worn(drawn(PAGE_1, 40, 92), skew=0.5, noise=7, blur=0.6, seed=1).convert("L")
    two = worn(drawn(PAGE_2, 40, 92), skew=-0.4, noise=7, blur=0.6, seed=2).convert("L")
    grey = [page.point(lambda v: 255 if v > 150 else 0).convert("1") for page in (one, two)]
    grey[0].save(folder / "lx-0001-1.tif", save_all=True, append_images=grey[1:], compression="group4", dpi=(150, 150))
    envelope = worn(drawn(ENVELOPE, 38, 84, size=(1240, 620), at=(120, 90)), skew=0.8, noise=6, blur=0.6, seed=3)
    envelope.convert("L").save(folder / "lx-0001-信封.jpg", quality=45)
    photo = stamped(
        drawn(PHOTO, 44, 108, size=(1200, 1500), at=(90, 150), face=MICROHEI), "平果市太平镇袍烈村", (860, 1130)
    )
    photographed(photo, 4).save(folder / "lx-0002.jpg", quality=58)
    pdf = worn(drawn(DRILLING, 42, 104), skew=0.3, noise=6, blur=0.5, seed=5).convert("L")
    pdf.point(lambda v: v // 16 * 17).save(folder / "lx-0003.pdf", "PDF", resolution=150, quality=45)
    paper = worn(drawn(REFERRAL, 40, 96), skew=-0.5, noise=6, blur=0.5, seed=6)
    stamped(paper, "桃江县自然资源局办公室", (850, 880)).save(DATA / "forms" / "pibanjian.jpg", quality=42)
    fax = drawn(FAX, 58, 132, size=(1728, 2338), at=(150, 160)).convert("L").resize(A4_FAX, Image.Resampling.BILINEAR)
    rough = worn(fax.convert("RGB"), skew=0, noise=30, blur=0.0, seed=7).convert("L")
    rough.point(lambda v: 255 if v > 135 else 0).convert("1").save(
        DATA / "forms" / "chuanzhen.tif", compression="group3", dpi=(204, 98))  # fmt: skip
    clip = worn(drawn(CLIPPING, 36, 82, size=(820, 900), at=(60, 60)), skew=0.7, noise=8, blur=0.5, seed=8, paper=235)
    clip.save(DATA / "forms" / "jianbao.jpg", quality=45)
    farm(9).save(DATA / "wechat" / "putaodi.jpg", quality=60)


# ---- mails

XIAOSHAN = """您好：
我反映浙江省杭州市萧山区瓜沥镇的一件事。村里把集体土地卖给外地人盖房子，大约三亩，房子已经盖到第二层，没有任何审批手续。经手的是村委会主任沈建荣。
我有买卖协议的照片和房子的照片，需要的话可以提供。
我叫周大明，电话13800000101，请为我保密。
"""
QIHE = """你好：
山东省德州市齐河县表白寺镇李家村村东，齐河县鑫达物流有限公司未经批准占用耕地约四十亩，建了两个大仓库，去年十月动工，到现在没有办任何用地手续。
村民多次反映，没有人管。情况说明见附件。
举报人：刘志远，手机13800000112
"""
QIHE_ATTACHED = """情况说明
一、位置：齐河县表白寺镇李家村村东，省道北侧。
二、占用地类：耕地（旱地），约四十亩。
三、建设情况：钢结构仓库两栋，围墙已建成，场地已硬化。
四、证据：现场照片六张、施工铭牌照片一张，保存在举报人手中。
"""
TAIKANG = """河南省周口市太康县老冢镇前何村，太康县宏发砖瓦厂在耕地里取土烧砖，\
挖了四五米深的大坑，毁了二十多亩地。从今年四月开始挖，现在还在挖。
我叫何玉兰，电话13800000123。
"""
TAIKANG_MORE = """补充一点：砖瓦厂的老板叫孙保田，昨天夜里又来了两台挖掘机。我拍了录像，可以发给你们。

在 2026年3月2日，线索受理 写道：
> 您的来信已收到，如有补充请直接回复本邮件。
"""
SUNAN = """<html><body><p>反映违规发证问题：</p>
<p>甘肃省张掖市<b>肃南裕固族自治县</b>祁丰乡，明明在自然保护区里，县里去年还给酒泉金川山矿业有限公司批了采矿权，\
发了采矿许可证，没有经过招拍挂。</p>
<p>证号和公告我存了截图，可以提供。</p><p>举报人 马进福&nbsp;13800000134</p></body></html>"""
SHEYANG = """你好，我想咨询一下：我家在江苏省盐城市射阳县海河镇，老房子要翻建，\
农村宅基地翻建需要办哪些手续？要找哪个部门？
我叫孙小梅，联系电话13800000145。谢谢。
"""
GULOU = """鼓楼区有人没有办手续，在河边空地上搭建厂房，占地两亩左右，每天晚上施工，吵得睡不着。希望派人来看看。
"""
YINGSHANG = """安徽省阜阳市颍上县半岗镇，颍上县华茂置业有限公司在工业用地上建商品房卖，\
擅自改变土地用途，一共六栋楼，已经卖出去一百多套。售楼处的宣传页我拍了照片。
举报人：程晓东，13800000156
"""


def mail(name: str, subject: str, body: str, sender: str, *, html: bool = False, charset: str = "utf-8",
         answers: str = "") -> None:  # fmt: skip
    message = EmailMessage()
    message["From"] = sender
    message["To"] = "12336 <clue@demo.example>"
    message["Subject"] = subject
    message["Date"] = "Mon, 02 Mar 2026 09:20:00 +0800"
    message["Message-ID"] = f"<{name}@mail.demo.example>"
    if answers:
        message["In-Reply-To"] = message["References"] = f"<{answers}@mail.demo.example>"
    message.set_content(body, subtype="html" if html else "plain", charset=charset, cte="base64")
    (DATA / "email" / f"{name}.eml").write_bytes(message.as_bytes())


def raw_gb2312() -> None:
    """As some old clients still write: raw 8-bit gb2312 in headers, body and attachment name, no encoding at all."""
    attached = base64.encodebytes(docx(QIHE_ATTACHED)).decode()
    text = f"""From: 刘志远 <liuzhiyuan@mail.demo.example>
To: clue@demo.example
Subject: 举报物流公司未批先建占用耕地
Date: Mon, 02 Mar 2026 10:05:00 +0800
Message-ID: <qihe@mail.demo.example>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="----=_Demo"

------=_Demo
Content-Type: text/plain; charset="gb2312"
Content-Transfer-Encoding: 8bit

{QIHE}
------=_Demo
Content-Type: application/vnd.openxmlformats-officedocument.wordprocessingml.document; name="占地情况说明.docx"
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename="占地情况说明.docx"

{attached}
------=_Demo--
"""
    (DATA / "email" / "qihe.eml").write_bytes(text.replace("\n", "\r\n").encode("gb2312"))


def docx(text: str) -> bytes:
    """The smallest Word file that programs open: three members, fixed times, so that the bytes stay the same."""
    word = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    kinds = "http://schemas.openxmlformats.org/package/2006/content-types"
    links = "http://schemas.openxmlformats.org/package/2006/relationships"
    main = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"
    body = "".join(f"<w:p><w:r><w:t>{line}</w:t></w:r></w:p>" for line in text.strip().split("\n"))
    members = {
        "[Content_Types].xml": f'<Types xmlns="{kinds}"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/word/document.xml" ContentType="{main}"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{links}"><Relationship Id="rId1" Type="{office}" '
        'Target="word/document.xml"/></Relationships>',
        "word/document.xml": f'<w:document xmlns:w="{word}"><w:body>{body}</w:body></w:document>',
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, xml in members.items():
            head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
            archive.writestr(zipfile.ZipInfo(name, (2026, 3, 2, 9, 0, 0)), head + xml)
    return out.getvalue()


def mails() -> None:
    mail("xiaoshan", "反映村里买卖集体土地", XIAOSHAN, "周大明 <zhoudaming@mail.demo.example>")
    raw_gb2312()
    mail("taikang", "砖瓦厂毁坏耕地", TAIKANG, "何玉兰 <heyulan@mail.demo.example>", charset="gb18030")
    mail("taikang-more", "回复：砖瓦厂毁坏耕地", TAIKANG_MORE, "何玉兰 <heyulan@mail.demo.example>", answers="taikang")
    mail("sunan", "保护区里违规批采矿权", SUNAN, "马进福 <majinfu@mail.demo.example>", html=True, charset="gb18030")
    mail("sheyang", "咨询宅基地翻建手续", SHEYANG, "孙小梅 <sunxiaomei@mail.demo.example>")
    mail("gulou", "违建", GULOU, "河边住户 <resident@mail.demo.example>")
    mail("yingshang", "工业用地上卖商品房", YINGSHANG, "程晓东 <chengxiaodong@mail.demo.example>")


# ---- forms

ROWS = """序号,违法地点,违法主体,主要违法事实,面积（亩）,村级信息员
1,桃江县灰山港镇向阳花村,桃江县湘峰水泥制品厂,未经批准占用集体土地建厂房，已建成钢结构厂房一栋,3.2,曾庆华
2,桃江县武潭镇善溪村,顺发砂石有限公司,无证在河道采砂，夜间开采，持续两个多月,,刘满秀
3,益阳市赫山区沧水铺镇碧云峰村,不详,以平整土地为名开挖山体，出售石料，未办理采矿许可证,6,蔡德胜
"""


def forms() -> None:
    (DATA / "forms" / "shangbao.csv").write_bytes(ROWS.encode("gb18030"))


# ---- speech


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("parts", nargs="+", choices=("letters", "mails", "forms", "speech"))
    parser.add_argument("--calls", type=Path, help="folder with call01.wav …, its parent with u04.wav")
    told = parser.parse_args()
    makers: dict[str, Callable[[], None]] = {"letters": letters, "mails": mails, "forms": forms}
    for part in told.parts:
        if part == "speech":
            speech(told.calls)
        else:
            makers[part]()


if __name__ == "__main__":
    main()
