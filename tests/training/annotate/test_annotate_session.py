"""Label files come from a session as others read them, survive another cut, and are never overwritten unread."""

import gzip
import json
import os

import pytest
from annotate_pages import number_of

from classifier.labels import LABELS
from training.annotate.order import page_order, uncertainties
from training.annotate.session import Conflict, Session, Unsound
from training.annotate.state import CONFIRMED, CORRECTED, PREDICTED
from training.check import check
from training.gold import read_page, read_pages


def opened(folder, sieve):
    return Session(folder / "pages", folder / "labels", sieve)


def body(session, number, **changes):
    found = session.page(number)
    return found["state"] | {"base": found["revision"]} | changes


def settled(session, number, label=0, **changes):
    count = len(session.read(number).page)
    return body(session, number, labels=[label] * count, status=[CONFIRMED] * count, **changes)


def test_nothing_is_written_before_something_is_saved(session, folder):
    session.overview()
    session.page(0)
    session.view(0, "http://127.0.0.1:1/")
    assert list((folder / "labels").iterdir()) == []


def test_what_is_saved_is_a_label_file_beside_its_page(session, folder):
    number = number_of(session, "tea")
    session.save(number, settled(session, number, access="gated", complete=False, notes="Odd.", main=[3, 4]))
    page = read_page(folder / "labels" / "tea.json")
    assert (page.access, page.complete, page.notes, page.language) == ("gated", False, "Odd.", "en")
    assert page.main == (3, 4)
    assert [text for text, _ in page.segments][:3] == ["Home", "Shop", "How tea is made"]
    assert page.paths[2] == "/html[1]/body[1]/main[1]/h1[1]"
    assert (folder / "labels" / "tea.html").read_bytes() == (folder / "pages" / "tea.html").read_bytes()
    assert check([folder / "labels"]).problems == ()
    assert not [path for path in (folder / "labels").iterdir() if path.name.startswith(".")]


def test_a_gzipped_page_is_copied_as_it_is(folder, sieve):
    (folder / "pages" / "zip.html.gz").write_bytes(gzip.compress(b"<p>Packed up well."))
    session = opened(folder, sieve)
    number = number_of(session, "zip")
    session.save(number, settled(session, number))
    assert read_pages(folder / "labels")[0].path.name == "zip.html.gz"


def test_pages_and_labels_may_lie_in_one_folder(folder, sieve):
    session = Session(folder / "pages", folder / "pages", sieve)
    session.save(0, settled(session, 0))
    assert len(read_pages(folder / "pages")) == 1
    assert len(list((folder / "pages").iterdir())) == 4


def test_predicted_corrected_and_confirmed_are_told_apart(session, folder):
    number = number_of(session, "salt")
    session.save(number, body(session, number, labels=[0, 2], status=[PREDICTED, CORRECTED]))
    assert read_page(folder / "labels" / "salt.json").settled == (False, True)
    summary = next(one for one in session.overview() if one["number"] == number)
    assert (summary["settled"], summary["blocks"]) == (1, 2)
    assert session.page(number)["state"]["status"] == [PREDICTED, CORRECTED]


def test_labels_outlive_another_segmentation_and_strays_are_told(folder, sieve):
    session = opened(folder, sieve)
    number = number_of(session, "tea")
    session.save(number, settled(session, number, label=LABELS.index("ad")))
    for name in ("pages", "labels"):  # the page as another cut might see it: two blocks joined, one gone
        html = (folder / name / "tea.html").read_text("utf-8")
        html = html.replace("<li><a href=/>Home</a><li>", "<li><a href=/>Home</a>, ").replace("<p>Subscribe to read on</p>", "")
        (folder / name / "tea.html").write_text(html.replace("<p>Imprint</p>", "<p>Brand new words"), "utf-8")
    session = opened(folder, sieve)
    found = session.page(number_of(session, "tea"))
    texts = [block["text"] for block in found["blocks"]]
    known = {text: (found["state"]["labels"][i], found["state"]["status"][i]) for i, text in enumerate(texts)}
    assert known["Home, Shop"] == (LABELS.index("ad"), CONFIRMED)
    assert known["How tea is made"] == (LABELS.index("ad"), CONFIRMED)
    assert known["Brand new words"][1] == PREDICTED
    assert found["strays"] == ["Subscribe to read on", "Imprint"]


