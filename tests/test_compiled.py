"""The compiled modules give what their source gives: they are the same source."""

import importlib
import inspect
import pickle
import sys
from dataclasses import asdict
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from classifier import blocks
from classifier.blocks import Limits
from classifier.cli import compiled_modules
from classifier.page import Page

PAGES = sorted((Path(__file__).parents[1] / "datasets" / "pages").glob("*.html"))

needs_compiled = pytest.mark.skipif(
    "classifier.blocks" not in compiled_modules(),
    reason="classifier.blocks runs from its .py here (an install in place is not compiled)",
)


def from_source(module: ModuleType) -> ModuleType:
    """A second copy of a module, run from the .py beside the compiled one."""
    name = f"{module.__name__}_from_source"
    spec = spec_from_file_location(name, Path(str(module.__file__)).parent / f"{module.__name__.split('.')[-1]}.py")
    assert spec is not None
    assert spec.loader is not None
    pure = sys.modules[name] = module_from_spec(spec)  # dataclasses look their module up
    spec.loader.exec_module(pure)
    return pure


@pytest.fixture(scope="module")
def pure() -> ModuleType:
    return from_source(blocks)


def record(page: Page) -> dict[str, Any]:
    """Every column of a page, with its type, comparable."""
    return {
        name: (value.dtype, value.tolist()) if isinstance(value, np.ndarray) else value
        for name, value in vars(page).items()
    }


def test_info_names_what_has_no_python_code() -> None:
    for name in ("blocks", "structure", "page", "labels"):
        module = importlib.import_module(f"classifier.{name}")
        from_python = str(module.__file__).endswith(".py")
        assert (module.__name__ not in compiled_modules()) == from_python


@needs_compiled
def test_compiled_code_is_what_runs(pure: ModuleType) -> None:
    assert str(blocks.__file__).endswith(tuple(EXTENSION_SUFFIXES))
    assert not inspect.isfunction(blocks.cut)
    assert inspect.isfunction(pure.cut)


@needs_compiled
@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_the_compiled_module_cuts_as_its_source_does(path: Path, pure: ModuleType) -> None:
    html = path.read_text("utf-8")
    assert record(blocks.cut(html)) == record(pure.cut(html))


@needs_compiled
@pytest.mark.parametrize(
    "limits",
    [
        {"max_elements": 20},
        {"max_depth": 4},
        {"max_attributes": 1},
        {"max_text": 50},
        {"max_seconds": 1e-9},
    ],
    ids=str,
)
def test_the_compiled_module_stops_where_its_source_does(limits: dict[str, Any], pure: ModuleType) -> None:
    for path in PAGES:
        html = path.read_text("utf-8")
        assert record(blocks.cut(html, Limits(**limits))) == record(pure.cut(html, pure.Limits(**limits)))


@needs_compiled
def test_limits_are_the_same_record(pure: ModuleType) -> None:
    limits = Limits(max_depth=7)
    assert repr(limits) == repr(pure.Limits(max_depth=7))
    assert asdict(limits) == asdict(pure.Limits(max_depth=7))
    assert pickle.loads(pickle.dumps(limits)) == limits
    assert len({limits, Limits(max_depth=7)}) == 1
    with pytest.raises(AttributeError):
        limits.max_depth = 8  # type: ignore[misc]
