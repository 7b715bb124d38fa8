"""Bytes into text: the byte order mark, the HTTP header, the page's own declaration, and only then a guess.

The order is the WHATWG's. Three departures, each because of pages that were measured (2,763 public ones):

- The prescan looks at 16 KB where the standard's looks at 1 KB: of 2,543 declarations 255 stand after the
  first KB and 20 after the sixteenth. (Browsers honour those too, but through their tree builder.)
- A page that declares a legacy encoding and is valid UTF-8 is read as UTF-8: 11 of 11 such pages were stored
  as UTF-8 under a stale declaration, and legacy text is valid UTF-8 by accident only when it is a few
  characters long. The reverse is obeyed: the 4 pages that declared UTF-8 and were not quite valid had 1 to 4
  faults each. The HTTP header is obeyed either way, since a caller may have put a better label there.
- A label of the standard's "replacement" encoding (ISO-2022-KR, HZ, ...) counts as unknown. A browser shows
  one U+FFFD instead of such a page, to keep scripts out; here that would lose the page's text without a word.

Labels are looked up in the WHATWG's table alone, never in Python's codec registry: a page cannot ask for
`zlib`, `idna`, `utf-7` or a codec that somebody registered. NULs and line ends are kept as decoded.

Detector: chardet 7 (0BSD, no dependencies, imported when first needed, 40 ms), shown text without markup and
limited to encodings that the web has. Without declarations, of 200 public UTF-8 pages rewritten in 14 legacy
encodings 198 come out right (chardet left alone 175, resiliparse 192, charset-normalizer 91; of 89 further
ones 86, 69, 81, 60), and 413 of chardet's own 414 non-ASCII files (resiliparse 403), on which it may have
been tuned.
"""

import codecs
import re
from dataclasses import dataclass, field
from functools import cache
from typing import Final, Literal

from webencodings.labels import LABELS

Source = Literal["bom", "argument", "meta", "detector", "fallback"]


@dataclass(frozen=True, slots=True)
class Decoded:
    """Text, the encoding it was read with, and the rung of the ladder that named that encoding.

    `encoding` is a WHATWG name in lower case, or one of four that browsers lack and files have: utf-32le and
    utf-32be (by their marks or NULs), ibm855 and johab (by the detector).
    """

    text: str
    encoding: str
    source: Source
    utf8: bytes | None = field(default=None, repr=False, compare=False)
    """The text in UTF-8, where the page's own bytes are just that: they need not be written anew for the parser."""


FALLBACK: Final = "windows-1252"
PRESCAN_BYTES: Final = 16_384
ACCIDENTAL_CONTINUATIONS: Final = 8
"""Up to so many continuation bytes may be some characters of GBK: about one in seven is valid UTF-8."""
GOOD_PER_BAD: Final = 20
"""So many good characters for each fault make faulty UTF-8 (a pasted quotation), not legacy text."""
DETECTOR_WINDOW: Final = 1_048_576
"""How far beyond the first non-ASCII byte evidence is looked for."""
DETECTOR_BYTES: Final = 65_536
"""How much evidence the detector is shown; its models converge within 16 KB."""
DETECTOR_BLANKS: Final = b" " * 4096
"""chardet seeks declarations in its first 4,096 bytes and takes their labels to Python's codec registry."""

BYTE_ORDER_MARKS: Final = (  # UTF-32LE first: its mark begins with that of UTF-16LE
    (codecs.BOM_UTF32_LE, "utf-32le"),
    (codecs.BOM_UTF32_BE, "utf-32be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16le"),
    (codecs.BOM_UTF16_BE, "utf-16be"),
)

# What four bytes look like at the start of a wide encoding without a mark: a for ASCII text, 0 for NUL.
WIDE_SHAPES: Final = {b"a0a0": "utf-16le", b"0a0a": "utf-16be", b"a000": "utf-32le", b"000a": "utf-32be"}
SHAPE: Final = bytes(ord("0" if byte == 0 else "a" if 9 <= byte < 127 else "x") for byte in range(256))

