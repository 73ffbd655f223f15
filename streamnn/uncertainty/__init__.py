"""Two kinds of uncertainty of a network's answer: surprise (epistemic) and entropy (aleatoric); both calibrated."""

from .latent_density import LatentDensity
from .prediction_intervals import PredictionIntervals
from .prediction_sets import PredictionSets
from .surprise_rank import SurpriseRank
from .value_density import ValueDensity

__all__ = ["LatentDensity", "PredictionIntervals", "PredictionSets", "SurpriseRank", "ValueDensity"]
