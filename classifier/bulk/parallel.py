"""Pages through any backend of joblib: loky, threads, Dask, Ray; needs ``pip install joblib``.

The plain way for machines and pages that are trusted, and onto other people's clusters. A page that kills its process
ends the run here: for hostile pages take :class:`~classifier.bulk.pool.Pool`.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import islice
from typing import Any, Final

from classifier.bulk.records import DEFAULT, Source, Wanted, read_source
from classifier.sieve import Sieve

CHUNK: Final = 32
"""Pages of a task."""


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

    Takes no more than about three chunks a job from ``sources`` ahead of what was asked for.
    """
    from joblib import Parallel, delayed

    parallel = Parallel(n_jobs=jobs, backend=backend, return_as="generator", pre_dispatch="2*n_jobs", batch_size=1)
    tasks = (delayed(_read_chunk)(pages, wanted, model, text_model) for pages in _chunks(sources, chunk))
    for records in parallel(tasks):
        yield from records


def _chunks(sources: Iterable[Source], size: int) -> Iterator[list[Source]]:
    pages = iter(sources)
    while chunk := list(islice(pages, size)):
        yield chunk


def _read_chunk(
    pages: Sequence[Source], wanted: Wanted, model: str | None, text_model: str | None
) -> list[dict[str, Any]]:
    sieve = _sieve(model, text_model)
    return [read_source(sieve, page, wanted) for page in pages]


@cache
def _sieve(model: str | None, text_model: str | None) -> Sieve:
    """One for each process, whatever the number of its tasks."""
    return Sieve(model, text_model=text_model)