# Python's codec for each encoding; the East Asian ones are the supersets that browsers mean by those names.
MULTI_BYTE: Final = {
    "utf-8": "utf-8",
    "utf-16le": "utf-16-le",
    "utf-16be": "utf-16-be",
    "utf-32le": "utf-32-le",
    "utf-32be": "utf-32-be",
    "gbk": "gb18030",
    "gb18030": "gb18030",
    "big5": "big5hkscs",
    "euc-jp": "euc_jis_2004",
    "iso-2022-jp": "iso2022_jp_ext",
    "shift_jis": "cp932",
    "euc-kr": "cp949",
    "johab": "johab",
}
SINGLE_BYTE: Final = {
    **{f"iso-8859-{part}": f"iso8859-{part}" for part in (2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16)},
    **{f"windows-{page}": f"cp{page}" for page in (874, *range(1250, 1259))},
    "iso-8859-8-i": "iso8859-8",
    "ibm855": "cp855",
    "ibm866": "cp866",
    "koi8-r": "koi8-r",
    "koi8-u": "koi8-u",
    "macintosh": "mac-roman",
    "x-mac-cyrillic": "mac-cyrillic",
}

# The detector's name for an encoding and ours: also the list of what it may answer. Left out are encodings
# that the web has only with a declaration (ISO-8859-3, -10, -14, -15, -16: mostly wrong as a guess) and
# the EBCDIC, DOS and Mac pages that no browser reads, save IBM855 and Johab, in which old text files are.
DETECTABLE: Final = {
    **{f"iso8859-{part}": f"iso-8859-{part}" for part in (2, 4, 5, 6, 7, 8, 13)},
    **{f"cp{page}": f"windows-{page}" for page in (874, *range(1250, 1259))},
    "iso8859-1": "windows-1252",
    "iso8859-9": "windows-1254",
    "tis-620": "windows-874",
    "koi8-r": "koi8-r",
    "koi8-u": "koi8-u",
    "cp855": "ibm855",
    "cp866": "ibm866",
    "mac-roman": "macintosh",
    "mac-cyrillic": "x-mac-cyrillic",
    "gb18030": "gb18030",
    "big5hkscs": "big5",
    "euc_jis_2004": "euc-jp",
    "shift_jis_2004": "shift_jis",
    "cp932": "shift_jis",
    "euc_kr": "euc-kr",
    "cp949": "euc-kr",
    "johab": "johab",
    "utf-8": "utf-8",
}

# The tokens of the standard's prescan. Each part ends where the next cannot begin: matching is linear.
_EQUALS = rb"[\t\n\f\r ]*=[\t\n\f\r ]*"
_NAME = rb"[\t\n\f\r /]*([^\t\n\f\r />][^\t\n\f\r />=]*)"
_VALUE = rb"""(?:"([^"]*)"?|'([^']*)'?|([^\t\n\f\r >"'][^\t\n\f\r >]*)|)"""
_ATTRIBUTE = _NAME + rb"(?:" + _EQUALS + _VALUE + rb")?"
_ATTRIBUTES = rb"(?:" + _ATTRIBUTE + rb")*[\t\n\f\r /]*"
ATTRIBUTE: Final = re.compile(_ATTRIBUTE)
MARKUP: Final = re.compile(
    rb"<!(?=--)(?:.*?-->|.*)"
    rb"|<meta(?=[\t\n\f\r /])(?P<meta>" + _ATTRIBUTES + rb")"
    rb"|</?[a-z][^\t\n\f\r >]*" + _ATTRIBUTES + rb"|<[!/?][^>]*",
    re.IGNORECASE | re.DOTALL,
)
CHARSET_PARAMETER: Final = re.compile(
    rb"charset" + _EQUALS + rb"""(?:"([^"]*)"|'([^']*)'|([^\t\n\f\r ;"'][^\t\n\f\r ;]*)|)""",
    re.IGNORECASE,
)
XML_ENCODING: Final = re.compile(rb"""\s*<\?xml[^>]*?encoding[\0- ]*=[\0- ]*(?:"([^">]*)"|'([^'>]*)')""")
STRAY_ESCAPE: Final = re.compile(rb"\x1b(?!\([BJI]|\$[@B]|\$\(D)")
NON_ASCII: Final = re.compile(rb"[\x80-\xff]")


