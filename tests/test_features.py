import re
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import NASTY, documents

from classifier.blocks import cut
from classifier.features import (
    GROUPS,
    featurise,
    look_bits,
    main_container,
    shifted,
    window_means,
)
from classifier.layout import Layout
from classifier.lexicon import placeholder_pattern
from classifier.plaintext import read_lines

PROSE = "The harbour was quiet that morning, and nobody on the quay could say why it was so."
CLASS_COLUMN = re.compile(r"(own|far)_class_")
LOOK_COLUMN = re.compile(r"twins|most_twins|signature_")


def table(source):
    """Named columns of a page."""
    found = featurise(Layout(cut(source)))
    return dict(zip(found.names, found.values.T, strict=True))


# -- the whole table -------------------------------------------------------------------------------


def assert_sound(page):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = featurise(Layout(page))
    assert found.values.shape == (len(page), len(found.names))
    assert found.values.dtype == np.float32
    assert np.isfinite(found.values).all()
    return found


def test_names_are_unique():
    names = featurise(Layout(cut("<p>a"))).names
    assert [name for name in set(names) if names.count(name) > 1] == []


def test_names_are_the_same_for_every_page():
    expected = featurise(Layout(cut("<p>a"))).names
    for page in (cut(f"<h1>x</h1><p>{PROSE}"), cut("<ul><li>1<li>2</ul>"), read_lines("a\n\nb")):
        assert assert_sound(page).names == expected


def test_the_table_is_its_groups_side_by_side():
    x = Layout(cut(f"<h1>x</h1><p>{PROSE}<p>b"))
    parts = [group(x) for group in GROUPS.values()]
    whole = featurise(x)
    assert whole.names == sum((part.names for part in parts), ())
    assert (whole.values == np.concatenate([part.whole() for part in parts], axis=1)).all()


@given(documents(NASTY))
@settings(max_examples=80, deadline=None)
def test_any_page_gives_finite_features_without_a_warning_and_the_same_twice(source):
    page = cut(source)
    if len(page):
        found = assert_sound(page)
        assert (found.values == assert_sound(cut(source)).values).all()


@given(st.text(max_size=200))
@settings(max_examples=60, deadline=None)
def test_any_text_gives_finite_features(text):
    for page in (cut(text), read_lines(text)):
        if len(page):
            assert_sound(page)


@pytest.mark.parametrize(
    "source",
    [
        "a",
        "<p>!",
        "<p>42",
        "<a href=x>a</a>",
        "<title>t</title>続",
        "<h1>a</h1>",
        "<pre> a</pre>",
        "<p hidden>a",
    ],
)
def test_a_page_of_one_block(source):
    assert len(assert_sound(cut(source)).values) == 1


def test_a_deep_page_and_a_long_page():
    assert_sound(cut("<div>" * 600 + "deep"))
    assert_sound(cut("<p>a b." * 3000))


# -- own text --------------------------------------------------------------------------------------


def test_own_text_by_hand():
    found = table(
        f"<p>News, <a href=x>all 42</a>!<p>{PROSE}<p>NEWS, all 42!<p>Wait…<p>a@b.c<p hidden>Why?<br>1:"
    )
    np.testing.assert_allclose(found["link_density"], [6 / 13, 0, 0, 0, 0, 0], rtol=1e-5)
    np.testing.assert_allclose(found["log_chars"][0], np.log(14), rtol=1e-5)
    np.testing.assert_allclose(found["log_words"][0], np.log(4), rtol=1e-5)
    np.testing.assert_allclose(found["share_digit"][0], 2 / 13, rtol=1e-5)
    np.testing.assert_allclose(found["commas_per_word"][0], 1 / 3, rtol=1e-5)
    np.testing.assert_allclose(found["capitals_per_word"][2], 4 / 3, rtol=1e-5)
    np.testing.assert_allclose(found["log_links"], [np.log(2), 0, 0, 0, 0, 0], rtol=1e-5)
    np.testing.assert_allclose(found["lines"], [0, 0, 0, 0, 0, np.log(2)], rtol=1e-5)
    np.testing.assert_allclose(found["log_repeats"], np.log([3, 2, 3, 2, 2, 2]), rtol=1e-5)
    assert found["repeats_earlier"].tolist() == [0, 0, 1, 0, 0, 0]
    assert found["sentence"].tolist() == [0, 1, 0, 0, 0, 0]
    assert found["ends_with_stop"].tolist() == [1, 1, 1, 1, 0, 0]
    assert found["ends_with_ellipsis"].tolist() == [0, 0, 0, 1, 0, 0]
    assert found["ends_with_colon"].tolist() == [0, 0, 0, 0, 0, 1]
    assert found["starts_upper"].tolist() == [1, 1, 1, 1, 0, 1]
    assert found["address"].tolist() == [0, 0, 0, 0, 1, 0]
    assert found["hidden"].tolist() == [0, 0, 0, 0, 0, 1]


