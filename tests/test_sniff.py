import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.sniff import SIGNATURES, foreign_kind

PAGE = "<!doctype html><html><body><p>Words, été, 続き.</p></body></html>"


@pytest.mark.parametrize(("signature", "name"), SIGNATURES)
def test_signatures(signature, name):
    assert foreign_kind(signature + b"\x00rest of the file") == name


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-16-be", "utf-7"]
)
def test_pages_of_every_encoding_may_be_text(encoding):
    assert foreign_kind(PAGE.encode(encoding)) is None


@pytest.mark.parametrize("encoding", ["shift_jis", "iso2022_jp", "euc_jp", "gb18030", "big5hkscs"])
def test_pages_of_east_asian_encodings_may_be_text(encoding):
    assert foreign_kind("<p>日本文字</p>".encode(encoding)) is None


@pytest.mark.parametrize("data", [b"", b" ", b"BM", b"RIF", b"plain words", b"<p>\x00\x00", b"\r\n\t\f" * 50])
def test_what_may_be_text(data):
    assert foreign_kind(data) is None


def test_control_characters_in_number_are_no_text():
    assert foreign_kind(bytes(range(32)) * 9) == "binary data"
    assert foreign_kind(b"word " * 40 + b"\x01" * 5) is None
    assert foreign_kind(b"word " * 40 + b"\x01" * 50) == "binary data"


def test_only_the_beginning_counts():
    assert foreign_kind(b"word " * 500 + b"\x01" * 5000) is None


@given(st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1))
def test_text_without_controls_is_never_binary_data(text):
    assert foreign_kind(b"<p>" + text.encode()) is None
