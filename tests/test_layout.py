import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import documents

from classifier.blocks import cut
from classifier.chars import CHAR_CLASSES, COMMA, UPPER
from classifier.layout import Layout
from classifier.plaintext import read_lines

PROSE = "One two three four five six seven eight nine ten."
PAGE = f"""<body><nav><ul><li class=item><a href=a>Home</a><li class=item><a href=b>News, all</a>
<li class=other>42</ul></nav><main><p>{PROSE}<p>See <a href=c>this</a> now<p>Home</main></body>"""


@pytest.fixture
def page():
    return Layout(cut(PAGE))


# -- characters and words ------------------------------------------------------------------------------------


def test_counts_by_hand(page):
    assert page.page.texts == ["Home", "News, all", "42", PROSE, "See this now", "Home"]
    assert page.chars.tolist() == [4, 9, 2, 49, 12, 4]
    assert page.char_counts[:, UPPER].tolist() == [1, 1, 0, 1, 1, 1]
    assert page.char_counts[:, COMMA].tolist() == [0, 1, 0, 0, 0, 0]
    assert page.word_counts.tolist() == [1, 2, 1, 10, 3, 1]
    assert page.words[1] == ["news", "all"]
    assert page.flat_words[:4] == ["home", "news", "all", "42"]


def test_link_density(page):
    np.testing.assert_allclose(page.link_density, [1, 1, 0, 0, 4 / 12, 0])


def test_running_text_needs_words_a_stop_and_few_links(page):
    assert page.sentences.tolist() == [False, False, False, True, False, False]
    linked = f"<p><a href=x>{PROSE}</a><p>{PROSE[:-1]}<p>{PROSE[4:]}<p>{PROSE}"
    assert Layout(cut(linked)).sentences.tolist() == [False, False, False, True]


def test_cjk_characters_count_for_less_than_a_word():
    x = Layout(cut("<p>続きを読む<p>five short words stand here<p>続 a"))
    np.testing.assert_allclose(x.size, [3, 5, 1.6])
    assert x.word_counts.tolist() == [5, 5, 2]


@given(documents(list("aB1 é続。,$\U0001f600")))
@settings(max_examples=50, deadline=None)
def test_every_character_is_counted_once(source):
    x = Layout(cut(source))
    assert x.char_counts.shape == (len(x.page), len(CHAR_CLASSES))
    assert x.char_counts.sum(axis=1).tolist() == [len(text) for text in x.page.texts] == x.chars.tolist()
    assert [len(words) for words in x.words] == x.word_counts.tolist()


# -- containers ----------------------------------------------------------------------------------------------


def test_chains_go_up_to_the_root(page):
    tags = [[page.page.tags[i] for i in chain] for chain in page.chains]
    assert tags[0] == ["li", "ul", "nav", "body", "html", ""]
    assert tags[3] == ["p", "main", "body", "html", "", ""]
    assert page.depths.tolist() == [5, 5, 5, 4, 4, 4]


def test_ancestors_beyond_the_root_are_the_root(page):
    assert page.ancestor(0).tolist() == page.page.elements.tolist()
    assert [page.page.tags[i] for i in page.ancestor(2)] == ["nav"] * 3 + ["body"] * 3
    assert page.ancestor(90).tolist() == [0] * 6


def test_sums_over_containers_by_hand(page):
    values = np.arange(1, 7, dtype=np.float32)[:, None]
    assert page.sums(values, page.ancestor(0))[:, 0].tolist() == [1, 2, 3, 4, 5, 6]
    assert page.sums(values, page.ancestor(1))[:, 0].tolist() == [6, 6, 6, 15, 15, 15]
    assert page.sums(values, page.ancestor(9))[:, 0].tolist() == [21] * 6


@given(documents())
@settings(max_examples=60, deadline=None)
def test_sums_over_containers_equal_a_naive_reference(source):
    page = cut(source)
    x = Layout(page)
    if not len(page):
        return
    values = np.random.default_rng(3).normal(size=(len(page), 2)).astype(np.float32)
    naive = np.zeros((len(page.tags), 2))
    for block, element in enumerate(page.elements.tolist()):
        for outer in [*page.ancestors(element), 0]:
            naive[outer] += values[block]
    boxes = np.unique(x.chains)
    np.testing.assert_allclose(x.sums(values, boxes), naive[boxes], rtol=1e-4, atol=1e-5)
    around = np.stack([x.ancestor(level) for level in (0, 2, 5)], axis=1)
    np.testing.assert_allclose(x.sums(values, around), naive[around], rtol=1e-4, atol=1e-5)


# -- looks and repetition ------------------------------------------------------------------------------------


def test_looks_are_shared_by_equal_tag_and_names(page):
    first, second, third = page.looks[page.page.elements[:3]]
    assert first == second != third
    assert page.look_words[first] == ["<li>", "item"]
    assert page.look_words[page.looks[page.page.elements[3]]] == ["<p>"]


def test_twins_are_siblings_that_look_alike(page):
    assert page.twins[page.page.elements].tolist() == [2, 2, 1, 3, 3, 3]
    apart = Layout(cut("<div><p>a</div><div><p>b<p>c</div><div class=x><p>d</div>"))
    assert apart.twins[apart.page.elements].tolist() == [1, 2, 2, 1]
    assert apart.twins[apart.ancestor(1)].tolist() == [2, 2, 2, 1]


def test_signatures_are_shared_by_equal_paths(page):
    a, b, c, d, e, f = page.signatures
    assert a == b
    assert d == e == f
    assert len({a, c, d}) == 3
    other = Layout(cut("<div class=x><p>a</div><div class=y><p>b</div>"))
    assert len(set(other.signatures)) == 2


def test_repeats_count_equal_texts_whatever_their_case():
    x = Layout(cut("<p>Share<p>a<p>share<p>SHARE"))
    all_times, before = x.repeats
    assert all_times.tolist() == [3, 1, 3, 3]
    assert before.tolist() == [0, 0, 1, 2]


@given(st.lists(st.sampled_from(["a", "A", "b", "ß", "SS"]), min_size=1, max_size=8))
def test_repeats_equal_a_naive_reference(texts):
    all_times, before = Layout(read_lines("\n".join(texts))).repeats
    folded = [text.casefold() for text in texts]
    assert all_times.tolist() == [folded.count(text) for text in folded]
    assert before.tolist() == [folded[:i].count(text) for i, text in enumerate(folded)]


@pytest.mark.parametrize("empty", [cut(""), cut("<div></div>"), read_lines("")])
def test_an_empty_page_has_empty_arrays(empty):
    x = Layout(empty)
    assert x.char_counts.shape == (0, len(CHAR_CLASSES))
    assert x.size.shape == x.sentences.shape == x.link_density.shape == x.signatures.shape == (0,)
    assert [len(part) for part in x.repeats] == [0, 0]
    assert x.chains.shape[0] == 0