def test_labels_of_others_are_confirmed_and_what_they_say_of_the_page_stays(folder, sieve):
    record = {
        "schema": 1,
        "id": "salt",
        "url": "https://salt.example/1",
        "site": "salt.example",
        "access": "open",
        "complete": True,
        "declared": "free",
        "picked_as": "odd",
        "page_type": "article",
        "segments": [["Salt", "navigation"], ["Salt is taken from the sea where the sun is strong and the coast is flat.", "content"]],
        "main": [1],
    }
    labels = folder / "labels"
    labels.mkdir()
    (labels / "salt.json").write_text(json.dumps(record), "utf-8")
    session = opened(folder, sieve)
    number = number_of(session, "salt")
    assert session.page(number)["state"]["status"] == [CONFIRMED, CONFIRMED]
    session.save(number, body(session, number, access="metered"))
    stored = json.loads((labels / "salt.json").read_text("utf-8"))
    assert {key: stored[key] for key in record} == record | {"access": "metered"}


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"id": "salt"}', '{"id": "salt", "id": "salt"}', "\x00", '{"schema": 9}']
)
def test_a_label_file_that_is_not_sound_is_shown_and_left_alone(folder, sieve, text):
    (folder / "labels").mkdir()
    path = folder / "labels" / "salt.json"
    path.write_text(text, "utf-8")
    session = opened(folder, sieve)
    number = number_of(session, "salt")
    assert "salt.json:1" in session.page(number)["problem"]
    assert session.view(number, "http://127.0.0.1:1/")
    with pytest.raises(Unsound, match="left alone"):
        session.save(number, body(session, number))
    assert path.read_text("utf-8") == text
    assert len(session.export()) == 2


def test_labels_of_another_page_of_the_same_name_are_left_alone(session, folder):
    (folder / "labels" / "salt.html").write_text("<p>Another page", "utf-8")
    number = number_of(session, "salt")
    with pytest.raises(Unsound, match="is another page than"):
        session.save(number, body(session, number))


def test_links_out_of_the_folders_are_not_followed(folder, sieve):
    (folder / "secret.html").write_text("<p>Secret", "utf-8")
    (folder / "secret.json").write_text("{}", "utf-8")
    (folder / "pages" / "leak.html").symlink_to(folder / "secret.html")
    (folder / "labels").mkdir()
    (folder / "labels" / "salt.json").symlink_to(folder / "secret.json")
    session = opened(folder, sieve)
    assert [file.id for file in session.files] == ["milk", "salt", "tea"]
    assert session.skipped == ["'leak.html' leads out of the folder or is no file."]
    number = number_of(session, "salt")
    with pytest.raises(Unsound, match="leads out of the folder"):
        session.save(number, body(session, number))
    assert (folder / "secret.json").read_text("utf-8") == "{}"


def test_odd_names_are_skipped_or_served(folder, sieve):
    pages = folder / "pages"
    (pages / "tea.html.gz").write_bytes(gzip.compress(b"<p>x"))
    (pages / "..html").write_text("<p>dots", "utf-8")
    try:
        (pages / os.fsdecode(b"bad\xff.html")).write_text("<p>x", "utf-8")
    except OSError:
        pytest.skip("the file system takes UTF-8 names alone")
    session = opened(folder, sieve)
    assert len(session.skipped) == 2
    number = number_of(session, ".")
    session.save(number, settled(session, number))
    assert read_page(folder / "labels" / "..json").id == "."


def test_a_folder_without_pages_is_one_sentence(tmp_path, sieve):
    with pytest.raises(FileNotFoundError, match="No pages in"):
        Session(tmp_path, tmp_path, sieve)
    with pytest.raises(FileNotFoundError, match="No folder"):
        Session(tmp_path / "none", tmp_path, sieve)


def test_a_conflict_is_one(session):
    first = body(session, 0)
    session.save(0, first)
    with pytest.raises(Conflict):
        session.save(0, first)


def test_pages_with_more_to_mend_come_first(session):
    mistakes = [one["mistakes"] for one in session.overview()]
    assert mistakes == sorted(mistakes, reverse=True)
    first = session.overview()[0]["number"]
    session.save(first, settled(session, first))
    assert session.overview()[-1]["number"] == first
    assert session.overview()[-1]["mistakes"] == 0


def test_a_second_page_of_a_site_waits():
    assert page_order([4.0, 3.9, 2.5, 0.0], ["a", "a", "b", "a"]) == [0, 2, 1, 3]


def test_uncertainty_is_what_the_label_did_not_get(session):
    probabilities = session.read(0).probabilities
    found = uncertainties(probabilities)
    assert found.shape == (len(probabilities),)
    assert ((found >= 0) & (found <= 0.75)).all()


def test_containers_hold_their_blocks_the_outer_first(session):
    found = session.page(number_of(session, "tea"))["containers"]
    assert ("ul", 0, 2) in found or ("nav.menu", 0, 2) in found
    assert found == sorted(found, key=lambda one: (one[1], -one[2]))
    assert all(last - first > 1 for _, first, last in found)
    assert len({one[1:] for one in found}) == len(found)
