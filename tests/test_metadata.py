import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.metadata import Metadata, iso_date, main_item, read_metadata
from classifier.page import Facts

URL = "https://paper.example/2024/ice"


def json_ld(**item: object) -> tuple[str, ...]:
    return (json.dumps({"@context": "https://schema.org", **item}),)


def test_nothing_declared_gives_nothing():
    assert read_metadata(Facts()) == Metadata()


def test_a_full_declaration():
    article = {
        "@type": "NewsArticle",
        "headline": "Ice &amp; snow",
        "author": [{"@type": "Person", "name": "Ada Berg"}, {"@id": "#otto"}],
        "publisher": {"@id": "#paper"},
        "datePublished": "2024-03-05T07:00:00+01:00",
        "dateModified": "2024-03-06",
        "inLanguage": "en-GB",
        "description": "It melts.",
    }
    paper = {"@type": "Organization", "@id": "#paper", "name": "The Paper"}
    otto = {"@type": "Person", "@id": "#otto", "name": "Otto Lind"}
    facts = Facts(json_ld=json_ld(**{"@graph": [paper, otto, article]}), links=(("canonical", "/2024/ice"),))
    assert read_metadata(facts, URL + "?x=1") == Metadata(
        title="Ice & snow",
        site_name="The Paper",
        author=("Ada Berg", "Otto Lind"),
        published="2024-03-05T07:00:00+01:00",
        modified="2024-03-06",
        language="en-GB",
        canonical_url=URL,
        description="It melts.",
        kind="NewsArticle",
    )


SOURCES = (
    {"json_ld": json_ld(**{"@type": "Article", "headline": "one"})},
    {"meta": (("og:title", "two"),)},
    {"meta": (("twitter:title", "three"),)},
    {"microdata": (("headline", "four"),)},
    {"title": "five"},
)


@pytest.mark.parametrize("best", range(len(SOURCES)))
def test_the_title_comes_from_the_best_source_there_is(best):
    facts: dict = {"meta": ()}
    for source in SOURCES[best:]:
        facts = {**source, **facts, "meta": facts["meta"] + source.get("meta", ())}
    assert read_metadata(Facts(**facts)).title == ("one", "two", "three", "four", "five")[best]


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Ice | The Paper", "Ice"),
        ("The Paper: Ice", "Ice"),
        ("Ice - THE PAPER", "Ice"),
        ("Ice - here - The Paper", "Ice - here"),
        ("The Paper", "The Paper"),
        ("Ice | Another Paper", "Ice | Another Paper"),
        ("What the paper-The Paper", "What the paper-The Paper"),
    ],
)
def test_the_site_is_cut_from_the_title_only_where_it_is_known(title, expected):
    assert read_metadata(Facts(title=title, meta=(("og:site_name", "The Paper"),))).title == expected
    assert read_metadata(Facts(title=title)).title == title


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ("2024-03-05", "2024-03-05"),
        ("2024/03/05", "2024-03-05"),
        ("20240305", "2024-03-05"),
        ("2024-03-05 07:00", "2024-03-05T07:00"),
        ("2024-03-05T07:00:00.123z", "2024-03-05T07:00:00.123Z"),
        ("2024-03-05T07:00:00+0530", "2024-03-05T07:00:00+05:30"),
        ("2024-03-05T07:00:00-05", "2024-03-05T07:00:00-05:00"),
        ("Tue, 05 Mar 2024 07:00:00 +0100", "2024-03-05T07:00:00+01:00"),
        ("2024-03", "2024-03"),
        ("2024", "2024"),
        ("2024-13-05", None),
        ("0001-01-01T00:00:00", None),
        ("05/03/2024", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_dates_are_normalised_where_they_are_sure(declared, expected):
    assert iso_date(declared) == expected


def test_an_unreadable_date_gives_way_to_the_next_source():
    facts = Facts(meta=(("article:published_time", "soon"), ("date", "2024-03-05")), times=("2020-01-01",))
    assert read_metadata(facts).published == "2024-03-05"
    assert read_metadata(Facts(times=("nonsense", "2020-01-01"))).published == "2020-01-01"


@pytest.mark.parametrize(
    ("meta", "expected"),
    [
        ((("article:author", "https://social.example/ada"), ("author", "By Ada Berg")), ("Ada Berg",)),
        ((("citation_author", "Berg, Ada"), ("citation_author", "Lind, Otto")), ("Berg, Ada", "Lind, Otto")),
        ((("twitter:data1", "5 minutes"),), ()),
        ((("twitter:label1", "Written by"), ("twitter:data1", "Ada Berg")), ("Ada Berg",)),
        ((("author", "262588213843476"), ("author", "@ada")), ()),
    ],
)
def test_authors_are_names(meta, expected):
    assert read_metadata(Facts(meta=meta)).author == expected


@pytest.mark.parametrize(("declared", "expected"), [("en_US", "en-US"), ("de", "de"), ("English (UK)", None)])
def test_languages_are_tags(declared, expected):
    assert read_metadata(Facts(meta=(("og:locale", declared),))).language == expected


@pytest.mark.parametrize("bad", ["http://[oops", "javascript:void(0)", "mailto:a@b.example", ""])
def test_a_bad_canonical_address_gives_way(bad):
    facts = Facts(links=(("canonical", bad),), meta=(("og:url", URL),))
    assert read_metadata(facts).canonical_url == URL
    assert read_metadata(Facts(links=(("canonical", bad),)), "http://[worse").canonical_url is None


def test_the_main_item_is_the_article_then_the_one_with_the_pages_address():
    items = [
        {"@type": "WebPage"},
        {"@type": "Article", "url": "/other"},
        {"@type": "Article", "@id": URL + "/#a"},
    ]
    assert main_item(items) == items[1]
    assert main_item(items, ["http://www.paper.example/2024/ice/"]) == items[2]
    assert main_item([{"@type": "Organization"}]) is None


texts = st.text(max_size=30) | st.sampled_from(
    ["http://[", "2024-03-05", '{"@type": "Article", "author": [{}]}', "&#0;"]
)
names = st.sampled_from(["og:title", "author", "date", "og:url", "og:locale", "description"])


@given(
    st.builds(
        Facts,
        title=texts,
        language=texts,
        meta=st.lists(st.tuples(names, texts)).map(tuple),
        links=st.lists(st.tuples(st.just("canonical"), texts)).map(tuple),
        times=st.lists(texts).map(tuple),
        json_ld=st.lists(texts).map(tuple),
    ),
    st.none() | texts,
)
def test_any_facts_give_metadata_that_can_be_written_as_utf8(facts, url):
    found = read_metadata(facts, url)
    json.dumps([getattr(found, name) for name in found.__slots__], ensure_ascii=False).encode("utf-8")
