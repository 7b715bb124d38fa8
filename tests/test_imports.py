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
        "chars",
        "decode",
        "sniff",
        "page",
        "blocks",
        "links",
        "plaintext",
        "lexicon",
        "jsonld",
        "declared",
        "layout",
        "columns",
        "phrasebook",
        "features",
    ),
    *("metadata", "observed", "access", "network", "model", "decide"),
    *("arrayfile", "modelfile", "sitemodel"),
    *("structure", "inline", "markdown", "extraction", "sieve", "drift", "cli", "bulk", "integrations"),
)

BULK = ("records", "warm", "httpbody", "inputs", "pool", "parallel", "parquet", "shards", "run", "cli")
"""The same inside ``bulk``."""

SERVE = ("bounds", "workers", "metrics", "parameters", "guard", "openapi", "app", "connections", "command")
"""The same inside ``integrations/serve``."""

DOORS = ("__init__", "sieve", "cli", "bulk", "integrations")
"""These alone may know the package as a whole."""

ALLOWED = {"numpy", "lxml", "webencodings", "chardet", "tqdm", *sys.stdlib_module_names}

EXTRAS = {
    "bulk/httpbody.py": {"fastwarc"},
    "bulk/inputs.py": {"fastwarc", "warcio", "zstandard"},
    "bulk/parquet.py": {"pyarrow"},
    "bulk/parallel.py": {"joblib"},
}
"""What a door may import beside them, inside its functions alone."""

FRAMEWORKS = {
    "integrations/scrapy.py": {"scrapy", "itemadapter", "twisted"},
    "integrations/webpoet.py": {"web_poet"},
    "integrations/datatrove.py": {"datatrove"},
    "integrations/spark.py": {"pyspark", "pyarrow", "fsspec"},
    **{f"integrations/serve/{name}.py": {"starlette"} for name in ("parameters", "guard", "app")},
    "integrations/serve/connections.py": {"starlette", "uvicorn", "h11"},
    "integrations/serve/command.py": {"starlette", "uvicorn"},
}
"""What a door into a framework imports as it pleases: nobody loads it but the framework, or its own command."""


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
    assert below <= {module}


def test_every_module_of_bulk_has_its_place():
    assert {path.stem for path in (PACKAGE / "bulk").glob("*.py")} == {"__init__", *BULK}


@pytest.mark.parametrize("module", BULK)
def test_a_module_of_bulk_imports_only_from_above(module):
    names = [name.split(".") for name in imported(PACKAGE / "bulk" / f"{module}.py")]
    own = {name[2] for name in names if name[:2] == ["classifier", "bulk"] and len(name) > 2}
    assert not own & set(BULK[BULK.index(module) :])


@pytest.mark.parametrize("module", [module for module in ORDER if module not in DOORS])
def test_a_stage_does_not_import_the_package(module):
    assert "classifier" not in imported(source(module))


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.relative_to(PACKAGE).as_posix()
)
def test_the_package_needs_only_what_it_declares(path):
    outside = {name.split(".")[0] for name in imported(path)} - {"classifier"}
    name = path.relative_to(PACKAGE).as_posix()
    assert outside <= ALLOWED | EXTRAS.get(name, set()) | FRAMEWORKS.get(name, set())
    assert "training" not in outside


@pytest.mark.parametrize("door", EXTRAS)
def test_a_door_imports_its_extras_inside_functions_alone(door):
    tree = ast.parse((PACKAGE / door).read_text("utf-8"))
    at_top = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
    names = {alias.name for node in at_top if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in at_top if isinstance(node, ast.ImportFrom)}
    assert not {name.split(".")[0] for name in names} & EXTRAS[door]


def test_every_door_into_a_framework_is_known():
    found = {path.relative_to(PACKAGE).as_posix() for path in (PACKAGE / "integrations").glob("*.py")}
    assert found - {"integrations/__init__.py"} == {name for name in FRAMEWORKS if name.count("/") == 1}


def test_every_module_of_the_service_has_its_place():
    folder = PACKAGE / "integrations" / "serve"
    assert {path.stem for path in folder.glob("*.py")} == {"__init__", *SERVE}


@pytest.mark.parametrize("module", SERVE)
def test_a_module_of_the_service_imports_only_from_above(module):
    names = imported(PACKAGE / "integrations" / "serve" / f"{module}.py")
    prefix = "classifier.integrations.serve."
    own = {name.removeprefix(prefix) for name in names if name.startswith(prefix)}
    assert not own & set(SERVE[SERVE.index(module) :])


def test_the_command_loads_no_framework():
    loaded = modules_after("from classifier.cli import make_parser; make_parser()")
    assert "classifier.integrations.serve.command" in loaded
    assert not loaded & {"starlette", "uvicorn", "scrapy", "pyspark", "datatrove", "pyarrow"}


def test_nothing_of_the_package_is_pickled():
    """But for joblib, which hands our own tasks to its workers."""
    for path in PACKAGE.rglob("*.py"):
        allowed = EXTRAS.get(path.relative_to(PACKAGE).as_posix(), set())
        assert not ({"pickle", "shelve", "marshal", "dill", "joblib"} - allowed) & set(imported(path))


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
        "multiprocessing",
        "classifier.bulk",
    }
    assert not loaded & heavy


def test_reading_a_page_of_plain_utf_8_brings_no_detector():
    code = "from classifier.decode import decode\ndecode('<meta charset=utf-8><p>é'.encode(), None)"
    assert "chardet" not in modules_after(code)


def test_the_public_names_are_there():
    import classifier

    assert sorted(classifier.__all__, key=str.lower) == sorted(set(classifier.__all__), key=str.lower)
    assert all(hasattr(classifier, name) for name in classifier.__all__)
