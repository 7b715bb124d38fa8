"""A base model that was corrected for some sites, and its file.

A *correction* moves the base model's log-odds by a small weight for each structural token of a block: the tags and
names around it, where it stands, its text if that is of the site's furniture. The tokens say nothing of what the base
looks like inside, so that any model can be corrected. A page of another site gets what the base says.

The file holds corrections alone, and the digest of the base: it is of no use with another one, and is refused there.
``training/adapt.py`` fits corrections and says what was tried.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import blake2b
from os import PathLike
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt

from classifier.access import Coefficients
from classifier.arrayfile import (
    Array,
    ModelFileError,
    is_number,
    read_arrays,
    refusing,
    short,
    take,
    take_contract,
    take_floats,
    write_arrays,
)
from classifier.labels import LABELS
from classifier.layout import HEADINGS, Floats, Layout
from classifier.metadata import canonical_urls
from classifier.model import Contract, Model, sigmoid, softmax
from classifier.modelfile import default_model, model_digest, model_of
from classifier.page import Facts

FORMAT: Final = 1
"""Raise when tokens or arrays change; keep a reader for what users have."""

OUTPUTS: Final = len(LABELS) + 1
"""Log-odds that are corrected: the labels', and that of the main text."""
MAX_SHIFT: Final = 12.0
"""A correction moves no log-odds further."""
LEAST: Final = 1e-6
"""Probabilities of the base are kept so far from 0 and 1."""

FREE: Final = "%"
"""Kind of the tokens that mean the same in every layout; all others count only where the layout is known."""
FAMILIAR: Final = "p4"
"""Tokens by which a layout is known: four levels of tags and names."""
STRANGE, AT_HOME = 0.3, 0.8
"""Share of a page's text in familiar places up to which a correction is not trusted at all, and from which wholly."""

PATHS: Final = (1, 2, 3, 4, 6)
"""Levels of tags and names that make one token."""
PLACES: Final = 12
"""Steps from the root whose positions make a token."""
ANCESTORS: Final = 10
"""Levels whose tag and names are a token each."""
EDGES: Final = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9)
"""Bounds of the buckets of a block's place on its page."""

DECLARED: Final = frozenset(("og:title", "og:description", "description"))
"""Meta tags whose text may stand on the page."""

_DIGITS: Final = re.compile(r"\d+")
_FILE_NAME: Final = re.compile(r"(?!\.)[^/\\:\x00-\x1f]{1,200}")


# -- tokens -----------------------------------------------------------------------------------------------------


def tokens(x: Layout) -> list[list[str]]:
    """(m) the structural tokens of each block, each once; the first character tells their kind.

    >>> from classifier.blocks import cut
    >>> tokens(Layout(cut("<title>Tea</title><p class=b7>Tea, 1 cup")))[0][:3]
    ['*', 'lp.b0', 'p1p.b0']
    """
    page = x.page
    looks = [_look(tag, names) for tag, names in zip(page.tags, page.names, strict=True)]
    steps = [f"{tag}[{position}]" for tag, position in zip(page.tags, page.positions, strict=True)]
    declared = _declared(page.facts)
    found = []
    for block, (element, leaf) in enumerate(zip(page.elements.tolist(), page.leaves.tolist(), strict=True)):
        chain = [looks[i] for i in page.ancestors(element)]
        down = [steps[i] for i in page.ancestors(element)][::-1]
        own = [*_of_path(chain, down, looks[leaf]), *_of_text(x, block, chain[0] if chain else "")]
        own += [f"{FREE}{role}" for role, text in declared if _same(text, page.texts[block])]
        if page.tags[element] in HEADINGS:
            own.append(f"{FREE}{page.tags[element]}")
        found.append(list(dict.fromkeys(own)))
    return found


def _of_path(chain: list[str], down: list[str], leaf: str) -> Iterator[str]:
    yield "*"  # every block of the site
    yield f"l{leaf}"
    for levels in PATHS:
        yield f"p{levels}{'<'.join(chain[:levels])}"
    yield f"t{'<'.join(look.split('.')[0] for look in chain)}"
    for look in dict.fromkeys(chain[:ANCESTORS]):
        yield f"a{look}"
    for depth in range(2, min(len(down), PLACES) + 1):
        yield f"@{'/'.join(down[:depth])}"


