from itertools import islice

import pytest

from training import soak
from training.corpora import available


def test_small_pages_are_all_different():
    found = [*islice(soak.pages(20), 20)]
    assert len({page.data for page in found}) == len({page.url for page in found}) == 20


def test_a_sieve_alone_reads_real_and_small_pages_in_turn(corpora, capsys):
    if not available(corpora):
        pytest.skip("no corpora")
    found = soak.grow_alone(10, corpora)
    assert [number for number, _ in found] == [*range(1, 11)]
    assert all(10 < size < 2_000 for _, size in found)
    assert capsys.readouterr().out.count("|") == 3 * 10


def test_without_corpora_it_says_so(tmp_path):
    with pytest.raises(FileNotFoundError, match="No pages in"):
        next(soak.mixed(tmp_path))
