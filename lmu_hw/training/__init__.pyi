from .layers import DenseLayer as DenseLayer
from .layers import LinearMemoryLayer as LinearMemoryLayer
from .layers import LMULayer as LMULayer
from .layers import LSTMLayer as LSTMLayer
from .loop import FitResult as FitResult
from .loop import evaluate as evaluate
from .loop import fit as fit
from .model import Model as Model
from .objectives import ACCURACY as ACCURACY
from .objectives import ERROR as ERROR
from .objectives import NRMSE as NRMSE
from .objectives import Dataset as Dataset
from .objectives import Metric as Metric
from .objectives import cross_entropy as cross_entropy
from .objectives import hold_out as hold_out
from .objectives import squared_error as squared_error
from .quantization import LayerQuantization as LayerQuantization
from .recipe import Recipe as Recipe

__all__ = [
    "ACCURACY",
    "ERROR",
    "NRMSE",
    "Dataset",
    "DenseLayer",
    "FitResult",
    "LMULayer",
    "LSTMLayer",
    "LayerQuantization",
    "LinearMemoryLayer",
    "Metric",
    "Model",
    "Recipe",
    "cross_entropy",
    "evaluate",
    "fit",
    "hold_out",
    "squared_error",
]
