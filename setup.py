"""What pyproject.toml cannot say: the hot modules are compiled where that is possible.

They stay plain Python: the compiled module shadows the .py beside it, which serves wherever there is no compiler.
"""

import os
import sys

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

COMPILED = ("classifier.blocks", "classifier.sax", "classifier.rapid", "classifier.measure")


class BuildElsewhere(build_ext):
    """Compiles for a wheel and never into a checkout: there an edited .py must be what runs."""

    def run(self) -> None:
        """Build what can be built."""
        if self.editable_mode or self.inplace:
            self.extensions = []
        super().run()


def extensions() -> list[Extension]:
    """The modules to compile; none where Cython is missing or pure Python is asked for."""
    if os.environ.get("PAGESIEVE_PURE") == "1":
        return []
    try:
        import Cython  # noqa: F401
    except ImportError:
        return []
    flags = [] if sys.platform == "win32" else ["-O3", "-g0", "-ffp-contract=off"]
    found = []
    for name in COMPILED:
        path = name.replace(".", "/") + ".py"
        path = path if os.path.exists(path) else path + "x"  # what has no pure form beside it is for C alone
        extension = Extension(name, [path], extra_compile_args=flags, optional=True)
        extension.cython_c_in_temp = True
        extension.cython_directives = {"annotation_typing": False}  # types are in the .pxd beside the module
        found.append(extension)
    return found


setup(ext_modules=extensions(), cmdclass={"build_ext": BuildElsewhere})
