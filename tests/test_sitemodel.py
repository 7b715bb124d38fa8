"""A site model corrects its sites' pages alone, knows its base, and no forged file of one gets through."""

import io
import json
import zipfile
from dataclasses import replace
from hashlib import sha256

import numpy as np
import pytest
from conftest import make_tiny_model

from classifier import Sieve
from classifier.blocks import cut
from classifier.labels import LABELS
from classifier.layout import Layout
from classifier.modelfile import ModelFileError, default_model, load_model, model_digest, save_model
from classifier.sitemodel import (
    MAX_SHIFT,
    OUTPUTS,
    Correction,
    SiteModel,
    host_of,
    load_any,
    load_site_model,
    main_log_odds,
    save_site_model,
    shifted,
    token_id,
    tokens,
)

PAGE = "<title>The harbour - Post</title><body class=b12><h1>The harbour</h1><div class='t x9'><p>Read 12 of 40 today"
URL = "https://www.post.example/1"
UP = np.array([0, 0, 0, 4, -4], np.float32)
EVERYWHERE = {token_id("%title"): UP}


@pytest.fixture(scope="module")
def site_model(tiny_model):
    own = {token_id(token): UP for token in ("*", "p4p<div.t.x0<body.b0<html", "p4h1<body.b0<html")}
    return SiteModel(tiny_model, {"post.example": Correction(own, {"pages": 2}), "b.co.uk": Correction(EVERYWHERE)})


@pytest.fixture
def good(site_model, tmp_path):
    """A site model's file with its base beside it."""
    save_model(site_model.base, tmp_path / "tiny.npz")
    path = tmp_path / "sites.npz"
    save_site_model(replace(site_model, base_file="tiny.npz"), path)
    return path


# -- tokens -----------------------------------------------------------------------------------------------------


def test_tokens_tell_place_names_and_text():
    first, second = tokens(Layout(cut(PAGE)))
    assert {"*", "p1h1", "%title", "%h1", "=the harbour"} <= set(first)
    assert {"p1p", "p2p<div.t.x0", "adiv.t.x0", "abody.b0", "@html[1]/body[1]/div[1]", "=read 0 of 0 today"} <= set(second)
    assert {"tp<div<body<html", "^read 0"} <= set(second)
    assert not any(token[0] == "%" for token in second)


def test_tokens_stand_once_a_block():
    for own in tokens(Layout(cut("<div><div><div>one<p>one"))):
        assert len(own) == len(set(own))


def test_the_description_is_known_where_it_stands_on_the_page():
    page = "<meta name=description content='Salt was sold within an hour.'><p>Salt was sold within an hour.<p>Salt."
    first, second = tokens(Layout(cut(page)))
    assert "%description" in first and "%description" not in second


@pytest.mark.parametrize("page", ["", "<p>", "text alone", "<td>a<td>b", "\ud800<p>\ud800", "<p>" * 700 + "deep"])
def test_any_page_has_tokens(page, site_model):
    x = Layout(cut(page))
    assert len(tokens(x)) == len(x.page)
    labels, main = site_model.of_page(x.page.facts, URL).predict(x)
    assert labels.shape == (len(x.page), len(LABELS)) and main.shape == (len(x.page),)
    assert np.isfinite(labels).all() and np.isfinite(main).all()


# -- corrections ------------------------------------------------------------------------------------------------


def test_log_odds_move_by_what_the_correction_says(site_model):
    x = Layout(cut(PAGE))
    before = site_model.base.predict(x)
    after = site_model.of_page(x.page.facts, URL).predict(x)
    odds = np.log(after[0][:, 3] / after[0][:, 0]) - np.log(before[0][:, 3] / before[0][:, 0])
    np.testing.assert_allclose(odds, 8, atol=1e-3)  # the token of every block, and that of its place
    np.testing.assert_allclose(main_log_odds(after[1]) - main_log_odds(before[1]), -8, atol=1e-2)


def test_a_strange_layout_is_left_to_the_base_but_for_what_holds_anywhere(site_model):
    x = Layout(cut("<title>The harbour</title><main><section><h2>The harbour</h2><p>Some text of another layout"))
    own = site_model.corrections["post.example"]
    assert not own.shifts(x).any()
    free = Correction({**own.weights, **EVERYWHERE}).shifts(x)
    np.testing.assert_array_equal(free, [UP, np.zeros(OUTPUTS)])


def test_no_correction_moves_further_than_it_may():
    x = Layout(cut(PAGE))
    moved = Correction({token_id("%title"): UP * 1000}).shifts(x)
    assert moved.max() == MAX_SHIFT and moved.min() == -MAX_SHIFT