def decode(data: bytes, encoding: str | None = None) -> Decoded:
    r"""Decode a page; bytes that mean nothing become U+FFFD. Never raises, whatever the bytes and the label.

    `encoding` is what came with the bytes: a WHATWG label ("latin1", not Python's "latin-1") or a whole
    Content-Type value. Unknown ones count as none.

    >>> decode("naïve".encode("latin-1"), "text/html; charset=ISO-8859-1")
    Decoded(text='naïve', encoding='windows-1252', source='argument')
    >>> decode(b"<meta charset=koi8-r>\xf0\xd2\xc9\xd7\xc5\xd4")
    Decoded(text='<meta charset=koi8-r>Привет', encoding='koi8-r', source='meta')
    >>> decode(b"<p>plain")
    Decoded(text='<p>plain', encoding='windows-1252', source='fallback')
    """
    for mark, name in BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return _decoded(data[len(mark) :], name, "bom")
    argued = _argument_encoding(encoding) if encoding else None
    if argued:
        return _decoded(data, argued, "argument")
    wide = WIDE_SHAPES.get(data[:4].translate(SHAPE))
    if wide:
        return _decoded(data, wide, "detector")
    declared = _declared_encoding(data[:PRESCAN_BYTES])
    text = _strictly(data, "utf-8")
    if text is None:
        return _decoded(data, declared, "meta") if declared else _detected(data)
    if declared == "utf-8":
        return Decoded(text, "utf-8", "meta", data)
    if text.isascii():
        return _decoded(data, declared, "meta") if declared else _detected_in_ascii(data, text)
    if declared in MULTI_BYTE and len(data) - len(text) <= ACCIDENTAL_CONTINUATIONS:
        return _decoded(data, declared, "meta")
    return Decoded(text, "utf-8", "detector", data)


def _decoded(data: bytes, name: str, source: Source) -> Decoded:
    if name == "utf-8" and (text := _strictly(data, name)) is not None:
        return Decoded(text, name, source, data)
    return Decoded(_read(data, name), name, source)


def _read(data: bytes, name: str) -> str:
    """Decode by one of our own names; never raises."""
    if name == "iso-2022-jp":  # Python takes three bytes for a stray escape, and with them the start of a tag
        data = STRAY_ESCAPE.sub(b"\x1a", data)
    if name in MULTI_BYTE:
        return data.decode(MULTI_BYTE[name], "replace")
    return codecs.charmap_decode(data, "replace", _characters(SINGLE_BYTE[name]))[0]


@cache
def _characters(codec: str) -> str:
    """The 256 characters of a single-byte encoding, with U+FFFD where it has none.

    The standard maps bytes 80 to 9F to the control characters of that number where Windows has none.
    """
    table = bytes(range(256)).decode(codec, "replace")
    return "".join(chr(byte) if 0x80 <= byte < 0xA0 and c == "\ufffd" else c for byte, c in enumerate(table))


def _strictly(data: bytes, codec: str) -> str | None:
    try:
        return data.decode(codec)
    except UnicodeDecodeError:
        return None


def _encoding_of(label: bytes) -> str | None:
    """The WHATWG's encoding for a label, None for labels that the standard does not know or replaces."""
    name = LABELS.get(label.strip(b"\t\n\f\r ").lower().decode("latin-1"))
    if name == "x-user-defined":
        return FALLBACK
    return name if name in MULTI_BYTE or name in SINGLE_BYTE else None


