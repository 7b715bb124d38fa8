"""The order of the modules: each imports only from those above it, and nothing heavy comes with them."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "classifier"

ORDER = (
    *(
        "labels",
        "words",
        "decode",
        "sniff",
        "page",
        "blocks",
        "plaintext",
        "lexicon",
        "layout",
        "phrasebook",
        "features",
    ),
    *("jsonld", "metadata", "declared", "observed", "access", "model", "decide", "arrayfile", "modelfile", "sitemodel"),
    *("structure", "inline", "markdown", "extraction", "sieve", "drift", "cli"),
)

DOORS = ("__init__", "sieve", "cli")
"""These alone may know the package as a whole."""

ALLOWED = {"numpy", "lxml", "webencodings", "chardet", "tqdm", *sys.stdlib_module_names}


def source(module):
    folder = PACKAGE / module
    return folder / "__init__.py" if folder.is_dir() else PACKAGE / f"{module}.py"


def imported(path):
    """Full names of what a file imports, at its top or inside functions."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} imports relatively"
            if node.module == "classifier":
                yield from (f"classifier.{alias.name}" for alias in node.names)
            else:
                yield node.module or ""


def test_every_module_has_its_place():
    found = {path.stem for path in PACKAGE.glob("*.py")} | {
        path.parent.name for path in PACKAGE.glob("*/__init__.py")
    }
    assert found - {"__init__"} == set(ORDER)


@pytest.mark.parametrize("module", ORDER)
def test_a_module_imports_only_from_above(module):
    own = {name.split(".")[1] for name in imported(source(module)) if name.startswith("classifier.")}
    below = own & set(ORDER[ORDER.index(module) :])
    assert below == set()


@pytest.mark.parametrize("module", [module for module in ORDER if module not in DOORS])
def test_a_stage_does_not_import_the_package(module):
    assert "classifier" not in imported(source(module))


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.relative_to(PACKAGE).as_posix()
)
def test_the_package_needs_only_what_it_declares(path):
    outside = {name.split(".")[0] for name in imported(path)} - {"classifier"}
    assert outside <= ALLOWED
    assert "training" not in outside


def test_nothing_of_the_package_is_pickled():
    for path in PACKAGE.rglob("*.py"):
        assert not {"pickle", "shelve", "marshal", "dill", "joblib"} & set(imported(path))


def test_training_knows_the_package_and_not_the_other_way_round():
    assert any(
        name.startswith("classifier") for path in (ROOT / "training").glob("*.py") for name in imported(path)
    )


def modules_after(statement):
    code = f"{statement}\nimport sys\nprint(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_importing_the_package_brings_nothing_heavy():
    loaded = modules_after("import classifier")
    assert "classifier.sieve" in loaded
    heavy = {
        "sklearn",
        "scipy",
        "joblib",
        "tldextract",
        "chardet",
        "tqdm",
        "training",
        "classifier.cli",
        "pandas",
    }
    assert not loaded & heavy


def test_reading_a_page_of_plain_utf_8_brings_no_detector():
    code = "from classifier.decode import decode\ndecode('<meta charset=utf-8><p>é'.encode(), None)"
    assert "chardet" not in modules_after(code)


def test_the_public_names_are_there():
    import classifier

    assert sorted(classifier.__all__, key=str.lower) == sorted(set(classifier.__all__), key=str.lower)
    assert all(hasattr(classifier, name) for name in classifier.__all__)