def test_probabilities_of_0_and_1_can_be_moved():
    labels, main = np.array([[1, 0, 0, 0]], np.float32), np.array([1], np.float32)
    moved = np.array([[-12, 12, 0, 0, -12]], np.float32)
    labels, main = shifted(labels, main, moved)
    assert labels[0].argmax() == 1 and np.isfinite(labels).all() and main[0] < 0.9


@pytest.mark.parametrize(
    ("url", "site"),
    [
        (URL, "post.example"),
        ("//POST.example.:80", "post.example"),
        ("post.example/a", "post.example"),
        ("http://news.b.co.uk/", "b.co.uk"),
        ("http://notpost.example/", None),
        ("http://post.example.evil.example/", None),
        ("http://[", None),
        ("", None),
    ],
)
def test_a_page_belongs_to_the_site_its_host_ends_with(site_model, url, site):
    assert site_model.site_of(url) == site


def test_the_longest_site_wins(tiny_model):
    model = SiteModel(tiny_model, {"b.example": Correction({}), "a.b.example": Correction({})})
    assert model.site_of("http://x.a.b.example/") == "a.b.example"


def test_the_address_given_goes_before_the_one_declared(site_model):
    facts = cut(f'<link rel=canonical href="{URL}"><p>a').facts
    assert site_model.of_page(facts, None) is not site_model.base
    assert site_model.of_page(facts, "https://other.example/") is site_model.base
    og = cut(f'<meta property="og:url" content="{URL}"><p>a').facts
    assert site_model.of_page(og, None) is not site_model.base
    assert site_model.of_page(cut("<p>a").facts, None) is site_model.base


def test_a_sieve_corrects_pages_of_the_site_alone(good, tiny_model):
    plain, corrected = Sieve(tiny_model), Sieve(good)
    for url in (None, "https://other.example/"):
        np.testing.assert_allclose(
            corrected.read(PAGE, url=url).probabilities, plain.read(PAGE, url=url).probabilities, atol=1e-6
        )
    assert (corrected.read(PAGE, url=URL).probabilities[:, 3] > plain.read(PAGE, url=URL).probabilities[:, 3]).all()


def test_models_of_one_base_merge(site_model):
    other = SiteModel(site_model.base, {"b.co.uk": Correction({}), "c.example": Correction({})})
    merged = site_model.merged(other)
    assert set(merged.corrections) == {"post.example", "b.co.uk", "c.example"}
    assert merged.corrections["b.co.uk"] is other.corrections["b.co.uk"]
    stranger = SiteModel(make_tiny_model(1), {})
    with pytest.raises(ValueError, match="different bases") as caught:
        site_model.merged(stranger)
    assert site_model.base_digest[:12] in str(caught.value) and stranger.base_digest[:12] in str(caught.value)


# -- the file ---------------------------------------------------------------------------------------------------


def test_a_site_model_survives_its_file(site_model, good, tmp_path):
    loaded = load_site_model(good)
    assert loaded.corrections.keys() == site_model.corrections.keys()
    assert loaded.corrections["post.example"].about == {"pages": 2}
    for site, correction in site_model.corrections.items():
        assert loaded.corrections[site].weights.keys() == correction.weights.keys()
        for key, weights in correction.weights.items():
            np.testing.assert_array_equal(loaded.corrections[site].weights[key], weights)
    save_site_model(loaded, tmp_path / "again.npz")
    assert (tmp_path / "again.npz").read_bytes() == good.read_bytes()


def test_either_kind_of_file_is_told_by_its_content(good):
    assert isinstance(load_any(good), SiteModel)
    assert model_digest(load_any(good.with_name("tiny.npz"))) == load_site_model(good).base_digest
    with pytest.raises(ModelFileError, match="no site model"):
        load_site_model(good.with_name("tiny.npz"))
    with pytest.raises(ModelFileError):
        load_model(good)


def test_the_shipped_model_is_the_base_where_none_is_named(tmp_path):
    save_site_model(SiteModel(default_model("html"), {"post.example": Correction(EVERYWHERE)}), tmp_path / "s.npz")
    assert load_any(tmp_path / "s.npz").base is default_model("html")


def test_another_base_is_refused_by_both_digests(good):
    stranger = make_tiny_model(1)
    with pytest.raises(ModelFileError) as caught:
        load_site_model(good, stranger)
    own = model_digest(load_model(good.with_name("tiny.npz")))
    assert own[:12] in str(caught.value) and model_digest(stranger)[:12] in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_base_that_is_not_beside_it_can_be_given(good, tiny_model):
    good.with_name("tiny.npz").unlink()
    with pytest.raises(ModelFileError, match="does not lie beside it"):
        load_site_model(good)
    assert load_site_model(good, tiny_model).base is tiny_model


