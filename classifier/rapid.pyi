import numpy as np
import numpy.typing as npt

Spelt = tuple[list[str], npt.NDArray[np.int64], npt.NDArray[np.int64]]

def spell(folded: list[str], cjk: bool) -> Spelt: ...
def spell_looks(looks: list[tuple[str, str]]) -> Spelt: ...
