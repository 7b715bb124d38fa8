"""Counts of the service, in the text format that Prometheus reads."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from typing import Final

from classifier.integrations.serve.workers import Answer

BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds in seconds of the time that a page took, waiting for a worker included."""

HELP: Final = {
    "pagesieve_requests_total": "Requests answered.",
    "pagesieve_pages_total": "Pages read, by access level.",
    "pagesieve_problems_total": "Pages not read, or not wholly, by the name of the problem.",
    "pagesieve_body_bytes_total": "Bytes of request bodies taken.",
}


class Metrics:
    """Counters by name and labels. For one event loop: nothing is locked."""

    def __init__(self) -> None:
        self._counts: dict[str, Counter[tuple[tuple[str, str], ...]]] = {name: Counter() for name in HELP}
        self._buckets = [0] * (len(BUCKETS) + 1)
        self._seconds = 0.0

    def count(self, name: str, by: int = 1, **labels: str) -> None:
        """Add to a counter of ``HELP``."""
        self._counts[name][tuple(labels.items())] += by

    def page(self, answer: Answer, seconds: float) -> None:
        """A page was answered."""
        self._buckets[bisect_left(BUCKETS, seconds)] += 1
        self._seconds += seconds
        if answer.level:
            self.count("pagesieve_pages_total", access=answer.level)
        if answer.problem:
            self.count("pagesieve_problems_total", problem=answer.problem.partition(":")[0][:80])

    def text(self, **gauges: float) -> str:
        """Everything, with the given gauges."""
        return "".join(f"{line}\n" for line in self._lines(gauges))

    def _lines(self, gauges: dict[str, float]) -> Iterator[str]:
        for name, help in HELP.items():
            yield f"# HELP {name} {help}"
            yield f"# TYPE {name} counter"
            for labels, count in sorted(self._counts[name].items()):
                inside = ",".join(f'{key}="{_escaped(value)}"' for key, value in labels)
                yield f"{name}{{{inside}}} {count}" if inside else f"{name} {count}"
        yield from self._histogram("pagesieve_page_seconds", "Time a page took, waiting included.")
        for name, value in gauges.items():
            yield f"# TYPE pagesieve_{name} gauge"
            yield f"pagesieve_{name} {value:g}"

    def _histogram(self, name: str, help: str) -> Iterator[str]:
        yield f"# HELP {name} {help}"
        yield f"# TYPE {name} histogram"
        total = 0
        for bound, count in zip((*map(str, BUCKETS), "+Inf"), self._buckets, strict=True):
            total += count
            yield f'{name}_bucket{{le="{bound}"}} {total}'
        yield f"{name}_sum {self._seconds:.6f}"
        yield f"{name}_count {total}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
