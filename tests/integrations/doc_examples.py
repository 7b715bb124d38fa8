"""The examples of docs/: each is run as it stands."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def example(document: str, name: str) -> str:
    """The code block of docs/DOCUMENT that follows the line ``<!-- test: NAME -->``."""
    text = (ROOT / "docs" / document).read_text("utf-8")
    found = re.search(rf"^<!-- test: {re.escape(name)} -->\n```\w*\n(.*?)^```$", text, re.S | re.M)
    assert found, f"docs/{document} has no example {name}"
    return found[1]


def run_python(code: str, folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run an example in a folder of its own, with this checkout's package."""
    path = folder / "example.py"
    path.write_text(code, "utf-8")
    return subprocess.run(
        [sys.executable, path.name, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )
