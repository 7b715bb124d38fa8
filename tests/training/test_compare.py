"""Champion against challenger: equal models differ in nothing, better and worse are told, and chance is not."""

import json
import re
from dataclasses import replace

import layouts
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from training_pages import written

from classifier import cli
from classifier.modelfile import default_model, save_model
from classifier.sitemodel import SiteModel, save_site_model
from training import cli_sites
from training.adapt import fit_correction, lesson_of
from training.bootstrap import Tally, paired
from training.compare import FIGURES, NothingToCompare, compare, table
from training.gold import read_pages
from training.samples import gold_sample

FOLDER = layouts.ROOT / "ferry-post"
BASE = default_model("html")


@pytest.fixture(scope="module")
def pages():
    return read_pages(FOLDER)


@pytest.fixture(scope="module")
def adapted(pages):
    """The base, corrected on two of the pages."""
    lessons = [lesson_of(gold_sample(page), BASE) for page in pages[:2]]
    return SiteModel(BASE, {"ferry-post.example": fit_correction(lessons)})


def verdicts(compared):
    return {each.name: each.verdict for each in compared}


def test_a_model_is_no_better_than_itself(pages):
    found = compare(BASE, BASE, pages)
    assert {"labels.content.f1", "labels.macro", "labelled.f1"} <= set(verdicts(found)) <= set(FIGURES)
    assert set(verdicts(found).values()) == {"no difference"}
    assert all(each.difference.value == 0 for each in found)


def test_better_and_worse_are_told(pages, adapted):
    better, worse = compare(BASE, adapted, pages), compare(adapted, BASE, pages)
    assert verdicts(better)["labelled.f1"] == verdicts(better)["labels.content.f1"] == "better"
    assert verdicts(worse)["labelled.f1"] == verdicts(worse)["labels.content.f1"] == "worse"
    assert "worse" not in verdicts(better).values()
    assert "main text, labelled pages" in table(better) and "better" in table(better)


def test_corpora_are_compared_by_their_own_measures(tmp_path):
    pages = [written(tmp_path, f"{corpus}{n}", corpus) for corpus in ("wcxb", "fundus", "trafilatura") for n in range(3)]
    assert {"wcxb.f1", "fundus.f1", "trafilatura.f1"} <= set(verdicts(compare(BASE, BASE, pages)))


def test_pages_without_a_truth_or_of_one_name_are_refused(pages):
    with pytest.raises(NothingToCompare, match="truth"):
        compare(BASE, BASE, [])
    with pytest.raises(NothingToCompare, match="are called bus-forty"):
        compare(BASE, BASE, [*pages, pages[0]])


def test_one_or_two_pages_tell_nothing(pages, adapted):
    assert set(verdicts(compare(BASE, adapted, pages[:2])).values()) == {"no difference"}


# -- the paired bootstrap ---------------------------------------------------------------------------------------


def share(totals):
    return totals[..., 0] / totals[..., 1]


def tally(hits, sites):
    return Tally([f"{site}.example" for site in sites], np.array([[hit, 1.0] for hit in hits]))


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=3, max_size=20))
def test_turning_the_models_round_turns_the_interval_round(hits):
    before, after = zip(*hits, strict=True)
    sites = range(len(hits))
    there = paired(tally(before, sites), tally(after, sites), {"share": share})["share"]
    back = paired(tally(after, sites), tally(before, sites), {"share": share})["share"]
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low))
    assert there.value == pytest.approx(-back.value)


def test_what_is_hard_for_both_cancels_out():
    hits = np.linspace(0, 0.9, 30)
    found = paired(tally(hits, range(30)), tally(hits + 0.05, range(30)), {"share": share})["share"]
    assert found.low == pytest.approx(0.05) and found.high == pytest.approx(0.05) and found.unit == "sites"


def test_chance_is_no_difference():
    rng = np.random.default_rng(0)
    wrong = 0
    for _ in range(60):
        before, after = rng.random((2, 40)) < 0.7
        found = paired(tally(before, range(40)), tally(after, range(40)), {"share": share})["share"]
        wrong += not found.low <= 0 <= found.high
    assert wrong <= 7  # 3 are expected


def test_sites_are_drawn_where_there_are_enough_and_pages_where_not():
    few = paired(tally([0, 0, 0, 1], [1, 1, 2, 2]), tally([1, 1, 1, 1], [1, 1, 2, 2]), {"share": share})["share"]
    assert (few.unit, few.sites, few.pages) == ("pages", 2, 4)
    with pytest.raises(ValueError, match="same pages"):
        paired(tally([1], [1]), tally([1], [2]), {"share": share})