def test_links_only():
    found = table("<li><a href=a>Home</a><li><a href=b>News</a> and more")
    assert found["all_link"].tolist() == [1, 0]


@pytest.mark.parametrize("text", ["the of and", "der die und", "le la et", "de la y"])
def test_function_words_of_many_languages(text):
    assert table(f"<p>{text}<p>zzyzx quux")["stop_words"].tolist() == [1, 0]


# -- phrases ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["gate", "ad"])
def test_phrases_by_kind(kind):
    found = table("<p>Subscribe to continue reading!<p>zzyzx<p>Advertisement")
    assert (found[f"says_{kind}"] > 0).tolist() == [kind == "gate", False, kind == "ad"]


def test_phrases_near_by_are_counted_apart():
    found = table("<div><div><p>Advertisement</p></div><div><p>zzyzx</p></div></div><p>far")
    assert found["says_ad"].tolist() == [1, 0, 0]
    np.testing.assert_allclose(found["says_ad_near"], [0, np.log(2), np.log(2)], rtol=1e-5)
    np.testing.assert_allclose(found["says_ad_dense"], [1 / 3, 0, 0], rtol=1e-5)


@pytest.mark.parametrize(
    ("text", "unfilled"),
    [
        ("Only {{price}} a month", 1),
        ("Dear ${user.name}!", 1),
        ("%1$s left", 1),
        ("A {set} of $5, 50% off", 0),
    ],
)
def test_placeholders(text, unfilled):
    assert table(f"<p>{text}")["placeholder"].tolist() == [unfilled]


@given(
    st.lists(
        st.sampled_from([*"{}[]<>%$#_@()!a1 ", "${", "{{", "}}", "%s", "[[", "lorem", "__", "&"]), max_size=9
    )
)
@settings(max_examples=60, deadline=None)
def test_placeholders_are_where_the_lexicon_finds_them(pieces):
    page = read_lines("".join(pieces))
    if len(page):
        found = featurise(Layout(page))
        expected = [bool(placeholder_pattern().search(text)) for text in page.texts]
        assert found.values[:, found.names.index("placeholder")].tolist() == expected


# -- titles ----------------------------------------------------------------------------------------


def test_overlap_with_the_title_and_description():
    head = "<title>The quiet harbour</title><meta name=description content='Why nobody could say'>"
    found = table(f"<head>{head}</head><h1>The Quiet Harbour!</h1><p>The harbour is loud here<p>Nobody could")
    np.testing.assert_allclose(found["title_share"], [1, 2 / 5, 0], rtol=1e-5)
    np.testing.assert_allclose(found["title_cover"], [1, 2 / 3, 0], rtol=1e-5)
    np.testing.assert_allclose(found["description_share"], [0, 0, 1], rtol=1e-5)
    np.testing.assert_allclose(found["description_cover"], [0, 0, 2 / 4], rtol=1e-5)


