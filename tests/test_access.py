import codecs
import json
import math

import numpy as np
import pytest
from gated_pages import GATE, PAID, SENTENCE, STORY, TEASER, seen
from hypothesis import given
from hypothesis import strategies as st

from classifier.access import PRIOR, SIGNALS, WEAK, Access, Coefficients, Observed, Sign, gather, judge
from classifier.blocks import cut


def level(*args, **kwargs):
    return judge(seen(*args, **kwargs)).level


# -- levels --------------------------------------------------------------------------------------------------


def test_a_plain_page_is_open_and_whole():
    found = judge(seen(STORY))
    assert (found.level, found.complete, found.wall, found.declared) == ("open", True, "none", None)
    assert not found.paywalled


def test_a_gate_over_a_whole_text_is_metered():
    found = judge(seen(STORY + GATE))
    assert (found.level, found.complete, found.wall) == ("metered", True, "paywall")
    assert not found.paywalled


def test_a_gate_below_a_cut_text_is_gated():
    found = judge(seen(TEASER + GATE, item={**PAID, "wordCount": 900}))
    assert (found.level, found.complete, found.wall, found.declared) == ("gated", False, "paywall", "paid")
    assert found.paywalled


def test_a_text_that_is_missing_by_the_pages_own_word_is_gated_without_any_gate_text():
    item = {
        **PAID,
        "wordCount": 1200,
        "hasPart": {"isAccessibleForFree": False, "cssSelector": ".premium-body"},
    }
    found = judge(seen(TEASER, item=item))
    assert (found.level, found.wall) == ("gated", "paywall")


def test_scrambled_text_is_gated():
    shifted = codecs.encode(
        "The council voted to close four small bridges and five local streets on Monday. " * 3, "rot13"
    )
    observed = seen(f"<p>{SENTENCE}</p>" + f"<p>harbour {shifted}</p>" * 8 + GATE)
    assert observed["scrambled"] > 0.5
    assert judge(observed).level == "gated"


def test_a_robot_check_is_its_own_wall_and_no_paywall():
    found = judge(seen("<h1>Just a moment...</h1><p>Verify you are human</p>", status=403))
    assert (found.level, found.wall, found.complete, found.paywalled) == ("gated", "bot", False, False)


def test_a_forbidden_page_without_a_robot_check_is_no_gate():
    assert level("<h1>Nothing here</h1>", status=403) == "open"


# -- what must not convict -----------------------------------------------------------------------------------


def test_gate_text_in_header_footer_and_menus_never_decides():
    shell = f"<header>{GATE}</header>{{}}<nav>{GATE}</nav><footer>{GATE}</footer><div id=footer>{GATE}</div>"
    observed = seen(shell.format(STORY), item=PAID)
    assert observed["gate_peak"] < 0.1
    assert judge(observed).level == "open"


def test_the_footer_of_the_article_belongs_to_its_text():
    assert seen(f"<article>{STORY}<footer>{GATE}</footer></article>")["says_locked"] == 1


def test_declared_paid_alone_does_not_convict():
    found = judge(seen(STORY, item=PAID))
    assert (found.level, found.declared) == ("open", "paid")


def test_scripts_status_address_and_tier_together_do_not_convict():
    head = (
        "<script src=https://cdn.tinypass.com/a.js></script><meta name=article:content_tier content=locked>"
    )
    found = judge(seen(STORY, head=head, item=PAID, status=402, url="https://paper.example/plus/harbour"))
    assert (found.level, found.declared) == ("open", "paid")


def test_a_paywall_class_on_real_prose_does_not_convict():
    assert level(f'<div class="paywall barrier">{STORY}</div>') == "open"


def test_inert_templates_do_not_count():
    assert seen(f"{STORY}<template>{GATE}</template><noscript>{GATE}</noscript>")["gate_peak"] < 0.1


def test_a_hidden_gate_weighs_less_than_a_shown_one():
    hidden = judge(seen(f"{STORY}<div hidden>{GATE}</div>")).probability
    assert judge(seen(STORY)).probability < hidden < judge(seen(STORY + GATE)).probability


