"""datatrove: pages into labelled documents, with the verdict in their metadata and a filter on it.

    LocalPipelineExecutor([WarcPages("crawl/"), SieveLabels(), AccessFilter(), JsonlWriter("out/")])

:class:`SieveExtractor` is what takes the place of datatrove's own extractors, and like them gives text alone.
Steps hold plain values and can be pickled; models are loaded where a step runs, once a process.
"""

from collections import deque
from collections.abc import Collection, Iterator
from functools import cache, partial
from io import BufferedReader
from typing import Any, Final, Literal

from datatrove.data import Document, DocumentsPipeline
from datatrove.io import DataFileLike, DataFolderLike
from datatrove.pipeline.base import PipelineStep
from datatrove.pipeline.extractors.base import BaseExtractor
from datatrove.pipeline.filters.base_filter import BaseFilter
from datatrove.pipeline.readers.base import BaseDiskReader
from datatrove.pipeline.writers.disk_base import DiskWriter
from datatrove.utils.typeshelper import StatHints

from classifier.access import Level
from classifier.bulk.inputs import read_warc
from classifier.bulk.pool import SECONDS, Pool
from classifier.bulk.records import Source, Wanted, lost_record, record_reader
from classifier.decode import decode
from classifier.modelfile import Kind
from classifier.sieve import Sieve
from classifier.sniff import foreign_kind

KEY: Final = "pagesieve"
"""Where a document's metadata hold what was found."""
_ABOUT: Final = ("access", "metadata", "shares", "confidence", "language", "problem", "markdown", "blocks")


class WarcPages(BaseDiskReader):
    """Reads the pages of WARC and WET files, decoded by their HTTP charset, which datatrove's reader does not know.

    Metadata get ``url``, ``date``, ``status``, ``digest`` and ``kind`` (html or text). What is no page is counted by
    its reason.
    """

    name = "pagesieve WARC"
    _requires_dependencies = ("fastwarc",)

    def __init__(
        self,
        data_folder: DataFolderLike,
        paths_file: DataFileLike | None = None,
        limit: int = -1,
        skip: int = 0,
        default_metadata: dict[str, Any] | None = None,
        recursive: bool = True,
        glob_pattern: str | None = None,
    ) -> None:
        super().__init__(
            data_folder,
            paths_file,
            limit,
            skip,
            default_metadata=default_metadata,
            recursive=recursive,
            glob_pattern=glob_pattern,
        )

    def read_file(self, filepath: str) -> DocumentsPipeline:
        """Called by datatrove for each file."""
        with self.data_folder.open(filepath, "rb", compression="infer") as file:
            for number, source in enumerate(read_warc(BufferedReader(file))):
                problem = source.problem or _foreign(source)
                if problem:
                    self.stat_update(f"skipped_{problem.partition(':')[0]}")
                    continue
                with self.track_time():
                    document = self.get_document_from_dict(_row(source), filepath, number)
                if document:
                    yield document


def _foreign(source: Source) -> str | None:
    """Looked at here, since nothing tells an image from a page once its bytes were decoded."""
    kind = foreign_kind(source.data) if isinstance(source.data, bytes) else None
    return kind and f"NotHtml: looks like {kind}"


def _row(source: Source) -> dict[str, Any]:
    """A page as datatrove's readers give theirs."""
    data = source.data
    return {
        "text": data if isinstance(data, str) else decode(data, source.content_type).text,
        "id": source.id,
        "url": source.url,
        "date": source.date,
        "status": source.status,
        "digest": source.digest,
        "kind": source.kind,
    }


