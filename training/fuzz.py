"""Fuzzing: ``python -m training.fuzz TARGET`` feeds mutated inputs to one way in, for a number of inputs or seconds.

``--engine mutate`` needs nothing and is the same for one seed everywhere; ``--engine atheris`` follows coverage and
needs the package atheris. What fails is written to ``--findings``, to be mended and kept in ``tests/fuzz/findings``.
"""

import argparse
import contextlib
import io
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from itertools import count, islice
from pathlib import Path
from typing import Final

import numpy as np

from classifier import ModelFileError, Sieve, jsonld, load_model
from classifier.model import Model
from training.gold import page_of
from training.hostile import FORMATTING, MALFORMED_URLS, article

Target = Callable[[bytes], None]

ROOT: Final = Path(__file__).parents[1]
HTML: Final = [
    *(f"<{tag}>" for tag in FORMATTING), *(f"</{tag}>" for tag in FORMATTING),
    *"<p> </p> <div> </div> <ul> <li> </li> </ul> <table> <tr> <td> </table> <pre> </pre>".split(),
    *"<h1> </h1> <br> <br><br>".split(),
    *"<svg> <math> <template> </template> <noscript> </noscript> <select> <option> <textarea> <title> </title>".split(),
    *"<style> </style> <script> </script> <!-- -->".split(),
    *"<![CDATA[ ]]> <!DOCTYPE <?xml <html> <head> <body> </body> <plaintext>".split(),
    '<a href="', '<p class="', '<div hidden>', '<p style="display:none">', '<meta charset="',
    '<meta name=author content="',
    '<script type="application/ld+json">', '{"@type":"Article","headline":"', '"isAccessibleForFree":false', "</",
    *"&amp; &nbsp; &#0; &#xD800; &#x110000; & &# < > \" ' = \0 \x0b \x1b$B \ufeff \ud800 \u2028 \ufffe".split(" "),
    "\n", " ", "  ", "\t", "\\", "`", "|", "*", "_", "[", "](", *MALFORMED_URLS[:8],
]  # fmt: skip
JSON: Final = [
    *'{ } [ ] : , " \\ \\" \\u \\ud800 \\udc00 null true false NaN Infinity 1e999 -0'.split(),
    *'// /* */ <!-- --> <![CDATA[ ]]>'.split(),
    *('"@type"', '"@graph"', '"Article"', "&quot;", "&#34;", "& #34;", "\n", "\0", "\ufeff", '"a":', '"a"b"', "'"),
]
BYTES: Final = [
    "\0",
    "\xff",
    "PK\x01\x02",
    "PK\x03\x04",
    "PK\x05\x06",
    ".npy",
    "\x93NUMPY\x01\0",
    "(1000000000,)",
    "|O",
    "<f8",
]


def mutated(seed: bytes, words: list[str], chance: random.Random) -> bytes:
    """The seed with some pieces cut out, doubled, moved, or replaced by words of a dictionary or by noise."""
    data = bytearray(seed)
    for _ in range(1 + int(chance.expovariate(0.25))):
        start = chance.randrange(len(data) + 1)
        end = min(len(data), start + int(chance.expovariate(0.05)))
        kind = chance.randrange(6)
        if kind == 0:
            del data[start:end]
        elif kind == 1:
            data[start:start] = data[start:end] * chance.randint(1, 20)
        elif kind == 2:
            other = chance.randrange(len(data) + 1)
            data[start:end] = data[other : other + end - start]
        elif kind == 3:
            data[start:end] = chance.randbytes(chance.randint(1, 4))
        else:
            data[start : end if kind == 4 else start] = chance.choice(words).encode("utf-8", "surrogatepass")
    return bytes(data)


# -- the ways in ----------------------------------------------------------------------------------------------


def page_target(sieve: Sieve) -> Target:
    """Reads bytes as a page; all outputs must be writable, all scores sound, two readings the same."""

    def read(data: bytes) -> None:
        found = sieve.read(data, url="https://a.example/b")
        text = json.dumps(found.to_dict(all_content=True), allow_nan=False, ensure_ascii=False)
        outputs = text, found.markdown(all_content=True, links=True), found.html(all_content=True)
        for output in outputs:
            output.encode("utf-8")
        scores = np.append(found.probabilities.ravel(), found.main_probabilities)
        assert np.isfinite(scores).all() and (scores >= 0).all() and (scores <= 1.0001).all()
        again = sieve.read(data, url="https://a.example/b")
        assert again.page.texts == found.page.texts and (again.probabilities == found.probabilities).all()

    return read


def json_ld_target(data: bytes) -> None:
    """Reads bytes as a JSON-LD script: a list of items that JSON and UTF-8 can hold."""
    items = jsonld.read([data.decode("utf-8", "surrogateescape")])
    json.dumps(items, ensure_ascii=False).encode("utf-8")
    for item in items:
        jsonld.types(item)


def model_target(data: bytes) -> None:
    """Loads bytes as a model: a model, or the one documented error in one sentence."""
    with tempfile.NamedTemporaryFile(suffix=".npz") as file:
        file.write(data)
        file.flush()
        try:
            load_model(file.name)
        except ModelFileError as error:
            _check_sentence(str(error))


def _check_sentence(text: str) -> None:
    if "\n" in text:
        raise AssertionError(f"not one sentence: {text!r}")


