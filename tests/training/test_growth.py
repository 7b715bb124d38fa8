"""Growth and memory: the sums are right, and the generated pages are what they say. No figure is asserted."""

import sys
from xml.etree import ElementTree

import pytest

from classifier.blocks import cut
from training.growth import SHAPES, growth_chart, growth_table, measure_growth, measure_memory, page_of, peak, slope


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_the_slope_is_the_power(power):
    assert slope([(size, 3e-6 * size**power) for size in (200, 2_000, 20_000, 200_000)]) == pytest.approx(power)


def test_overhead_of_small_pages_does_not_flatten_the_slope():
    assert slope([(10, 1.0), (100, 1.0), (10_000, 1.0), (100_000, 100.0)]) == pytest.approx(2)


@pytest.mark.parametrize("shape", SHAPES)
def test_pages_are_as_long_as_asked(shape):
    assert abs(len(page_of(shape, 20_000)) - 20_000) < 500


def test_shapes_differ_as_their_names_say():
    pages = {shape: cut(page_of(shape, 20_000)) for shape in SHAPES}
    assert len(pages["one text"]) == 1
    assert len(pages["tiny blocks"]) > 3 * len(pages["wide"]) > 300
    assert len(pages["deep"].tags) > 100 and int(pages["deep"].parents[-1]) == len(pages["deep"].tags) - 2


def test_every_shape_and_size_is_timed_and_drawn():
    growth = measure_growth(lambda data: data.count(b"a") or sum(data), (2_000, 20_000))
    assert list(growth) == list(SHAPES)
    assert all(len(points) == 2 and min(points)[1] > 0 for points in growth.values())
    assert all(shape in growth_table(growth) for shape in SHAPES)
    assert len(ElementTree.fromstring(growth_chart(growth)).findall("./svg/circle")) == 2 * len(SHAPES)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells a process's peak so")
def test_the_peak_is_that_of_the_action():
    assert 90e6 < peak(lambda data: bytearray(data * 10), b"words" * 1_000_000) < 140e6
    found = measure_memory(lambda data: bytearray(data * 100_000), {"a": b"<p>a" * 100})
    assert found["a"][1] > 60e6 > found["a"][0]
