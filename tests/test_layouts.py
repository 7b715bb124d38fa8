"""The invented layouts: what ships is what the generator writes, and the labels are of the blocks that are cut."""

import layouts
import pytest
from layouts import LAYOUTS, SHIPPED, STORIES

from classifier.blocks import cut
from training.gold import read_pages


@pytest.mark.parametrize("name", SHIPPED)
def test_what_ships_is_what_the_generator_writes(name):
    folder = layouts.ROOT / name
    assert {path.name: path.read_text("utf-8") for path in folder.iterdir()} == dict(layouts.files(name))


@pytest.mark.parametrize("name", LAYOUTS)
def test_each_block_is_a_segment(name, tmp_path):
    pages = read_pages(layouts.write(name, tmp_path))
    assert len(pages) == len(STORIES) and {page.site for page in pages} == {f"{name}.example"}
    for page in pages:
        assert cut(page.path.read_text("utf-8")).texts == [text for text, _ in page.segments]
        assert {page.segments[place][1] for place in page.main} == ({"content"} if name != "shell" else set())
