import pytest
from gated_pages import PAID, STORY, seen

from classifier.declared import locked_classes, request_signs, truth


@pytest.mark.parametrize(
    ("head", "item", "declared"),
    [
        ("", {"@type": "Article", "isAccessibleForFree": "True"}, "free"),
        ("", {"@type": "Article", "isAccessibleForFree": "http://schema.org/False"}, "paid"),
        (
            "",
            {"@type": "Article", "hasPart": [{"isAccessibleForFree": "false", "cssSelector": ".x"}]},
            "paid",
        ),
        ("", {"@type": "ItemList", "itemListElement": [PAID]}, None),
        ('<meta name="article:content_tier" content="metered">', None, "metered"),
        ('<meta name="article:content_tier" content="locked">', {"isAccessibleForFree": True}, "free"),
        ('<meta itemprop="isAccessibleForFree" content="False">', None, "paid"),
        ("", {"@type": "Article", "isAccessibleForFree": "perhaps"}, None),
    ],
)
def test_the_claim_of_the_best_source_is_reported(head, item, declared):
    assert seen(STORY, head=head, item=item).declared == declared


@pytest.mark.parametrize("value", [None, [], {}, [None], float("nan"), "x" * 10_000, "http://["])
def test_what_is_no_truth_value_is_none(value):
    assert truth(value) is None


def test_classes_are_taken_from_every_locked_part():
    items = [
        {"isAccessibleForFree": False, "cssSelector": [".a .b", "div.c"]},
        {"isAccessibleForFree": True, "cssSelector": ".d"},
    ]
    assert locked_classes(items) == (".a .b", {"a", "b", "c"})
    assert locked_classes([{"isAccessibleForFree": False, "cssSelector": 3}]) == ("", frozenset())


@pytest.mark.parametrize(
    ("url", "status", "signals"),
    [
        ("https://paper.example/plus/ice", None, {"address"}),
        ("https://paper.example/bild-plus/ice.html", None, {"address"}),
        ("https://paper.example/surplus/ice?from=/plus/", None, set()),
        ("http://[", 402, {"status"}),
        (None, 200, set()),
    ],
)
def test_what_the_request_tells(url, status, signals):
    assert {sign.signal for sign in request_signs(status, url)} == signals