def _argument_encoding(argument: str) -> str | None:
    """The encoding of a bare label or of a Content-Type value's charset parameter."""
    label = argument.encode("ascii", "replace")
    return _encoding_of(label) or _encoding_of(_charset_parameter(label))


def _charset_parameter(content_type: bytes) -> bytes:
    found = CHARSET_PARAMETER.search(content_type)
    return (found[1] or found[2] or found[3] or b"") if found else b""


def _declared_encoding(head: bytes) -> str | None:
    """The WHATWG's "prescan a byte stream to determine its encoding": <meta>, then the XML declaration."""
    for token in MARKUP.finditer(head):
        if token.end() == len(head):
            break  # cut short, so not to be believed
        if token["meta"] is not None and (name := _meta_encoding(token["meta"])):
            return _ascii_compatible(name)
    found = XML_ENCODING.match(head)
    name = _encoding_of(found[1] or found[2] or b"") if found else None
    return _ascii_compatible(name) if name else None


def _ascii_compatible(name: str) -> str:
    """UTF-16 declared in ASCII letters is a mistake for UTF-8, says the standard."""
    return "utf-8" if name.startswith("utf-16") else name


def _meta_encoding(tag: bytes) -> str | None:
    attributes: dict[bytes, bytes] = {}
    for found in ATTRIBUTE.finditer(tag):
        attributes.setdefault(found[1].lower(), found[2] or found[3] or found[4] or b"")
    if b"charset" in attributes:
        return _encoding_of(attributes[b"charset"])
    if attributes.get(b"http-equiv", b"").lower() == b"content-type":
        return _encoding_of(_charset_parameter(attributes.get(b"content", b"")))
    return None


def _detected_in_ascii(data: bytes, text: str) -> Decoded:
    """ISO-2022-JP is ASCII bytes, known by its escapes; all else reads the same in any encoding."""
    japanese = _strictly(data, MULTI_BYTE["iso-2022-jp"]) if b"\x1b$" in data else None
    return Decoded(japanese, "iso-2022-jp", "detector") if japanese else Decoded(text, FALLBACK, "fallback")


def _detected(data: bytes) -> Decoded:
    """A guess at bytes that declare nothing and are not quite UTF-8."""
    name = "utf-8" if _is_faulty_utf8(data) else _statistically(data)
    return _decoded(data, name, "detector") if name else _decoded(data, FALLBACK, "fallback")


def _is_faulty_utf8(data: bytes) -> bool:
    """Whether nearly all that is not ASCII is UTF-8; a last character cut short is no fault."""
    text, _ = codecs.utf_8_decode(_evidence_window(data), "replace", False)
    bad = text.count("\ufffd")
    good = len(text) - len(text.encode("ascii", "ignore")) - bad
    return good > bad * GOOD_PER_BAD


def _statistically(data: bytes) -> str | None:
    import chardet  # here, because most pages never need it

    sample = DETECTOR_BLANKS + _text_runs(_evidence_window(data))[:DETECTOR_BYTES]
    found = chardet.detect(sample, compat_names=False, include_encodings=DETECTABLE)["encoding"]
    return DETECTABLE.get(found) if found else None


def _evidence_window(data: bytes) -> bytes:
    """From the tag before the first non-ASCII byte on; at most DETECTOR_WINDOW beyond that byte."""
    found = NON_ASCII.search(data)
    first = found.start() if found else 0
    return data[max(0, data.rfind(b"<", 0, first), first - DETECTOR_BYTES // 2) : first + DETECTOR_WINDOW]


def _text_runs(markup: bytes) -> bytes:
    """The pieces of text that hold more than ASCII, without tags; a whole tag only if it alone does."""
    runs = []
    for piece in markup.split(b"<"):
        if not piece.isascii():
            text = piece.partition(b">")[2]
            runs.append(piece if text.isascii() else text)
    return b" ".join(runs)
