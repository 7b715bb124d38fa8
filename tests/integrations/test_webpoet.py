import pytest

pytest.importorskip("web_poet")

import andi
from doc_examples import example, run_python
from web_poet import AnyResponse, BrowserHtml, BrowserResponse, HttpResponse
from web_poet.pages import is_injectable

from classifier.integrations.webpoet import SievedPage

PROSE = "The harbour was quiet that morning, and nobody on the quay could say when the boat would come in. " * 4


def test_frameworks_know_how_to_build_it():
    plan = andi.plan(SievedPage, is_injectable=is_injectable, externally_provided={AnyResponse})
    assert [step for step, _ in plan] == [AnyResponse, SievedPage]


def test_bytes_are_decoded_by_the_header():
    body = f"<p>Café. {PROSE}".encode("latin-1")
    headers = {"Content-Type": "text/html; charset=iso-8859-1"}
    response = HttpResponse("http://a.example/", body=body, status=403, headers=headers)
    reading = SievedPage(AnyResponse(response=response)).reading
    assert reading.blocks[0].text.startswith("Café.")
    assert reading.url == "http://a.example/"
    assert "status" in [each.kind for each in reading.access.evidence]


def test_a_browsers_html_is_read_as_text():
    response = BrowserResponse(url="http://a.example/", html=BrowserHtml(f"<p>Café. {PROSE}"), status=200)
    page = SievedPage(AnyResponse(response=response))
    assert page.reading.blocks[0].text.startswith("Café.")
    assert page.reading is page.reading


def test_a_subclass_brings_its_own_sieve(tiny_model):
    from classifier import Sieve

    class Mine(SievedPage):
        sieve = Sieve(tiny_model)

    response = AnyResponse(response=HttpResponse("http://a.example/", body=f"<p>{PROSE}".encode()))
    own, other = Mine(response).reading, SievedPage(response).reading
    assert own.probabilities.tolist() != other.probabilities.tolist()


def test_the_example_of_the_document_runs(tmp_path):
    run = run_python(example("scrapy.md", "page_object.py"), tmp_path)
    assert run.returncode == 0, run.stderr
    assert "'title': 'Tide'" in run.stdout
