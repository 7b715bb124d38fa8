import gzip
import zlib

import pytest

from classifier.bulk.httpbody import unchunk, unwrap

PAGE = b"<p>The harbour was quiet that morning.</p>" * 20
RAW_DEFLATE = zlib.compressobj(wbits=-15)
LIMIT = 1 << 20


def chunked(data, size=100, end=b"0\r\n\r\n"):
    parts = [data[i : i + size] for i in range(0, len(data), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + end


@pytest.mark.parametrize(
    ("body", "content"),
    [
        (PAGE, None),
        (PAGE, "identity"),
        (gzip.compress(PAGE), "gzip"),
        (gzip.compress(PAGE), "X-GZIP"),
        (zlib.compress(PAGE), "deflate"),
        (RAW_DEFLATE.compress(PAGE) + RAW_DEFLATE.flush(), "deflate"),
        (gzip.compress(zlib.compress(PAGE)), "deflate, gzip"),
        (PAGE, "gzip"),  # undone by the crawler, the header left in place
        (PAGE, "deflate"),
        (PAGE, "br"),
        (PAGE, "no-such-coding"),
    ],
)
def test_codings_are_undone(body, content):
    assert unwrap(body, None, content, LIMIT) == PAGE
    assert unwrap(chunked(body), "chunked", content, LIMIT) == PAGE
    assert unwrap(body, "chunked", content, LIMIT) == PAGE  # the header is left, the chunks are not


def test_brotli_is_undone():
    brotli = pytest.importorskip("brotli")
    pytest.importorskip("fastwarc")
    assert unwrap(brotli.compress(PAGE), None, "br", LIMIT) == PAGE


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"3\r\nabc\r\n2;name=value\r\nde\r\n0\r\nTrailer: x\r\n\r\n", b"abcde"),
        (b"3\nabc\n0\n\n", b"abc"),
        (b"A\r\n0123456789\r\n", b"0123456789"),  # cut before its end
        (b"A\r\n01234", b"01234"),
        (b"0\r\n\r\n", b""),
        (b"3\r\nabcdef", b"3\r\nabcdef"),  # a number at the start is no chunk
        (b"2026\r\nwas a good year", b"was a good year"),
        (b"", b""),
    ],
)
def test_chunks(body, text):
    assert unchunk(body) == text


def test_a_bomb_goes_off_under_the_limit():
    bomb = gzip.compress(bytes(50_000_000))
    assert len(unwrap(bomb, None, "gzip", 1_000)) == 1_001


def test_what_is_cut_gives_what_is_there():
    found = unwrap(gzip.compress(PAGE)[:-12], None, "gzip", LIMIT)
    assert PAGE.startswith(found) and len(found) > 20
    broken = b"\x1f\x8b" + b"\xff" * 50
    assert unwrap(broken, None, "gzip", LIMIT) == broken