def _of_text(x: Layout, block: int, look: str) -> Iterator[str]:
    text = _DIGITS.sub("0", " ".join(x.page.texts[block].split()).casefold())
    yield f"={text}"
    words = text.split(" ", 3)
    if len(words) > 2:
        yield f"^{words[0]} {words[1]}"
    length = int(np.log2(1 + float(x.size[block])))
    linked = int(float(x.link_density[block]) * 2.99)
    yield f"s{length}.{linked}"
    yield f"q{length}.{linked}{look}"
    yield f"z{int(np.searchsorted(EDGES, (block + 0.5) / len(x.page)))}"


def _declared(facts: Facts) -> list[tuple[str, str]]:
    """Role and text of what the page declares itself: its title and its description."""
    texts = [("title", facts.title)]
    texts += [(name.rpartition(":")[2], text) for name, text in facts.meta if name in DECLARED]
    return [(role, folded) for role, text in dict.fromkeys(texts) if (folded := _folded(text))]


def _same(declared: str, text: str) -> bool:
    """Is the text what was declared, or the start of it? Titles end in the name of the site."""
    folded = _folded(text[: 2 * len(declared) + 80])
    return len(folded) >= 10 and declared.startswith(folded)


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()


def _look(tag: str, names: str) -> str:
    """Tag and names of an element; runs of digits count as one, for ``post-4711`` is every post."""
    return f"{tag}.{'.'.join(_DIGITS.sub('0', name) for name in names.split())}" if names else tag


def token_id(token: str) -> bytes:
    """The eight bytes by which a correction knows a token."""
    return blake2b(token.encode("utf-8", "surrogatepass"), digest_size=8).digest()


# -- corrections ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Correction:
    """What one site's corrected pages taught."""

    weights: Mapping[bytes, npt.NDArray[np.float32]]
    """Id of a token to what it adds to each log-odds (5): the labels' and the main text's."""
    about: Mapping[str, Any] = field(default_factory=dict)
    """Pages and blocks that it was fitted on, and the like."""

    def shifts(self, x: Layout) -> Floats:
        """(m, 5) what is added to the base's log-odds."""
        return self.shifts_of(tokens(x), x)

    def shifts_of(self, found: list[list[str]], x: Layout) -> Floats:
        """The same for the tokens of the page."""
        known = {token: self.weights.get(token_id(token)) for token in {each for own in found for each in own}}
        bound, free = np.zeros((2, len(found), OUTPUTS), np.float32)
        familiar = np.zeros(len(found), np.bool_)
        for block, own in enumerate(found):
            for token in own:
                weights = known[token]
                if weights is not None:
                    (free if token[0] == FREE else bound)[block] += weights
                    familiar[block] |= token.startswith(FAMILIAR)
        moved: Floats = np.clip(bound * np.float32(trust(familiar, x)) + free, -MAX_SHIFT, MAX_SHIFT)
        return moved


def trust(familiar: npt.NDArray[np.bool_], x: Layout) -> float:
    """How far a correction is to be trusted on a page of whose blocks these (m) are where corrected pages had some."""
    size = np.sqrt(x.size + 1)
    share = float(size[familiar].sum() / size.sum()) if len(size) else 0.0
    return min(max((share - STRANGE) / (AT_HOME - STRANGE), 0.0), 1.0)


def shifted(labels: Floats, main: Floats, moved: Floats) -> tuple[Floats, Floats]:
    """Label probabilities (m, 4) and those of main text (m) with their log-odds moved by (m, 5)."""
    logits = np.log(np.maximum(labels, LEAST)) + moved[:, :-1]
    return softmax(logits.astype(np.float32)), sigmoid(main_log_odds(main) + moved[:, -1])