def labels_target(data: bytes) -> None:
    """Reads bytes as the file of a labelled page: a page, or a sentence that begins with the file's name."""
    try:
        page_of(data, Path("page.json"))
    except ValueError as error:
        _check_sentence(str(error))
        if "page.json" not in str(error):
            raise


def targets(model: Model | str | None = None) -> dict[str, tuple[Target, Callable[[], list[bytes]], list[str]]]:
    """Each target with its seeds and its dictionary."""
    return {
        "page": (page_target(Sieve(model)), _pages, HTML),
        "jsonld": (json_ld_target, _json_ld, JSON),
        "model": (model_target, _models, BYTES),
        "labels": (labels_target, _labels, JSON),
    }


def _pages() -> list[bytes]:
    shipped = [path.read_bytes() for path in sorted((ROOT / "datasets" / "pages").glob("*.html"))[:12]]
    return [*shipped, article("<ul><li>a<li>b</ul><table><tr><td>c<td>d</table><pre>e</pre>")]


def _json_ld() -> list[bytes]:
    return [
        b'{"@context":"https://schema.org","@graph":[{"@type":"NewsArticle",'
        b'"headline":"a \\"b\\" c","author":[{"name":"D"}]}]}',
        b'<![CDATA[ {"@type":["Article"],"isAccessibleForFree":"False","hasPart":{"cssSelector":".x"},} ]]>',
    ]


def _models() -> list[bytes]:
    return [path.read_bytes() for path in sorted((ROOT / "classifier" / "models").glob("*.npz"))[:1]]


def _labels() -> list[bytes]:
    known = sorted((ROOT / "datasets" / "pages").glob("*.json"))[:3]
    return [
        *(path.read_bytes() for path in known),
        b'{"id": "page", "segments": [{"text": "x", "label": "content"}]}\n',
    ]


# -- the engines ----------------------------------------------------------------------------------------------


def inputs(seeds: list[bytes], words: list[str], seed: int) -> Iterator[bytes]:
    """Endless mutations, the same for one seed."""
    for number in count():
        chance = random.Random(f"{seed}/{number}")
        yield mutated(chance.choice(seeds), words, chance)


def run(target: Target, data: Iterator[bytes], seconds: float, findings: Path | None) -> tuple[int, int]:
    """Feed a target until the inputs or the seconds run out: inputs tried, and those at which it failed."""
    tried = failed = 0
    until = time.monotonic() + seconds
    for each in data:
        if time.monotonic() > until:
            break
        tried += 1
        try:
            target(each)
        except Exception as error:  # whatever it is, it is the finding
            failed += 1
            print(f"{type(error).__name__}: {error}"[:300], file=sys.stderr)
            if findings:
                findings.mkdir(parents=True, exist_ok=True)
                (findings / sha256(each).hexdigest()[:16]).write_bytes(each)
    return tried, failed


def main(arguments: list[str] | None = None) -> int:
    """Fuzz one target; the exit code is 1 if something was found."""
    parser = argparse.ArgumentParser(prog="python -m training.fuzz", description=__doc__)
    parser.add_argument("target", choices=("page", "jsonld", "model", "labels"))
    parser.add_argument("--engine", choices=("mutate", "atheris"), default="mutate")
    parser.add_argument("--inputs", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", help="the model that reads pages, if not the one that ships")
    parser.add_argument("--findings", type=Path, metavar="FOLDER")
    parser.add_argument(
        "--patience", type=int, default=20, metavar="S", help="for one input under atheris; more on a busy machine"
    )
    options = parser.parse_args(arguments)
    target, seeds, words = targets(options.model)[options.target]
    if options.engine == "atheris":
        return _follow_coverage(options.target, target, seeds(), words, options)
    chosen = islice(inputs(seeds(), words, options.seed), options.inputs)
    start = time.monotonic()
    tried, failed = run(target, chosen, options.seconds, options.findings)
    print(f"{options.target}: {tried} inputs in {time.monotonic() - start:.0f} s, {failed} failed")
    return int(failed > 0)


def _follow_coverage(
    name: str, target: Target, seeds: list[bytes], words: list[str], options: argparse.Namespace
) -> int:
    """Hand over to libFuzzer, which ends the process itself."""
    try:
        import atheris
    except ImportError:
        print("This engine needs the package atheris: pip install atheris.", file=sys.stderr)
        return 2
    atheris.instrument_all()
    folder = Path(tempfile.mkdtemp(prefix=f"fuzz-{name}-"))
    for number, seed in enumerate(seeds):
        (folder / str(number)).write_bytes(seed)
    dictionary = folder.with_suffix(".dict")
    escaped = ("".join(f"\\x{byte:02x}" for byte in word.encode("utf-8", "surrogatepass")) for word in words if word)
    dictionary.write_text("".join(f'"{word}"\n' for word in escaped))
    found = options.findings or folder
    found.mkdir(parents=True, exist_ok=True)
    settings = [f"-dict={dictionary}", f"-max_total_time={options.seconds:.0f}", f"-seed={options.seed + 1}"]
    with contextlib.redirect_stdout(io.StringIO()):
        # Instrumented, reading pages takes 30 KB more with every input; the same inputs without that take none.
        limits = [f"-timeout={options.patience}", "-rss_limit_mb=4096"]
        atheris.Setup([name, *settings, *limits, f"-artifact_prefix={found}/", str(folder)], target)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
