import numpy as np
import numpy.typing as npt

def running_sums(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]: ...
