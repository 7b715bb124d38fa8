"""Every problem of label files is found and named with its line, and sound ones pass."""

import json
from pathlib import Path

import pytest

from classifier.cli import main
from training.check import check
from training.gold import read_pages

SHIPPED = Path(__file__).parents[2] / "datasets" / "pages"
STORY = (
    "The ferry to the island stops at noon because the tide leaves too little water over the bar,"
    " and the captain, who has sailed it for thirty years, says that the channel moves every winter."
)


def written(folder, name, html=None, **changes):
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.html").write_text(html or f"<p>Menu<p>{STORY} Told by {name}.", "utf-8")
    record = {
        "schema": 1,
        "id": name,
        "url": f"https://{name}.example/1",
        "site": None,
        "access": "open",
        "complete": True,
        "declared": None,
        "segments": [["Menu", "navigation"], [f"{STORY} Told by {name}.", "content"]],
    } | changes
    path = folder / f"{name}.json"
    text = json.dumps(record).replace('"segments": [', '"segments": [\n').replace('"], ["', '"],\n["')
    path.write_text(text, "utf-8")
    return path


def problems(*folders):
    return [sentence.replace(f"{folders[0].parent}/", "") for sentence in check(folders).problems]


def test_the_pages_that_ship_are_sound():
    checked = check([SHIPPED])
    assert checked.problems == ()
    assert checked.pages == len(read_pages(SHIPPED))


def test_all_that_is_wrong_with_a_file_is_named_at_once(tmp_path):
    written(
        tmp_path / "labels",
        "tea",
        access="shut",
        extra=1,
        segments=[["Menu", "menu"], [STORY, "content"], ["", "ad"]],
    )
    assert problems(tmp_path / "labels") == [
        "labels/tea.json:1: unknown key 'extra'; known are id, url, site, access, complete, declared, segments, schema,"
        " language, page_type, main, source, file, picked_as, status, paths, notes.",
        'labels/tea.json:1: access is "shut"; known are "open", "metered", "gated", "unsure".',
        "labels/tea.json:2: segment 0 has label 'menu'; known are content, navigation, ad, paywall.",
        "labels/tea.json:4: segment 2 has no text.",
    ]


def test_text_without_a_label_and_labels_without_text_are_named_with_their_line(tmp_path):
    html = f"<p>Menu<p>{STORY}<p>A line that nobody labelled"
    written(
        tmp_path / "labels",
        "tea",
        html,
        segments=[["Menu", "navigation"], [STORY, "content"], ["Gone since", "ad"]],
    )
    assert problems(tmp_path / "labels") == [
        "labels/tea.json:4: segment 2 stands nowhere in tea.html: 'Gone since'",
        "labels/tea.json:3: text without a label, to follow here: /html[1]/body[1]/p[3]: 'A line that nobody labelled'",
    ]


def test_a_label_file_without_its_page_is_a_problem_and_a_page_without_labels_a_note(tmp_path):
    written(tmp_path / "labels", "tea").with_suffix(".html").unlink()
    written(tmp_path / "labels", "milk").unlink()
    checked = check([tmp_path / "labels"])
    assert [sentence.split(": ", 1)[1] for sentence in checked.problems] == [
        f"neither tea.html nor tea.html.gz lies in {tmp_path}/labels."
    ]
    assert checked.notes == (f"{tmp_path}/labels: 1 pages have no labels yet, milk.html first.",)


def test_broken_files_do_not_hide_the_rest(tmp_path):
    folder = tmp_path / "labels"
    written(folder, "a").write_text('{"id": "a",}', "utf-8")
    written(folder, "b").write_bytes(b'{"id": "\xff"}')
    written(folder, "c").write_text('{"id": "c",\n "id": "c"}', "utf-8")
    written(folder, "d").write_text("[]", "utf-8")
    written(folder, "e", segments=[["Menu", "x"]])
    written(folder, "f", html="<p>Menu", segments=[["Menu", "navigation"]])
    assert [sentence.split(" ")[0] for sentence in problems(folder)] == [
        "labels/a.json:1:12:",
        "labels/b.json:1:9:",
        "labels/c.json:2:2:",
        "labels/d.json:1:",
        "labels/e.json:2:",
    ]
    assert check([folder]).pages == 1


def test_nearly_the_same_page_in_train_and_test_is_found(tmp_path):
    written(tmp_path / "train", "tea")
    written(tmp_path / "test", "milk")
    assert problems(tmp_path / "train", tmp_path / "test") == [
        "test/milk.json:1: 'milk' says nearly the same as 'tea' (train/tea.json:1):"
        " 94% of the content, and they lie in two folders."
    ]


def test_the_same_id_and_address_twice_are_found(tmp_path):
    other = "<p>Quite another page"
    segments = [["Quite another page", "content"]]
    written(tmp_path / "train", "tea")
    written(tmp_path / "test", "tea", other, segments=segments)
    assert problems(tmp_path / "train", tmp_path / "test") == [
        "test/tea.json:1: the id 'tea' stands in train/tea.json:1 already.",
        "test/tea.json:1: the url 'https://tea.example/1' stands in train/tea.json:1 already.",
    ]


def test_guesses_that_nobody_confirmed_are_a_note(tmp_path):
    written(tmp_path / "labels", "tea", status=["predicted", "corrected"])
    checked = check([tmp_path / "labels"])
    assert checked.problems == ()
    assert checked.notes == (f"{tmp_path}/labels/tea.json:1: 1 of 2 labels are guesses that nobody confirmed.",)


def test_lists_of_pages_are_checked_by_line(tmp_path):
    pages = tmp_path / "gold" / "dev" / "pages"
    pages.mkdir(parents=True)
    (pages / "tea.html").write_text("<p>Menu", "utf-8")
    record = {"id": "tea", "url": None, "site": None, "access": "open", "complete": True, "declared": None}
    lines = [
        record | {"segments": [["Menu", "navigation"]]},
        record | {"segments": [["Menu", "x"], ["", "ad"]]},
        record | {"id": "gone", "segments": []},
    ]
    text = "\n".join([*map(json.dumps, lines), "{", ""])
    (tmp_path / "gold" / "dev.jsonl").write_text(text, "utf-8")
    found = problems(tmp_path / "gold")
    assert [sentence.split(": ")[0] for sentence in found] == [
        "gold/dev.jsonl:2",
        "gold/dev.jsonl:2",
        "gold/dev.jsonl:2",
        "gold/dev.jsonl:3",
        "gold/dev.jsonl:4:2",
    ]


@pytest.mark.parametrize("files", [(), ("a.txt",)])
def test_a_folder_without_labels_is_wrong_usage(tmp_path, capsys, files):
    for name in files:
        (tmp_path / name).touch()
    assert main(["check", str(tmp_path)]) == 2
    assert "No label files in" in capsys.readouterr().err
    assert main(["check", str(tmp_path / "none")]) == 2


def test_the_command_prints_problems_and_fails(tmp_path, capsys):
    assert main(["check", str(SHIPPED)]) == 0
    out, err = capsys.readouterr()
    assert out == "" and "no problem" in err
    path = written(tmp_path / "labels", "tea", access="shut")
    assert main(["check", str(tmp_path / "labels")]) == 1
    out, err = capsys.readouterr()
    assert out.startswith(f"{path}:1: access is")
    assert "1 problem" in err