class SieveExtractor(BaseExtractor):
    """HTML into its main text, or all content; a page without any is dropped by datatrove.

    ``timeout`` is for one page, in seconds.
    """

    name = "pagesieve"

    def __init__(
        self, all_content: bool = False, kind: Kind = "html", model: str | None = None, timeout: float = SECONDS
    ) -> None:
        super().__init__(timeout)
        self.all_content = all_content
        self.kind: Kind = kind
        self.model = model

    def run(self, data: DocumentsPipeline, rank: int = 0, world_size: int = 1) -> DocumentsPipeline:
        """Called by datatrove."""
        _sieve(self.model).model(self.kind)  # here, so that the processes that it forks have it
        yield from super().run(data, rank, world_size)

    def extract(self, text: str) -> str:
        """The text of one page."""
        sieve = _sieve(self.model)
        reading = sieve.read_text(text) if self.kind == "text" else sieve.read(text)
        return reading.content if self.all_content else reading.text


@cache
def _sieve(model: str | None) -> Sieve:
    return Sieve(model, text_model=model)


class SieveLabels(PipelineStep):
    """HTML into its main text; labels, verdict and the page's metadata into ``metadata["pagesieve"]``.

    Of a document's own metadata ``url`` and ``status`` count as evidence, and ``kind="text"`` marks text without
    markup. A page that hangs or kills its process costs itself alone. Documents without text go on only with
    ``keep_empty``; their ``problem`` says why.
    """

    type = "LABEL"
    name = "pagesieve"

    def __init__(
        self,
        *,
        all_content: bool = False,
        markdown: bool = False,
        blocks: bool = False,
        keep_empty: bool = False,
        model: str | None = None,
        text_model: str | None = None,
        seconds: float = SECONDS,
    ) -> None:
        super().__init__()
        self.wanted = Wanted(markdown=markdown, blocks=blocks, all_content=all_content)
        self.keep_empty = keep_empty
        self.models = model, text_model
        self.seconds = seconds

    def run(self, data: DocumentsPipeline, rank: int = 0, world_size: int = 1) -> DocumentsPipeline:
        """Called by datatrove; one page at a time, as tasks are what it runs side by side."""
        start = partial(record_reader, self.wanted, *self.models)
        lost = partial(lost_record, wanted=self.wanted)
        held: deque[Document] = deque()
        with Pool(start, lost, jobs=1, seconds=self.seconds) as pool:
            for record in pool.map(_sources(data, held)):
                document = held.popleft()
                self._label(document, record)
                if document.text or self.keep_empty:
                    self.stat_update(StatHints.forwarded)
                    self.update_doc_stats(document)
                    yield document
                else:
                    self.stat_update(StatHints.dropped)

    def _label(self, document: Document, record: dict[str, Any]) -> None:
        document.text = record["text"] or ""
        document.metadata[KEY] = {name: record[name] for name in _ABOUT if name in record}
        self.stat_update(StatHints.total)
        if record["access"]:
            self.stat_update(f"access_{record['access']['level']}")
        if record["problem"]:
            self.stat_update(f"problem_{record['problem'].partition(':')[0]}")


def _sources(data: DocumentsPipeline, held: deque[Document]) -> Iterator[Source]:
    for document in data or ():
        held.append(document)
        about = document.metadata
        kind: Literal["html", "text"] = "text" if about.get("kind") == "text" else "html"
        status = about.get("status")
        yield Source(
            str(document.id),
            document.text,
            kind,
            url=about.get("url"),
            status=status if isinstance(status, int) else None,
        )


class AccessFilter(BaseFilter):
    """Keeps documents by the verdict of :class:`SieveLabels`; the reason of the others is their access level."""

    name = "pagesieve access"

    def __init__(
        self, keep: Collection[Level] = ("open", "metered"), exclusion_writer: DiskWriter | None = None
    ) -> None:
        super().__init__(exclusion_writer)
        self.keep = frozenset(keep)

    def filter(self, doc: Document) -> bool | tuple[bool, str]:
        """Called by datatrove; a page that could not be read has the reason ``unread``.

        :raises ValueError: if the document was not labelled.
        """
        if KEY not in doc.metadata:
            raise ValueError(f"Document {doc.id} has no verdict: AccessFilter must come after SieveLabels.")
        access = doc.metadata[KEY]["access"]
        if access is None:
            return False, "unread"
        return access["level"] in self.keep or (False, access["level"])
