"""Pages through any backend of joblib: loky, threads, Dask, Ray; needs ``pip install joblib``.

The plain way for machines and pages that are trusted, and onto other people's clusters. A page that kills its process
ends the run here: for hostile pages take :class:`~classifier.bulk.pool.Pool`.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import islice
from typing import Any, Final, TypeVar

from classifier.bulk.records import DEFAULT, Source, Wanted, read_source
from classifier.sieve import Sieve

T = TypeVar("T")

CHUNK: Final = 16
"""Pages of a task."""
WINDOW: Final = 16
"""Tasks for each job that are given out at once. joblib goes on with its tasks whether their results are taken or not,
so this is what bounds the memory."""


def read_all(
    sources: Iterable[Source],
    jobs: int = 2,
    backend: str | None = None,
    *,
    wanted: Wanted = DEFAULT,
    model: str | None = None,
    text_model: str | None = None,
    chunk: int = CHUNK,
) -> Iterator[dict[str, Any]]:
    """The record of each page, in order. Without ``backend`` that of ``joblib.parallel_config`` is taken, or loky.

    Takes ``jobs * chunk * WINDOW`` pages at once from ``sources``, and no more until their records were asked for.
    """
    from joblib import Parallel, delayed

    chunks = _groups(sources, chunk)
    with Parallel(n_jobs=jobs, backend=backend, batch_size=1) as parallel:
        for window in _groups(chunks, jobs * WINDOW):
            for records in parallel(delayed(_read_chunk)(pages, wanted, model, text_model) for pages in window):
                yield from records


def _groups(items: Iterable[T], size: int) -> Iterator[list[T]]:
    remaining = iter(items)
    while group := list(islice(remaining, size)):
        yield group


def _read_chunk(
    pages: Sequence[Source], wanted: Wanted, model: str | None, text_model: str | None
) -> list[dict[str, Any]]:
    sieve = _sieve(model, text_model)
    return [read_source(sieve, page, wanted) for page in pages]


@cache
def _sieve(model: str | None, text_model: str | None) -> Sieve:
    """One for each process, whatever the number of its tasks."""
    return Sieve(model, text_model=text_model)