def test_the_first_of_two_titles_counts():
    head = "<meta property=og:title content=one><meta property=og:title content=two>"
    assert table(f"<head>{head}</head><p>one<p>two")["title_share"].tolist() == [1, 0]


def test_without_a_title_there_is_no_overlap():
    found = table("<p>a<p>b")
    assert not found["title_share"].any()
    assert not found["title_cover"].any()


# -- tags and names --------------------------------------------------------------------------------


def classes(names, block=0):
    """Sections of class vocabulary around a block whose element has these class names."""
    found = table(f'<div class="{names}"><p>text</p></div>')
    return {
        name.removeprefix("far_class_")
        for name in found
        if name.startswith("far_class_") and found[name][block]
    }


@pytest.mark.parametrize(
    ("names", "sections"),
    [
        ("", set()),
        ("paywall", {"gate"}),
        ("c-paywall-notice", {"gate"}),
        ("sharing", {"share"}),
        ("widget", {"sidebar"}),
        ("regWall", {"gate"}),
        ("reg-wall", {"gate"}),
    ],
)
def test_class_vocabulary(names, sections):
    assert classes(names) >= sections
    assert bool(classes(names)) == bool(sections)


@pytest.mark.parametrize(
    "names",
    [
        *("shadow", "loading", "gradient", "padding", "badge", "download-able", "thread-x"),
        *("widgetized", "unsocialized", "paywallet", "wall", "regulars wallpaper"),
    ],
)
def test_class_vocabulary_keeps_to_whole_tokens(names):
    assert not classes(names) & {"ad", "gate", "share", "sidebar", "promo"}


@pytest.mark.parametrize(
    "names", ["widget", "sharing", "gdpr-text", "social", "sponsor", "banner", "elementor-widget"]
)
def test_a_class_name_alone_moves_nothing_but_evidence_of_classes(names):
    """R28, R29: whole sites carry such a name on the element around their article."""
    story = f"<h1>Harbour</h1><p>{PROSE}<p>{PROSE} Yes."
    plain = table(f"<nav>Menu</nav><div class=zzyzx>{story}</div>")
    named = table(f'<nav>Menu</nav><div class="{names}">{story}</div>')
    moved = {name for name in plain if (plain[name] != named[name]).any()}
    assert moved
    assert all(CLASS_COLUMN.match(name) for name in moved)


def test_a_class_on_one_of_many_paragraphs_moves_only_looks_beside():
    plain = table(f"<div><p>{PROSE}<p>{PROSE} Yes.<p>{PROSE} No.</div>")
    named = table(f"<div><p>{PROSE}<p class=widget>{PROSE} Yes.<p>{PROSE} No.</div>")
    moved = {name for name in plain if (plain[name] != named[name]).any()}
    assert all(CLASS_COLUMN.match(name) or LOOK_COLUMN.match(name) for name in moved)


def test_tags_around_a_block():
    found = table("<nav><ul><li><a href=x>Home</a></ul></nav><main><p>a <b>c</b></main>")
    assert found["own_role_li"].tolist() == [1, 0]
    assert found["own_role_a"].tolist() == [1, 0]
    assert found["own_role_nav"].tolist() == [0, 0]
    assert found["far_role_nav"].tolist() == [1, 0]
    assert found["far_role_main"].tolist() == [0, 1]
    assert found["box_li"].tolist() == [1, 0]
    assert found["box_p"].tolist() == [0, 1]
    assert found["leaf_a"].tolist() == [1, 0]


def test_far_ancestors_count_as_far_alone():
    found = table("<aside>" + "<div>" * 9 + "a")
    assert (found["far_role_aside"][0], found["own_role_aside"][0]) == (1, 0)


def test_look_bits_are_one_row_an_element():
    page = cut("<nav><p>a</nav>")
    assert look_bits(Layout(page)).shape == (len(page.tags),)


# -- position and containers -----------------------------------------------------------------------


