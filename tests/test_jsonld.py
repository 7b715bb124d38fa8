import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier import jsonld

ARTICLE = {"@type": "Article", "headline": "Ice"}


def test_lists_and_graphs_are_opened_and_parts_follow_their_whole():
    text = json.dumps(
        [{"@context": "https://schema.org", "@graph": [{**ARTICLE, "hasPart": {"@type": "Part"}}]}]
    )
    assert [item["@type"] for item in jsonld.read((text, '{"@type": "WebSite"}'))] == [
        "Article",
        "Part",
        "WebSite",
    ]


def test_other_pages_listed_in_an_item_give_no_items():
    text = json.dumps({"@type": "ItemList", "itemListElement": [ARTICLE]})
    assert [item["@type"] for item in jsonld.read((text,))] == ["ItemList"]


@pytest.mark.parametrize(
    "text",
    [
        '//<![CDATA[\n{"@type": "Article", "headline": "Ice"}\n//]]>',
        '<!-- {"@type": "Article", "headline": "Ice"} -->',
        '/* made by hand */ {"@type": "Article", /* title */ "headline": "Ice"}',
        '{"@type": "Article", "headline": "Ice",}',
        "{&quot;@type&quot;: &quot;Article&quot;, &quot;headline&quot;: &quot;Ice&quot;}",
        "{ & #34;@type& #34;: & #34;Article& #34;, & #34;headline& #34;: & #34;Ice& #34;}",
        '\ufeff{"@type": "Article", "headline": "Ice"};',
        '{\u00a0"@type": "Article",\n\u00a0"headline": "Ice"}',
        '{"@type": "Article"\n"headline": "Ice"}',
        '{@type: "Article", headline: "Ice"}',
        '{"@type": "Article", "headline": "Ice", "image": ["a", "b"',
        '{"@type": "Article", "headline": "Ice", "author": {"name": "A"',
    ],
)
def test_what_is_almost_json_is_read(text):
    item = jsonld.read((text,))[0]
    assert (item["@type"], item["headline"]) == ("Article", "Ice")


def test_a_raw_line_break_and_a_bare_quote_stay_in_the_text():
    assert jsonld.read(('{"headline": "Ice\nmelts"}',))[0]["headline"] == "Ice\nmelts"
    assert jsonld.read(('{"headline": "The "big" ice", "name": "x"}',))[0] == {
        "headline": 'The "big" ice',
        "name": "x",
    }


def test_a_truncated_text_keeps_what_it_has():
    assert jsonld.read(('{"headline": "Ice", "description": "It mel',)) == [
        {"headline": "Ice", "description": "It mel"}
    ]


def test_several_objects_in_a_row():
    assert [item["name"] for item in jsonld.read(('{"name": "a"}\n{"name": "b"}, {"name": "c"}',))] == [
        "a",
        "b",
        "c",
    ]


def test_escapes_in_the_loose_reader():
    assert jsonld.read((r'{"a": "\u00e9 \ud83d\ude00 \n\"", }',))[0]["a"] == 'é 😀 \n"'


@pytest.mark.parametrize("text", [r'{"a": "x\ud800y"}', r'{"a": "x\ud800y", }', '{"a": "x\ud800y"}'])
def test_half_surrogate_pairs_never_come_out(text):
    assert jsonld.read((text,))[0]["a"] == "x\ufffdy"


@pytest.mark.parametrize("unit", ["[", '{"a":', '"', "/*", "\\", "&quot;", '"\n\n', "}]", '{"a":"b"}'])
def test_hostile_texts_cost_linear_time(unit):
    began = time.process_time()
    items = jsonld.read((unit * (jsonld.MAX_CHARS // len(unit)),))
    assert time.process_time() - began < 5
    assert len(items) <= jsonld.MAX_ITEMS


def test_nothing_is_read_beyond_the_cap():
    assert jsonld.read((" " * jsonld.MAX_CHARS + '{"a": 1}',)) == []


@given(st.text(alphabet='{}[]:,"\\/*<!-> \n&;#u0a1', max_size=60) | st.text(max_size=60))
def test_any_text_gives_a_list_of_dictionaries(text):
    assert all(isinstance(item, dict) for item in jsonld.read((text,)))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    )
)
def test_sound_json_comes_out_as_the_strict_reader_has_it(value):
    item = {"@type": "Thing", "value": value}
    text = json.dumps(item)
    if "\\ud" not in text.lower():
        assert jsonld.read((text,))[0] == item


def test_the_json_test_suite(corpora):
    files = sorted((corpora / "JSONTestSuite").rglob("*.json"))
    if not files:
        pytest.skip(f"no JSONTestSuite in {corpora}")
    for path in files:
        assert isinstance(jsonld.read((path.read_bytes().decode("utf-8", "replace"),)), list)


def test_types_lose_their_prefix():
    assert jsonld.types({"@type": "https://schema.org/NewsArticle"}) == ("NewsArticle",)
    assert jsonld.types({"@type": 3}) == ()
