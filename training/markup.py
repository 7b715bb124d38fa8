"""The report's style, and texts and tables as HTML."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from classifier.inline import clean

Cells = Sequence[str]

CSS: Final = """
:root{color-scheme:light dark;--ink:#1b1f24;--paper:#fff;--soft:#f2f4f7;--rule:#d5dae1;--faint:#5d6673;
--good:#1a7f37;--bad:#c4262e;--t0:#0b62c4;--t1:#b35900;--t2:#7b3fb5;--t3:#0a7d6c;--t4:#b3246b}
@media (prefers-color-scheme:dark){:root{
--ink:#e4e8ee;--paper:#14171b;--soft:#1f242b;--rule:#39414c;--faint:#9aa5b4;
--good:#57c774;--bad:#ff7b80;--t0:#6bb1ff;--t1:#f3a657;--t2:#c79bf5;--t3:#53d1bd;--t4:#f58abd}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:72rem;
margin:0 auto;padding:1.5rem 1rem 4rem}
h1{margin:0 0 .5rem}h2{margin:2.5rem 0 .5rem;border-bottom:1px solid var(--rule)}h3{margin:1.5rem 0 .4rem}
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:14px}
th,td{padding:.25rem .6rem;border-bottom:1px solid var(--rule);text-align:right;vertical-align:top}
th:first-child,td:first-child,td.text{text-align:left}th{color:var(--faint);font-weight:600}
td.text{min-width:18rem;max-width:38rem;overflow-wrap:anywhere}td.hit{background:var(--soft);font-weight:600}
.met{color:var(--good)}.missed{color:var(--bad)}.faint{color:var(--faint)}
.charts{display:flex;flex-wrap:wrap;gap:1rem}figure{margin:0;flex:1 1 300px;max-width:420px}
figcaption{font-weight:600}svg{width:100%;height:auto}svg text{font-size:11px;fill:var(--faint)}
.grid{stroke:var(--rule)}.diagonal{stroke:var(--faint);stroke-dasharray:4 4}.line{fill:none;stroke-width:2}
.line.tone0{stroke:var(--t0)}
.line.tone1{stroke:var(--t1)}.line.tone2{stroke:var(--t2)}.line.tone3{stroke:var(--t3)}
.line.tone4{stroke:var(--t4)}circle.tone0{fill:var(--t0)}circle.tone1{fill:var(--t1)}circle.tone2{fill:var(--t2)}
circle.tone3{fill:var(--t3)}circle.tone4{fill:var(--t4)}
.legend{list-style:none;margin:0;padding:0;display:flex;flex-wrap:wrap;gap:0 1rem;font-size:13px}
.legend li::before{content:"";display:inline-block;width:.8em;height:.8em;margin-right:.35em}
.legend .tone0::before{background:var(--t0)}.legend .tone1::before{background:var(--t1)}
.legend .tone2::before{background:var(--t2)}.legend .tone3::before{background:var(--t3)}
.legend .tone4::before{background:var(--t4)}
details{border-top:1px solid var(--rule);padding:.4rem 0}summary{cursor:pointer}
"""


def plain(text: str) -> str:
    """Any text as one escaped line of what HTML may hold.

    >>> plain("a <b>\\n\\x00c")
    'a &lt;b&gt; \ufffdc'
    """
    return escape(" ".join(clean(text).split()))


def table(header: Cells, rows: Iterable[Cells]) -> str:
    """``header`` is text, ``rows`` are HTML."""
    head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _cell(html: str) -> str:
    return html if html.startswith("<td") else f"<td>{html}</td>"
