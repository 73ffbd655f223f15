"""Two kinds of uncertainty of a network's answer: surprise (epistemic) and entropy (aleatoric)."""

from .latent_density import LatentDensity

__all__ = ["LatentDensity"]
