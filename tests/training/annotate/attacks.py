"""Pages that try to run something, to reach somebody, or to break out of where their text is put."""

import json
import os
from pathlib import Path

SUITES = Path(os.environ.get("PAGESIEVE_SUITES") or Path(__file__).parents[3] / ".cache" / "suites")
SUITE = SUITES / "blns" / "blns.json"

ATTACKS = (
    "<script>window.top.pwned=1;fetch('{canary}/script')</script>",
    "<script src='{canary}/script-src'></script>",
    "<img src=x onerror=\"top.pwned=1;new Image().src='{canary}/onerror'\">",
    "<img src='{canary}/img' srcset='{canary}/srcset 2x' alt=picture>",
    "<svg onload=\"fetch('{canary}/svg')\"><image href='{canary}/svg-image'/><script>fetch('{canary}/svg-script')</script>"
    "<a xlink:href='{canary}/svg-a'><text>in a drawing</text></a></svg>",
    "<math><mtext><table><mglyph><style><!--</style><img src='{canary}/mathml' onerror=\"fetch('{canary}/mxss')\">",
    "<iframe src='{canary}/iframe'></iframe><iframe srcdoc=\"<script>fetch('{canary}/srcdoc')</script>\"></iframe>",
    "<object data='{canary}/object'></object><embed src='{canary}/embed'><video poster='{canary}/poster' src='{canary}/video'></video>",
    "<link rel=stylesheet href='{canary}/link'><link rel=preload as=image href='{canary}/preload'>"
    "<link rel=dns-prefetch href='{canary}'><link rel=icon href='{canary}/icon'>",
    "<meta http-equiv=refresh content=\"0;url={canary}/refresh\"><base href='{canary}/base/'>",
    "<style>@import '{canary}/import'; body {{ background: url('{canary}/css') }}"
    " @font-face {{ font-family: f; src: url('{canary}/font') }} p {{ font-family: f }}</style>",
    "<style></style><script>fetch('{canary}/after-style')</script></style>",
    "<style>p{{color:red}}</st</style><img src=x onerror=\"fetch('{canary}/half-style')\">",
    "<div style=\"background-image:url('{canary}/style-attribute')\">a box</div>",
    "<a href='javascript:top.pwned=1' id=trap target=_top>a link</a><a href='{canary}/link-out' ping='{canary}/ping'>out</a>",
    "<form action='{canary}/form'><input autofocus onfocus=\"fetch('{canary}/focus')\"><button>Send</button></form>",
    "<details open ontoggle=\"fetch('{canary}/toggle')\"><summary>more</summary>text</details>",
    "<body onload=\"fetch('{canary}/body')\" background='{canary}/background'>",
    "<table background='{canary}/table'><tr><td background='{canary}/td'>cell</table>",
    "<template><img src='{canary}/template'></template><noscript><img src='{canary}/noscript'></noscript>",
    "<p title='\"><script>fetch(\"{canary}/title\")</script>'>text with a title</p>",
    "<p class='\"><script>top.pwned=1</script>' id='pagesieve-0'>text with a class</p>",
    "<a class='pagesieve-block pagesieve-1' href='{canary}/marker'>not a marker</a>",
    "<x-tag onclick='top.pwned=1' is='x'>a tag of their own</x-tag>",
    "<p>\ufdd0parent\ufdd1 \ufdd0colours\ufdd1</p><p>{{colours}} {{parent}}</p>",
    "&lt;script&gt;top.pwned=1&lt;/script&gt; &lt;/a&gt;&lt;img src=x onerror=top.pwned=1&gt;",
    "<!--><script>top.pwned=1</script>--><![CDATA[<script>top.pwned=1</script>]]>",
)


def page(canary="http://canary.invalid"):
    """All attacks on one page, each between two paragraphs that must come through."""
    parts = [f"<p>Before {i}.</p>{attack.format(canary=canary)}<p>After {i}.</p>" for i, attack in enumerate(ATTACKS)]
    return "<!doctype html><html><head><title>Hostile</title></head><body>" + "\n".join(parts) + "</body></html>"


def naughty_strings():
    """The big list of naughty strings, where it lies; those here else."""
    own = ["<script>alert(1)</script>", "'\"><img src=x onerror=alert(1)>", "\u202edesrever", "\x00\x1b[31m", "${{7*7}}"]
    return own + (json.loads(SUITE.read_text("utf-8")) if SUITE.is_file() else [])
