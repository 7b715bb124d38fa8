import json

import pytest

from classifier import Limits, Sieve
from classifier.bulk import Source, Wanted, lost_record, read_source, record, record_reader
from classifier.labels import LABELS

HEAD = ["id", "url", "date", "digest", "status", "problem"]
BODY = ["access", "metadata", "shares", "confidence", "language"]
ALL = Wanted(markdown=True, blocks=True, all_content=True)


@pytest.fixture(scope="module")
def sieve():
    return Sieve()


@pytest.fixture(scope="module")
def page(shipped_pages):
    return next(path for path in shipped_pages if path.stem.startswith("arabic-news")).read_bytes()


def test_a_record_says_what_the_reading_says(sieve, page):
    source = Source("<urn:1>", page, url="https://a.example/1", date="2026-01-02T03:04:05Z", status=200, digest="sha1:X")
    reading = sieve.read(page, url=source.url, status=200)
    found = read_source(sieve, source)
    assert list(found) == [*HEAD, "text", *BODY]
    assert [found[name] for name in HEAD] == ["<urn:1>", source.url, source.date, "sha1:X", 200, reading.problem]
    assert found["text"] == reading.text != ""
    assert found["access"]["level"] == reading.access.level
    assert found["access"]["paywalled"] is reading.access.paywalled
    assert [each["kind"] for each in found["access"]["evidence"]] == [each.kind for each in reading.access.evidence]
    assert found["metadata"]["title"] == reading.metadata.title
    assert found["language"] == reading.metadata.language == "ar"


def test_what_is_wanted_comes_in_a_fixed_order(sieve, page):
    reading = sieve.read(page)
    found = read_source(sieve, Source("1", page), ALL)
    assert list(found) == [*HEAD, "text", "markdown", *BODY, "blocks"]
    assert list(read_source(sieve, Source("1", b"", problem="Empty"), ALL)) == list(found)
    assert found["text"] == reading.content
    assert found["markdown"] == reading.markdown(all_content=True)
    assert found["blocks"] == [block.to_dict() for block in reading.blocks]


def test_shares_are_of_characters_and_confidence_is_of_what_was_decided(sieve, page):
    found = read_source(sieve, Source("1", page), ALL)
    sizes = dict.fromkeys(LABELS, 0)
    certain = 0.0
    for block in sieve.read(page).blocks:
        sizes[block.label] += len(block.text)
        certain += block.probabilities[block.label] * len(block.text)
    total = sum(sizes.values())
    assert found["shares"] == pytest.approx({label: size / total for label, size in sizes.items()}, abs=1e-4)
    assert found["confidence"] == pytest.approx(certain / total, abs=1e-4)
    assert sum(found["shares"].values()) == pytest.approx(1, abs=4e-4)


def test_a_page_without_text_has_no_shares(sieve):
    found = read_source(sieve, Source("1", b"<html></html>"))
    assert (found["text"], found["shares"], found["confidence"]) == ("", None, None)
    assert found["problem"]


def test_plain_text_is_read_as_such(sieve):
    found = read_source(sieve, Source("1", "<b>is no tag here</b>", "text"), ALL)
    assert [block["text"] for block in found["blocks"]] == ["<b>is no tag here</b>"]


def test_the_charset_of_http_and_the_status_are_heard(sieve):
    data = "<p>Пошёл снег, и снова настала зима.".encode("cp1251")
    found = read_source(sieve, Source("1", data, content_type="text/html; charset=windows-1251", status=402), ALL)
    assert found["blocks"][0]["text"] == "Пошёл снег, и снова настала зима."
    assert "status" in [each["kind"] for each in found["access"]["evidence"]]


def test_a_problem_found_before_is_kept_and_nothing_is_read(sieve):
    found = read_source(sieve, Source("1", b"<p>text", problem="NotHtml: image/png"))
    assert found["problem"] == "NotHtml: image/png"
    assert all(found[name] is None for name in ("text", *BODY))


def test_a_page_that_breaks_the_sieve_is_a_record(sieve, monkeypatch):
    def fail(*_, **__):
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(sieve, "read", fail)
    assert read_source(sieve, Source("1", b"<p>text"))["problem"] == "ZeroDivisionError: by zero"


def test_a_limit_is_named_and_what_was_read_is_kept():
    read = record_reader(limits=Limits(max_elements=50))
    found = read(Source("1", b"<p>word " * 100))
    assert "max_elements" in found["problem"]
    assert found["access"]


def test_every_record_can_be_written(sieve):
    odd = "\ud800\x00"
    page = f"<title>{odd}</title><meta name=author content='{odd}'><p class='paywall'>Subscribe {odd} to read on.{odd}"
    source = Source(odd, page, url=f"https://a.example/{odd}", date=odd, digest=odd)
    for found in (read_source(sieve, source, ALL), lost_record(source, odd, ALL), record(source, None)):
        again = json.loads(json.dumps(found, ensure_ascii=False, allow_nan=False).encode())
        assert again == found
        assert "\x00" not in json.dumps(found, ensure_ascii=False)