# -- the command ------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def declared(monkeypatch):
    """The commands, whether or not the package is installed."""

    class Point:
        def __init__(self, name, add):
            self.name, self.add = name, add

        def load(self):
            return self.add

    points = [Point("adapt", cli_sites.add_adapt), Point("compare", cli_sites.add_compare)]
    monkeypatch.setattr(cli, "entry_points", lambda group: points)


def run(*arguments):
    return cli.main([str(argument) for argument in arguments])


def test_the_command_gates(adapted, tmp_path, capsys):
    site = tmp_path / "site.npz"
    save_site_model(adapted, site)
    assert run("compare", "base", site, "--on", FOLDER, "--json", tmp_path / "c.json") == 0
    record = json.loads((tmp_path / "c.json").read_text("utf-8"))
    assert {"name", "verdict", "before", "after", "low", "high", "pages", "sites"} <= record[0].keys()
    assert "better" in capsys.readouterr().out
    assert run("compare", site, "base", "--on", FOLDER) == 1
    assert "base is worse in " in capsys.readouterr().err


def test_adapt_writes_a_model_that_extract_and_info_take(tmp_path, capsys):
    site = tmp_path / "site.npz"
    assert run("adapt", FOLDER / "lamp-oil.json", FOLDER / "bus-forty.json", "-o", site) == 0
    assert "ferry-post.example: 2 pages" in capsys.readouterr().out
    page = FOLDER / "choir-tide.html"
    assert run("extract", "--model", site, page) == 0
    corrected = capsys.readouterr().out
    assert run("extract", page) == 0
    assert len(corrected) < len(capsys.readouterr().out)
    assert run("info", "--model", site) == 0
    told = json.loads(capsys.readouterr().out)["sites"]["ferry-post.example"]
    assert told["pages"] == 2 and told["tokens"] > 0 and told["held_out"]["main_after"] > 0


def test_adapt_takes_many_sites_and_merges(tmp_path, capsys):
    for name in ("hashed", "tables"):
        layouts.write(name, tmp_path / name)
    first, second = tmp_path / "first.npz", tmp_path / "second.npz"
    assert run("adapt", FOLDER, "-o", first) == 0
    assert run("adapt", tmp_path / "hashed", tmp_path / "tables", "--all-sites", "--merge", first, "-o", second) == 0
    out = capsys.readouterr().out
    assert "hashed.example: 5 pages" in out and "tables.example: 5 pages" in out
    run("info", "--model", second)
    assert set(json.loads(capsys.readouterr().out)["sites"]) == {"ferry-post.example", "hashed.example", "tables.example"}
    assert run("adapt", tmp_path / "hashed", tmp_path / "tables", "--site", "tables.example", "-o", first) == 0
    run("info", "--model", first)
    assert set(json.loads(capsys.readouterr().out.partition("\n")[2])["sites"]) == {"tables.example"}


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("{new}", "-o", "x.npz"), "No folder"),
        (("{empty}", "-o", "x.npz"), "No labelled pages"),
        (("{folder}", "--site", "b.example", "-o", "x.npz"), r"No labelled page is of b.example; .*ferry-post.example \(5\)"),
        (("{folder}", "{other}", "-o", "x.npz"), "2 sites; choose with --site or --all-sites"),
        (("{folder}", "--base", "none.npz", "-o", "x.npz"), "none.npz: not a usable model"),
        (("{folder}", "--merge", "none.npz", "-o", "x.npz"), "none.npz: not a usable model"),
        (("{folder}", "-o", "{new}/x.npz"), "No such file"),
    ],
)
def test_wrong_usage_is_one_sentence(arguments, reason, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    other = layouts.write("hashed", tmp_path / "other")
    names = {"new": tmp_path / "new", "empty": tmp_path / "empty", "folder": FOLDER, "other": other}
    assert run("adapt", *(argument.format(**names) for argument in arguments)) == 2
    err = capsys.readouterr().err
    assert err.startswith("pagesieve: ") and err.count("\n") == 1
    assert re.search(reason, err), err
    assert not (tmp_path / "x.npz").exists()


def test_a_base_of_one_s_own_is_looked_for_beside_the_site_model(tmp_path, capsys, tiny_model):
    save_model(tiny_model, tmp_path / "mine.npz")
    assert run("adapt", FOLDER, "--base", tmp_path / "mine.npz", "-o", tmp_path / "site.npz") == 0
    assert run("extract", "--model", tmp_path / "site.npz", FOLDER / "lamp-oil.html") in (0, 1)
    assert "not a usable" not in capsys.readouterr().err
    (tmp_path / "mine.npz").unlink()
    assert run("extract", "--model", tmp_path / "site.npz", FOLDER / "lamp-oil.html") == 1
    assert "does not lie beside it" in capsys.readouterr().err


def test_an_unlabelled_segment_list_is_still_a_page(pages):
    assert compare(BASE, BASE, [replace(page, main=None) for page in pages])