def main_log_odds(main: Floats) -> Floats:
    """(m) log-odds of probabilities (m)."""
    kept = np.clip(main, LEAST, 1 - LEAST)
    return np.asarray(np.log(kept) - np.log1p(-kept), np.float32)


@dataclass(frozen=True, eq=False)
class Corrected:
    """The base model as it is for one site: reads a page as any model does."""

    base: Model
    correction: Correction

    @property
    def contract(self) -> Contract:
        """That of the base."""
        return self.base.contract

    @property
    def access(self) -> Coefficients | None:
        """That of the base."""
        return self.base.access

    def predict(self, x: Layout) -> tuple[Floats, Floats]:
        """Label probabilities (m, 4), and that of belonging to the main text (m)."""
        labels, main = self.base.predict(x)
        return shifted(labels, main, self.correction.shifts(x)) if len(x.page) else (labels, main)


@dataclass(frozen=True, eq=False)
class SiteModel:
    """A base model with corrections by site (registered domain)."""

    base: Model
    corrections: Mapping[str, Correction]
    base_file: str | None = None
    """Name of the base's file, looked for beside the site model's; None for the model that ships."""

    @cached_property
    def base_digest(self) -> str:
        """What the base is known by."""
        return model_digest(self.base)

    @property
    def contract(self) -> Contract:
        """That of the base."""
        return self.base.contract

    @property
    def access(self) -> Coefficients | None:
        """That of the base."""
        return self.base.access

    def predict(self, x: Layout) -> tuple[Floats, Floats]:
        """What is predicted for a page whose address nobody knows but the page itself."""
        return self.of_page(x.page.facts, None).predict(x)

    def of_page(self, facts: Facts, url: str | None) -> Model | Corrected:
        """The model for a page: corrected if its site is known, by its address or else by what it declares."""
        address = url or next(iter(canonical_urls(facts)), None)
        site = self.site_of(address) if address else None
        return self.base if site is None else Corrected(self.base, self.corrections[site])

    def site_of(self, url: str) -> str | None:
        """The corrected site that an address belongs to: the longest that its host ends with."""
        labels = host_of(url).split(".")
        hosts = (".".join(labels[i:]) for i in range(len(labels)))
        return next((host for host in hosts if host in self.corrections), None)

    def merged(self, other: "SiteModel") -> "SiteModel":
        """All corrections of both; a site that stands in both keeps that of ``other``.

        :raises ValueError: if the two correct different bases.
        """
        if self.base_digest != other.base_digest:
            both = f"{self.base_digest[:12]} and {other.base_digest[:12]}"
            raise ValueError(f"Site models of different bases cannot be merged: {both}.")
        return replace(self, corrections={**self.corrections, **other.corrections})


def host_of(url: str) -> str:
    """The host of an address, lower case; empty where there is none.

    >>> host_of("https://WWW.Example.com:8080/a"), host_of("http://[")
    ('www.example.com', '')
    """
    try:
        return (urlsplit(url if "//" in url else f"//{url}").hostname or "").rstrip(".")
    except ValueError:
        return ""


# -- the file ---------------------------------------------------------------------------------------------------

KEYS: Final = ("kind", "base", "sites")
MAX_SITES: Final = 10_000


def save_site_model(model: SiteModel, path: str | PathLike[str]) -> None:
    """Write the corrections and the digest of their base; the file appears whole or not at all.

    :raises ModelFileError: if there are more corrections than a file holds.
    """
    sites = sorted(model.corrections)
    rows = [(key, weights) for site in sites for key, weights in sorted(model.corrections[site].weights.items())]
    arrays: dict[str, Array] = {
        "tokens": np.frombuffer(b"".join(key for key, _ in rows), np.uint8).reshape(-1, 8),
        "weights": np.array([weights for _, weights in rows], "<f2").reshape(-1, OUTPUTS),
    }
    about = [
        {"site": site, "tokens": len(model.corrections[site].weights), "about": dict(model.corrections[site].about)}
        for site in sites
    ]
    base = {"sha256": model.base_digest, "file": model.base_file, "name": model.contract.name}
    write_arrays(path, arrays, {"format": FORMAT, "kind": "site", "base": base, "sites": about})


