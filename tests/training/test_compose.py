"""Composed pages: every block of the page keeps its label, every block of a fragment has its own, no mark is left."""

from pathlib import Path

import numpy as np
import pytest

from classifier.blocks import cut
from classifier.labels import LABELS
from training.compose import MARK, PLACES, UNKNOWN, Fragment, compose, read_fragments
from training.samples import COMPOSED, VARIANTS, composed_samples, gold_sample

SHIPPED = Path(__file__).parents[2] / "datasets" / "gates"
PROSE = "Word after word the sentence goes on until it is long enough to count as running text of paragraph {}."
BODY = "".join(f"<p class=body>{PROSE.format(i)}</p>" for i in range(6))
HTML = f"<body><nav><a href=/>Home</a></nav><main><h1>Title</h1>{BODY}</main><footer>End</footer></body>"
GATE = '<div class="offer"><h3>Subscribe to go on</h3><a data-label="navigation" class="x">Close</a></div>'
CONTENT, NAVIGATION, AD, PAYWALL = range(4)


def labelled(html=HTML):
    page = cut(html)
    own = [CONTENT if page.tags[i] in ("h1", "p") else NAVIGATION for i in page.elements.tolist()]
    return page, np.array(own, np.int64)


def composed(fragments, seed=0, html=HTML, language="en"):
    page, labels = labelled(html)
    return compose(html, page, labels, language, fragments, seed)


def lines(made):
    page, labels = made
    return [(text, LABELS[code]) for text, code in zip(page.texts, labels.tolist(), strict=True)]


@pytest.mark.parametrize("place", PLACES)
def test_the_fragment_and_the_page_keep_their_labels(place):
    page, labels = labelled()
    whole = dict(zip(page.texts, (LABELS[code] for code in labels.tolist()), strict=True))
    for seed in range(12):
        made = composed([Fragment("paywall", place, "en", GATE)], seed)
        found = lines(made)
        gates = [i for i, (text, _) in enumerate(found) if text == "Subscribe to go on"]
        assert gates
        for at in gates:
            assert found[at : at + 2] == [("Subscribe to go on", "paywall"), ("Close", "navigation")]
        rest = [line for line in found if line[0] not in ("Subscribe to go on", "Close")]
        assert all(whole[text] == label for text, label in rest)
        assert ("Home", "navigation") in rest and ("End", "navigation") in rest and ("Title", "content") in rest
        assert not any(MARK in name for name in made[0].names)


def test_some_gates_cut_the_text_off():
    gate = Fragment("paywall", "inline", "en", GATE)
    kept = [sum(label == "content" for _, label in lines(composed([gate], seed))) for seed in range(40)]
    assert min(kept) < 5 < max(kept) == 7
    offer = Fragment("ad", "inline", "en", "<p>Buy a mug")
    assert {sum(label == "content" for _, label in lines(composed([offer], seed))) for seed in range(40)} == {7}


def test_fragments_of_the_page_s_language_come_first():
    fragments = [Fragment("paywall", "top", language, f"<p>{language}") for language in ("de", "en", "fr")]
    for language, wanted in (("de", {"de"}), ("fr", {"fr"}), ("sw", {"de", "en", "fr"})):
        made = [lines(composed(fragments, seed, language=language)) for seed in range(40)]
        assert {text for found in made for text, label in found if label == "paywall"} == wanted


def test_the_same_seed_composes_the_same_page():
    fragments = read_fragments(SHIPPED)
    first, again, other = (lines(composed(fragments, seed)) for seed in (1, 1, 2))
    assert first == again != other


def test_a_page_without_running_text_takes_no_gate():
    assert composed([Fragment("paywall", "top", "en", GATE)], html="<p>a<p>b<p>c<p>d<p>e") is None
    assert composed([]) is None


def test_the_fragments_that_ship_are_sound():
    fragments = read_fragments(SHIPPED)
    assert len(fragments) > 700
    assert len({fragment.language for fragment in fragments}) > 18
    for fragment in fragments:
        page, labels = composed([fragment])
        own = [code for text, code in zip(page.texts, labels.tolist(), strict=True) if text not in labelled()[0].texts]
        assert LABELS.index(fragment.label) in own, fragment.html[:80]
        assert UNKNOWN not in own


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<p>no head", "holds no fragment"),
        ("<!-- fragment: gate; place: top; lang: en --><p>x", "'gate' at 'top'"),
        ("<!-- fragment: ad; place: roof; lang: en --><p>x", "'ad' at 'roof'"),
    ],
)
def test_unsound_files_are_refused(tmp_path, text, reason):
    (tmp_path / "en.html").write_text(text)
    with pytest.raises(ValueError, match=f"en.html: .*{reason}"):
        read_fragments(tmp_path)


def test_a_folder_without_fragments_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere: name a folder"):
        read_fragments(tmp_path / "nowhere")


def test_samples_are_composed_from_open_pages_alone():
    from training_pages import labelled as shipped

    fragments = read_fragments(SHIPPED)
    pages = {page.id: page for page in shipped(None)}
    open_page, gated = pages["open-news-jsonld"], pages["gate-only"]
    sample = gold_sample(open_page)
    made = list(composed_samples(open_page, sample, fragments))
    assert len(made) == VARIANTS
    assert {each.corpus for each in made} == {COMPOSED} and {each.site for each in made} == {sample.site}
    assert all((each.main == UNKNOWN).all() for each in made)
    assert list(composed_samples(gated, gold_sample(gated), fragments)) == []
    assert list(composed_samples(open_page, sample, ())) == []


# -- addresses -------------------------------------------------------------------------------------------------

LINKED = '<div><p>Read on</p><a class=b href="#">Subscribe</a><a href="#">Log in</a><a href="/kept">Terms</a></div>'
ADDRESSES = {"paywall": ("/plans/{n}",), "login": ("/login?to={slug}",), "ad": ("//shop.example",), "navigation": ("/n",)}


def targets(label, seeds=range(60)):
    fragment = Fragment(label, "inline", "en", LINKED, ADDRESSES)
    found = set()
    for seed in seeds:
        page, _ = composed([fragment], seed)
        found |= {href.split("?")[0].rstrip("0123456789") for href in page.hrefs.values()}
    return found - {"/"}


def test_links_of_a_fragment_lead_where_such_links_lead():
    bare = {"#", "javascript:void(0)", "/kept"}
    assert targets("paywall") == bare | {"/plans/", "/login"}
    assert targets("ad") == bare | {"//shop.example"}


def test_without_addresses_links_stay_as_they_are_written():
    fragment = Fragment("paywall", "inline", "en", LINKED)
    pages = [composed([fragment], seed)[0] for seed in range(9)]
    assert {href for page in pages for href in page.hrefs.values()} == {"/", "#", "/kept"}


def test_the_addresses_that_ship():
    known = read_fragments(SHIPPED)[0].addresses
    assert set(known) == {"paywall", "login", "ad", "navigation"}
    assert all(pattern.startswith(("/", "https://")) for patterns in known.values() for pattern in patterns)
    assert all(len(set(patterns)) == len(patterns) for patterns in known.values())
