"""Charts are well-formed, stay inside their picture and escape what they are told."""

import re
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from training.charts import HEIGHT, MAX_POINTS, WIDTH, Axes, Line, chart, thinned

SHARES = st.floats(0, 1)


@given(st.lists(st.tuples(SHARES, SHARES), max_size=30), st.text("a<&\"'>", max_size=5))
def test_a_chart_is_well_formed_and_inside_its_picture(points, name):
    drawn = chart(name, Axes(name, name, diagonal=True), [Line(name, points, dots=True)])
    figure = ElementTree.fromstring(drawn)
    circles = figure.findall("./svg/circle")
    assert len(circles) == len(points)
    for circle in circles:
        assert 0 <= float(circle.get("cx")) <= WIDTH
        assert 0 <= float(circle.get("cy")) <= HEIGHT
    assert figure.findtext("figcaption") == name


def test_higher_is_drawn_higher():
    low, high = Axes("x", "y").place((0.2, 0.1)), Axes("x", "y").place((0.6, 0.9))
    assert low[0] < high[0]
    assert low[1] > high[1]


def test_axes_without_an_extent_can_be_drawn():
    assert "nan" not in chart("one point", Axes("x", "y", right=0.0), [Line("a", [(0, 0.5)])])


@given(st.integers(1, 2_000))
def test_thinning_keeps_the_ends_and_the_order(count):
    points = [(float(x), 0.0) for x in range(count)]
    kept = thinned(points)
    assert kept == sorted(set(kept))
    assert (kept[0], kept[-1]) == (points[0], points[-1])
    assert len(kept) == min(count, MAX_POINTS)


def test_a_line_passes_through_its_points():
    drawn = chart("t", Axes("x", "y"), [Line("a", [(0.0, 0.0), (1.0, 1.0)], tone=3)])
    assert re.search(r'<path class="line tone3" d="M46\.0 228\.0L350\.0 12\.0"/>', drawn)
