"""Every kind of hostile page, each in a process of its own: it ends, keeps its text or says why not (I1 to I3, I5).

A choice of cases runs by default; PAGESIEVE_HOSTILE=all runs every one.
"""

import os

import pytest

from training.hostile import AFTER, BEFORE, CASES
from training.robustness import Result, passed, run_case, table, write_table

CHOICE = (
    *("deep_div_100k", "deep_then_wide", "attributes_1m", "tags_distinct_200k", "text_50mb", "ld_quotes"),
    *("billion_laughs", "external_entity", "utf32be_bare", "gzip_bomb", "nulls_in_markup", "links_malformed"),
)
ALL = os.environ.get("PAGESIEVE_HOSTILE") == "all"


@pytest.fixture(scope="module", autouse=True)
def model(tmp_path_factory: pytest.TempPathFactory, tiny_model) -> None:
    """The cases are about input: a model of the right shape will do, whatever ships."""
    from classifier.modelfile import save_model

    path = tmp_path_factory.mktemp("model") / "tiny.npz"
    save_model(tiny_model, path)
    os.environ.setdefault("PAGESIEVE_MODEL", str(path))


@pytest.mark.parametrize("name", CASES if ALL else CHOICE)
def test_a_hostile_page_is_read_or_named(name: str) -> None:
    found = run_case("pagesieve", name)
    assert found.ended == "result", found
    assert found.kept or found.reported or not CASES[name].shown, found
    assert not ALL or passed(found), found  # time and memory, where nothing else runs beside


def test_cases_hold_what_they_promise() -> None:
    assert len(CASES) >= 100
    for name in ("deep_div_100k", "controls", "charset_wrong", "billion_laughs"):
        data = CASES[name].make().decode()
        assert data.index(BEFORE) < data.index(AFTER)
    kinds = {name.rpartition("_")[0] for name in CASES}
    assert {"deep_div", "unclosed_font", "utf16le", "attributes", "links"} <= kinds


def test_the_table_counts_what_happened(tmp_path) -> None:
    results = [
        Result("ours", "nulls", "result", before=True, after=True, cpu=0.5, peak=80),
        Result("ours", "controls", "result", before=True, cpu=0.25, peak=90),
        Result("theirs", "nulls", "other", reported="ValueError"),
        Result("theirs", "controls", "killed", cpu=20),
    ]
    assert [result.lost for result in results] == [False, True, False, False]
    assert [passed(result) for result in results] == [True, False, False, False]
    rows = table(results).splitlines()[2:]
    assert rows[0] == "| ours | 2 | 2 | 0 | 0 | 0 | 1 | 1 | 0.5 (nulls) | 90 (controls) |"
    assert rows[1].startswith("| theirs | 2 | 0 | 0 | 1 | 1 | 0 | 0 |")
    document = tmp_path / "a.md"
    document.write_text("# A\n<!-- table: robustness -->\nold\n<!-- end of table -->\nend\n")
    write_table(document, "new")
    assert document.read_text() == "# A\n<!-- table: robustness -->\n\nnew\n\n<!-- end of table -->\nend\n"