def test_position_by_hand():
    found = table(f"<p>Menu<h1>Title</h1><p>{PROSE}<p>a<h2>More</h2><p>{PROSE} Yes.")
    np.testing.assert_allclose(found["order"], np.arange(6) / 6, rtol=1e-5)
    np.testing.assert_allclose(found["log_to_end"], np.log1p(6 - np.arange(6)), rtol=1e-5)
    np.testing.assert_allclose(found["below_heading"], np.log1p([6, 0, 1, 2, 0, 1]), rtol=1e-5)
    assert found["after_h1"].tolist() == [0, 1, 1, 1, 1, 1]
    np.testing.assert_allclose(found["to_h1"], [-np.log(2), *np.log1p(np.arange(5))], rtol=1e-5)
    np.testing.assert_allclose(found["gap_before"], np.log1p([1, 2, 0, 1, 2, 0]), rtol=1e-5)
    np.testing.assert_allclose(found["gap_after"], np.log1p([2, 1, 0, 2, 1, 0]), rtol=1e-5)
    before = [0, 0, 0, 17, 17, 17]
    np.testing.assert_allclose(found["running_before"], np.array(before) / 35, rtol=1e-5)


def test_without_headings_or_prose():
    found = table("<p>a<p>b")
    assert found["after_h1"].tolist() == found["to_h1"].tolist() == [0, 0]
    np.testing.assert_allclose(found["below_heading"], np.log1p([2, 2]), rtol=1e-5)
    np.testing.assert_allclose(found["gap_after"], np.log1p([2, 1]), rtol=1e-5)


def test_containers_by_hand():
    found = table(f"<div><p><a href=x>abcd</a><p>{PROSE}</div><p>z")
    np.testing.assert_allclose(found["level0_link_density"], [1, 0, 0], rtol=1e-5)
    inside = 4 / (4 + len(PROSE))
    np.testing.assert_allclose(found["level1_link_density"][:2], [inside] * 2, rtol=1e-5)
    np.testing.assert_allclose(found["level1_log_blocks"], np.log([3, 3, 4]), rtol=1e-5)
    np.testing.assert_allclose(found["level1_p_share"], [1, 1, 1], rtol=1e-5)
    np.testing.assert_allclose(found["level1_running_part"], [1, 1, 1], rtol=1e-5)
    np.testing.assert_allclose(found["level0_running_part"], [0, 1, 0], rtol=1e-5)
    np.testing.assert_allclose(found["level1_link_blocks"], [1 / 2, 1 / 2, 1 / 3], rtol=1e-5)


def main_table(source):
    found = main_container(Layout(cut(source)))
    return dict(zip(found.names, found.values.T, strict=True))


def test_the_main_container_is_the_deepest_that_holds_the_running_text():
    story = f"<p>{PROSE}<p>{PROSE} Yes.<p>aside</p>"
    found = main_table(f"<p>Menu<div><div>{story}</div><p>beside</div><p>a<p>b")
    for share in (0.75, 0.95):
        assert found[f"main{share}_inside"].tolist() == [0, 1, 1, 1, 0, 0, 0]
        np.testing.assert_allclose(found[f"main{share}_before"][:2], [np.log(2), 0], rtol=1e-5)
        np.testing.assert_allclose(found[f"main{share}_after"][3:], np.log1p([0, 1, 2, 3]), rtol=1e-5)
        np.testing.assert_allclose(found[f"main{share}_place"], [0, 0, 1 / 3, 2 / 3, 0, 0, 0], rtol=1e-5)
        np.testing.assert_allclose(found[f"main{share}_level"][1:4], [0.1] * 3, rtol=1e-5)
        np.testing.assert_allclose(found[f"main{share}_part"], [3 / 7] * 7, rtol=1e-5)
    assert found["main0.5_inside"].tolist() == [0, 0, 1, 0, 0, 0, 0]


@pytest.mark.parametrize("story", [f"{PROSE}<br><br>a", f"<span>{PROSE}<br><br>a</span>"])
def test_the_main_container_of_text_with_breaks_is_a_box_around_it(story):
    found = main_table(f"<p>Menu<div>{story}</div>")
    assert found["main0.95_inside"][1] == 1
    assert found["main0.95_level"][1] < 1


