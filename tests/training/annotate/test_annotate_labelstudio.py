"""Labels go out to Label Studio and come back; what does not fit is named and nothing here is lost."""

import json

import pytest
from annotate_pages import number_of
from lxml import etree

from classifier.labels import LABELS
from training.annotate.labelstudio import CONFIG, export_task, page_key, text_between
from training.annotate.session import Session
from training.annotate.state import CONFIRMED, CORRECTED, PREDICTED


@pytest.fixture
def labelled(session):
    """A session whose tea page is half settled."""
    number = number_of(session, "tea")
    state = session.page(number)["state"]
    count = len(state["labels"])
    labels = [index % 4 for index in range(count)]
    status = [CONFIRMED if index < 5 else PREDICTED for index in range(count)]
    session.save(number, state | {"base": "", "labels": labels, "status": status, "access": "gated", "notes": "é\nb"})
    return session


def fresh(folder, sieve):
    return Session(folder / "pages", folder / "elsewhere", sieve)


def state(session, name="tea"):
    return session.page(number_of(session, name))["state"]


def test_what_goes_out_comes_back(labelled, folder, sieve):
    other = fresh(folder, sieve)
    report = other.import_tasks(json.loads(json.dumps(labelled.export())))
    assert report == {"pages": 1, "labels": 5, "problems": []}
    ours, theirs = state(labelled), state(other)
    assert theirs["labels"][:5] == ours["labels"][:5]
    assert all(status in (CORRECTED, CONFIRMED) for status in theirs["status"][:5])
    assert theirs["status"][5:] == [PREDICTED] * (len(theirs["status"]) - 5)
    assert (theirs["access"], theirs["notes"]) == ("gated", "é\nb")


def test_a_task_has_the_shape_that_label_studio_reads(labelled):
    number = number_of(labelled, "tea")
    (task,) = [task for task in labelled.export() if task["data"]["id"] == "tea"]
    regions = task["annotations"][0]["result"] + task["predictions"][0]["result"]
    regions = [one for one in regions if one["type"] == "hypertextlabels"]
    assert len(regions) == len(labelled.read(number).page)
    for region in regions:
        value = region["value"]
        assert set(value) == {"start", "end", "startOffset", "endOffset", "globalOffsets", "text", "hypertextlabels"}
        assert text_between(task["data"]["html"], value) == value["text"]
    names = {one.get("name") for one in etree.fromstring(CONFIG).iter() if one.get("name")}
    assert {"label", "page", "access", "notes"} == names
    assert {one.get("value") for one in etree.fromstring(CONFIG).iter("Label")} == set(LABELS)


def test_offsets_count_as_javascript_does(folder, sieve):
    (folder / "pages" / "emoji.html").write_text("<p>🫖 tea 🫖</p><p>second</p>", "utf-8")
    session = Session(folder / "pages", folder / "labels", sieve)
    number = number_of(session, "emoji")
    task = export_task("emoji", session.read(number).page, session._load(number)[0])
    values = [one["value"] for one in task["predictions"][0]["result"]]
    assert values[0]["endOffset"] == 9
    assert values[1]["globalOffsets"] == {"start": 9, "end": 15}


def foreign(session, name, regions, **data):
    """A task as made by hand in Label Studio over the page's own HTML."""
    html = session._bytes(number_of(session, name)).decode()
    results = [
        {"type": "hypertextlabels", "from_name": "label", "value": value | {"hypertextlabels": [label]}}
        for value, label in regions
    ]
    return {"data": {"html": html} | data, "annotations": [{"result": results}]}


def test_tasks_over_the_original_page_are_recognised_by_their_text(session):
    path = "/html[1]/body[1]/article[1]/p[1]/text()[1]"
    region = {"start": path, "end": path, "startOffset": 0, "endOffset": 43}
    report = session.import_tasks([foreign(session, "milk", [(region, "ad")])])
    assert report["problems"] == []
    assert report["labels"] == 1
    assert state(session, "milk")["labels"][2] == LABELS.index("ad")


def test_regions_in_any_order_are_put_into_that_of_the_page(session):
    regions = [
        ({"text": "Milk comes from cows, and from goats too.", "globalOffsets": {"start": 8, "end": 50}}, "ad"),
        ({"text": "Home", "globalOffsets": {"start": 0, "end": 4}}, "paywall"),
    ]
    session.import_tasks([foreign(session, "milk", regions, id="milk")])
    assert state(session, "milk")["labels"][0] == LABELS.index("paywall")
    assert state(session, "milk")["labels"][2] == LABELS.index("ad")


def test_what_was_settled_here_stays_and_is_told(labelled):
    tasks = [foreign(labelled, "tea", [({"text": "Home"}, "paywall"), ({"text": "Nowhere to be seen"}, "ad")])]
    before = state(labelled)
    report = labelled.import_tasks(tasks)
    assert state(labelled) == before
    assert report["labels"] == 0
    assert report["problems"] == [
        "tea: 1 blocks are labelled otherwise here, and stay so.",
        "tea: no place for 'Nowhere to be seen'.",
    ]


@pytest.mark.parametrize(
    ("tasks", "problem"),
    [
        ({}, "a list of tasks"),
        ([1], "Task 1: no task of Label Studio"),
        ([{"data": {"html": "<p>x"}}], "Task 1: no task of Label Studio"),
        ([{"data": {"html": "<p>Unknown"}, "annotations": []}], "Task 1: no page here has its id or its text"),
        ([{"data": {"id": "../tea"}, "annotations": []}], "Task 1: no page here"),
        ([{"data": {"html": "<p>x"}, "annotations": [{"result": [{"type": "hypertextlabels", "value": {"start": "/p[9]", "end": "/p[9]"}}]}]}], "Task 1: no task"),
        ([{"data": [], "annotations": [[]]}], "Task 1: no task"),
    ],
)
def test_what_is_no_task_is_named(session, folder, tasks, problem):
    report = session.import_tasks(tasks)
    assert report["pages"] == report["labels"] == 0
    assert problem in report["problems"][0]
    assert list((folder / "labels").iterdir()) == []


def test_cancelled_annotations_and_other_labels_are_passed_over(session):
    task = foreign(session, "milk", [({"text": "Home"}, "advert")])
    task["annotations"].append(task["annotations"][0] | {"was_cancelled": True})
    assert session.import_tasks([task])["labels"] == 0


def test_the_key_of_a_page_does_not_see_white_space():
    assert page_key(["a b", "c"]) == page_key(["a", "bc "]) != page_key(["a"])