def members_of(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def npy(array):
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.asanyarray(array))
    return stream.getvalue()


def forged(path, change=lambda contract: None, **arrays):
    """The file with other arrays and a changed contract, signed as a forger would."""
    members = {**members_of(path), **{f"{name}.npy": npy(array) for name, array in arrays.items()}}
    contract = json.loads(np.load(io.BytesIO(members.pop("contract.npy"))).tobytes())
    digest = sha256()
    for name in sorted(members):
        array = np.load(io.BytesIO(members[name]))
        digest.update(f"{name.removesuffix('.npy')} {array.dtype.str} {array.shape};".encode() + array.tobytes())
    contract["sha256"] = digest.hexdigest()
    change(contract)
    members["contract.npy"] = npy(np.frombuffer(json.dumps(contract).encode(), np.uint8))
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def assert_refused(path):
    with pytest.raises(ModelFileError) as caught:
        load_any(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: not a usable model: ") and message.endswith(".")
    assert "\n" not in message and len(message) < len(str(path)) + 300


def test_the_forger_s_signature_is_right(good):
    assert load_any(forged(good)).corrections


FORGERIES = {
    "kind": lambda c: c.update(kind="tea"),
    "format": lambda c: c.update(format=2),
    "further key": lambda c: c.update(tea=1),
    "lacking key": lambda c: c.pop("sites"),
    "checksum": lambda c: c.update(sha256="0" * 64),
    "base is text": lambda c: c.update(base="tea"),
    "base lacks": lambda c: c["base"].pop("name"),
    "base digest": lambda c: c["base"].update(sha256=7),
    "base digest of another": lambda c: c["base"].update(sha256="0" * 64),
    "base above": lambda c: c["base"].update(file="../tiny.npz"),
    "base elsewhere": lambda c: c["base"].update(file="/tiny.npz"),
    "base on a drive": lambda c: c["base"].update(file="c:tiny.npz"),
    "base hidden": lambda c: c["base"].update(file=".tiny.npz"),
    "base empty": lambda c: c["base"].update(file=""),
    "base of zero": lambda c: c["base"].update(file="tiny\0.npz"),
    "base number": lambda c: c["base"].update(file=3),
    "sites object": lambda c: c.update(sites={}),
    "site text": lambda c: c.update(sites=["tea"]),
    "site key": lambda c: c["sites"][0].update(tea=1),
    "site name": lambda c: c["sites"][0].update(site="a/b"),
    "site upper": lambda c: c["sites"][0].update(site="A.example"),
    "site empty": lambda c: c["sites"][0].update(site=""),
    "site twice": lambda c: c["sites"][0].update(site=c["sites"][1]["site"]),
    "tokens negative": lambda c: c["sites"][0].update(tokens=-1),
    "tokens float": lambda c: c["sites"][0].update(tokens=1.0),
    "tokens bool": lambda c: c["sites"][0].update(tokens=True),
    "tokens many": lambda c: c["sites"][0].update(tokens=10**9),
    "tokens huge": lambda c: c["sites"][0].update(tokens=10**400),
    "about": lambda c: c["sites"][0].update(about=[]),
}


@pytest.mark.parametrize("change", FORGERIES.values(), ids=FORGERIES)
def test_forged_contracts_are_refused(good, change):
    assert_refused(forged(good, change))


@pytest.mark.parametrize(
    "arrays",
    [
        {"weights": np.full((4, OUTPUTS), np.nan, "<f2")},
        {"weights": np.full((4, OUTPUTS), np.inf, "<f2")},
        {"weights": np.zeros((4, OUTPUTS), "<f4")},
        {"weights": np.zeros((4, OUTPUTS + 1), "<f2")},
        {"weights": np.zeros((3, OUTPUTS), "<f2")},
        {"tokens": np.zeros((4, 7), np.uint8)},
        {"tokens": np.zeros(32, np.uint8)},
        {"tokens": np.zeros((4, 8), "<f4")},
        {"tea": np.zeros(1, np.uint8)},
    ],
    ids=str,
)
def test_arrays_that_do_not_fit_are_refused(good, arrays):
    assert_refused(forged(good, **arrays))


def test_every_truncated_file_is_refused(good):
    data = good.read_bytes()
    for length in range(0, len(data), 37):
        good.write_bytes(data[:length])
        assert_refused(good)


def test_the_host_of_an_address():
    assert host_of("https://user@WWW.Example.com:8080/a?b") == "www.example.com"