def test_without_running_text_the_main_container_holds_the_words():
    found = main_table("<p>a<div><p>one two three<p>four five six</div><p>b")
    assert found["main0.75_inside"].tolist() == [0, 1, 1, 0]


# -- repetition and neighbours ---------------------------------------------------------------------


def test_repetition_by_hand():
    found = table("<ul><li>a<li>b<li class=x>c</ul><ul><li>d</ul><p>e")
    np.testing.assert_allclose(found["twins0_"], np.log1p([2, 2, 1, 1, 1]), rtol=1e-5)
    np.testing.assert_allclose(found["twins1_"], np.log1p([2, 2, 2, 2, 1]), rtol=1e-5)
    np.testing.assert_allclose(found["most_twins"], np.log1p([2, 2, 2, 2, 1]), rtol=1e-5)
    assert found["most_twins_level"].tolist() == [0, 0, 1, 1, 0]
    np.testing.assert_allclose(found["signature_log_blocks"], np.log1p([3, 3, 1, 3, 1]), rtol=1e-5)


def test_neighbours_by_hand():
    found = table(f"<h2>a</h2><p>{PROSE}<ul><li><a href=x>b</a></ul>")
    assert found["next-1_heading"].tolist() == [0, 1, 0]
    assert found["next-1_sentence"].tolist() == [0, 0, 1]
    assert found["next1_link_density"].tolist() == [0, 1, 0]
    assert found["next1_li"].tolist() == [0, 1, 0]
    np.testing.assert_allclose(found["window3_sentence"], [1 / 3] * 3, rtol=1e-5)
    assert found["same_parent-1"].tolist() == [0, 1, 0]
    assert found["same_box+1"].tolist() == [0, 0, 0]


@given(st.lists(st.integers(-9, 9), min_size=1, max_size=9), st.integers(-12, 12))
def test_shifted_equals_a_naive_reference(values, offset):
    naive = [values[i + offset] if 0 <= i + offset < len(values) else 0 for i in range(len(values))]
    assert shifted(np.array(values)[:, None], offset)[:, 0].tolist() == (
        naive if offset else [0] * len(values)
    )


@given(st.lists(st.integers(-9, 9), min_size=1, max_size=9), st.integers(0, 12))
def test_window_means_equal_a_naive_reference(values, reach):
    naive = [np.mean(values[max(i - reach, 0) : i + reach + 1]) for i in range(len(values))]
    found = window_means(np.array(values, np.float32)[:, None], reach)[:, 0]
    np.testing.assert_allclose(found, naive, rtol=1e-4, atol=1e-5)


# -- page ------------------------------------------------------------------------------------------


def test_page_facts_by_hand():
    head = """<link rel=canonical href="https://a.example/b/c?d/e"><meta property="og:type" content="Article">
    <script type="application/ld+json">{"@type": "NewsArticle", "datePublished": "2024"}</script>"""
    found = table(f"<head>{head}</head><article><p>{PROSE}</article><table><tr><td>1</table>")
    for name in ("json_article", "og_article", "dated", "page_has_article", "page_has_table"):
        assert found[name].tolist() == [1, 1]
    for name in ("json_product", "og_website", "page_has_main", "page_has_pre", "cjk"):
        assert found[name].tolist() == [0, 0]
    assert found["canonical_depth"].tolist() == [2, 2]
    np.testing.assert_allclose(found["page_log_blocks"], np.log([3, 3]), rtol=1e-5)


@pytest.mark.parametrize(
    ("href", "depth"),
    [("https://a.example", 0), ("https://a.example/", 0), ("/b", 0), ("", 0), ("//a.example/b/", 1)],
)
def test_depth_of_the_canonical_address(href, depth):
    assert table(f'<link rel=canonical href="{href}"><p>a')["canonical_depth"].tolist() == [depth]