def load_site_model(path: str | PathLike[str], base: Model | None = None) -> SiteModel:
    """Read a site model. Without ``base`` it is the file of the recorded name beside it, else the model that ships.

    :raises ModelFileError: if the file is no site model, is damaged, or corrects another base.
    """
    with refusing(path):
        arrays = read_arrays(path)
        if "tokens" not in arrays:
            raise ModelFileError("it is no site model; make one with pagesieve adapt")
        return _site_model(arrays, Path(path), base)


def load_any(path: str | PathLike[str], base: Model | None = None) -> Model | SiteModel:
    """Read a model or a site model, whichever the file holds.

    :raises ModelFileError: as the two readers do.
    """
    with refusing(path):
        arrays = read_arrays(path)
        return _site_model(arrays, Path(path), base) if "tokens" in arrays else model_of(arrays)


def _site_model(arrays: dict[str, Array], path: Path, base: Model | None) -> SiteModel:
    contract = take_contract(arrays, KEYS, FORMAT)
    wanted, sites = _checked(contract)
    keys = take(arrays, "tokens", "|u1")
    count = sum(site["tokens"] for site in sites)
    if keys.shape != (count, 8):
        raise ModelFileError(f"its array tokens is of shape {keys.shape}, not {(count, 8)}")
    weights = take_floats(arrays, "weights", (count, OUTPUTS), "<f2")
    if arrays:
        raise ModelFileError("it holds arrays that no site model has")
    corrections, start = {}, 0
    for site in sites:
        rows = slice(start, start + site["tokens"])
        pairs = zip(map(bytes, keys[rows]), weights[rows], strict=True)
        corrections[site["site"]] = Correction(dict(pairs), site["about"])
        start = rows.stop
    file = wanted["file"]
    found = SiteModel(base or _base(path, file), corrections, file)
    if found.base_digest != wanted["sha256"]:
        raise ModelFileError(
            f"it corrects the model {wanted['sha256'][:12]} ({short(wanted['name'])}), and the base given is"
            f" {found.base_digest[:12]} ({short(found.contract.name)}); adapt again, or name the right base"
        )
    return found


def _base(path: Path, file: str | None) -> Model:
    if file is not None:
        beside = path.parent / file
        if not beside.is_file():
            raise ModelFileError(f"its base {short(file)} does not lie beside it")
        return model_of(read_arrays(beside))
    return default_model("html")


def _checked(contract: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Base and sites of a contract, every value of the kind that it must be."""
    base, sites = contract["base"], contract["sites"]
    if contract["kind"] != "site":
        raise ModelFileError("its kind is not site")
    if not isinstance(base, dict) or set(base) != {"sha256", "file", "name"}:
        raise ModelFileError("what it says of its base is incomplete")
    if not all(isinstance(base[key], str) for key in ("sha256", "name")) or not _is_plain_name(base["file"]):
        raise ModelFileError("what it says of its base is no text, or no name of a file beside it")
    if not isinstance(sites, list) or len(sites) > MAX_SITES:
        raise ModelFileError(f"its sites are no list of at most {MAX_SITES}")
    for site in sites:
        if not isinstance(site, dict) or set(site) != {"site", "tokens", "about"}:
            raise ModelFileError("what it says of a site is incomplete")
        name, count = site["site"], site["tokens"]
        if not isinstance(name, str) or not name or name != host_of(name):
            raise ModelFileError("a site of it is no host name")
        if type(count) is not int or not is_number(count) or count < 0 or not isinstance(site["about"], dict):
            raise ModelFileError(f"what it says of {short(name)} is no number of tokens, or no object")
    if len({site["site"] for site in sites}) != len(sites):
        raise ModelFileError("a site stands in it twice")
    return base, sites


def _is_plain_name(name: object) -> bool:
    """None, or a file's name without a folder: a file from elsewhere must not choose what is opened."""
    return name is None or (isinstance(name, str) and _FILE_NAME.fullmatch(name) is not None)
