"""What one request, and all together, may cost; and the answer to what goes beyond."""

from dataclasses import dataclass
from typing import Final

from classifier.blocks import DEFAULT_LIMITS


@dataclass(frozen=True, slots=True)
class Bounds:
    """Sizes in bytes, times in seconds."""

    page_bytes: int = DEFAULT_LIMITS.max_bytes
    """Body of ``/read``."""
    batch_bytes: int = 4 * DEFAULT_LIMITS.max_bytes
    """Body of ``/batch``."""
    batch_pages: int = 1_000
    held_bytes: int = 16 * DEFAULT_LIMITS.max_bytes
    """Bodies of all requests together."""
    requests: int = 64
    """Requests being answered at once; beyond, 503."""
    connections: int = 512
    """Open connections; one more is answered 503 and closed."""
    head_seconds: float = 10
    """For the request line and the headers, from the first look at the connection."""
    body_seconds: float = 30
    """For the whole body to arrive."""
    wait_seconds: float = 30
    """For a worker to become free; beyond, 503."""
    page_seconds: float = 2 * DEFAULT_LIMITS.max_seconds
    """For one page in a worker; beyond, the worker is killed."""
    send_seconds: float = 30
    """For a client to take a part of the answer; beyond, the connection is closed."""
    worker_bytes: int = 2 << 30
    """Address space of a worker, where the system can limit it; beyond, the page fails."""
    worker_pages: int = 5_000
    """Then a new process takes over: libxml2 keeps every tag name that it has seen."""


DEFAULT_BOUNDS: Final = Bounds()
LOOPBACK: Final = frozenset(("localhost", "127.0.0.1", "::1"))
"""Names by which a service on a loopback address is called."""


class Refused(Exception):
    """A request that gets no page's record: HTTP status, a name for programs, a sentence for people."""

    def __init__(self, status: int, name: str, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.name = name
        self.sentence = sentence

    def to_dict(self) -> dict[str, str]:
        """The body of the answer."""
        return {"error": self.name, "detail": self.sentence}


def busy(sentence: str) -> Refused:
    """Too much at once: the client may try again."""
    return Refused(503, "Busy", sentence)