def test_a_locked_function_weighs_less_than_a_locked_text():
    feature = "<p>Subscribers only: subscribe to bookmark this article</p>"
    observed = seen(STORY + feature)
    assert (observed["says_locked"], observed["says_feature"]) == (0, 1)
    assert judge(observed).probability < judge(seen(STORY + GATE)).probability


# -- verdict -------------------------------------------------------------------------------------------------


def test_evidence_names_its_place_and_its_weight():
    found = judge(seen(STORY + GATE, item=PAID))
    by_kind = {each.kind: each for each in found.evidence}
    assert by_kind["says_locked"].where.startswith("/html[1]/body[1]/div[1]/p[")
    assert by_kind["says_locked"].excerpt == "continue reading"
    assert by_kind["declared_paid"].where == "JSON-LD isAccessibleForFree"
    weights = [abs(each.weight) for each in found.evidence]
    assert weights == sorted(weights, reverse=True)


def test_a_page_without_blocks_is_open_with_nothing_to_read():
    assert judge(gather(cut(""), np.zeros((0, 4)), np.zeros(0))) == Access(
        probability=pytest.approx(1 / (1 + math.exp(-PRIOR.not_open["bias"])))
    )


def test_arrays_of_another_page_are_refused():
    with pytest.raises(ValueError, match="A page of 1 blocks needs"):
        gather(cut("<p>a"), np.zeros((2, 4)), np.zeros(1))


def test_coefficients_survive_their_contract():
    assert Coefficients.from_dict(json.loads(json.dumps(PRIOR.to_dict()))) == PRIOR


def test_coefficients_for_other_signals_are_refused():
    contract = PRIOR.to_dict()
    contract["gated"] = {**contract["gated"], "colour": 1.0}
    with pytest.raises(ValueError, match="'gated' do not fit this version: colour"):
        Coefficients.from_dict(contract)


signs = st.builds(Sign, st.sampled_from(sorted(SIGNALS)), st.floats(0, 3), st.just("here"))
observations = st.builds(
    Observed,
    st.lists(signs, unique_by=lambda sign: sign.signal).map(tuple),
    st.sampled_from([None, "free", "metered", "paid"]),
    st.sampled_from(["none", "paywall", "registration", "consent", "bot"]),
)


def any_coefficients(seed):
    weights = np.random.default_rng(seed).normal(0, 10, (2, len(SIGNALS) + 1))
    return Coefficients(*(dict(zip(("bias", *SIGNALS), row.tolist(), strict=True)) for row in weights))


coefficients = st.integers(0, 10_000).map(any_coefficients)


@given(observations, coefficients)
def test_whatever_the_coefficients_the_verdict_is_sound(observed, weights):
    found = judge(observed, weights)
    assert 0 <= found.probability <= 1
    assert found.declared == observed.declared
    assert (found.complete is False) == (found.level == "gated")
    assert found.wall == "none" if found.level == "open" else found.probability >= weights.not_open_from
    assert found.wall != "none" or found.level != "gated"


@given(st.sets(st.sampled_from(sorted(WEAK))), coefficients)
def test_weak_signals_never_convict_whatever_the_coefficients(names, weights):
    observed = Observed(tuple(Sign(name, 1.0) for name in names), "paid")
    assert judge(observed, weights).level == "open"


@given(st.sampled_from(sorted(set(SIGNALS) - {"gate_peak", "gate_hidden", "scrambled"})), coefficients)
def test_no_other_signal_convicts_alone(name, weights):
    assert judge(Observed((Sign(name, 1.0),)), weights).level == "open"


probability = st.floats(0, 1)
pieces = st.sampled_from(
    [STORY, GATE, TEASER, "<header>", "</header>", "<div class=paywall>", "<p>x", "<p>…", "<p>\ud800"]
)


@given(st.lists(pieces, max_size=6), st.data())
def test_any_page_and_any_probabilities_give_a_verdict(parts, data):
    page = cut("".join(parts))
    values = data.draw(st.lists(probability, min_size=5, max_size=5))
    probabilities = np.tile(values[:4], (len(page), 1))
    observed = gather(page, probabilities, np.full(len(page), values[4]))
    assert np.isfinite(observed.vector).all()
    json.dumps([each.excerpt for each in judge(observed).evidence], ensure_ascii=False).encode("utf-8")
