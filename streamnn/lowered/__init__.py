"""Networks of layers as compiled steps of one event: forward, backward and optimiser, without torch at run time.

A network is written down once, as a table of operations with the weights that it starts from:

>>> import numpy as np
>>> from streamnn.lowered.activations import activation
>>> from streamnn.lowered.dense import linear
>>> def make(inputs, outputs):
...     rng = np.random.default_rng(0)
...     b = PlanBuilder((inputs,))
...     h = linear(b, b.input, "0", rng.normal(size=(16, inputs)) / 3, np.zeros(16))
...     h = activation(b, h, "relu")
...     y = linear(b, h, "2", rng.normal(size=(outputs, 16)) / 4, np.zeros(outputs))
...     return b.finish(y, latent=h)
>>> make(8, 2).words
('Linear(8 -> 16)', 'relu', 'Linear(16 -> 2)')

Such a function is all that a learner needs, and torch is not there: ``TorchClassifier(make)``, or
``Classifier(guests={"mine": make})``. Of a torch module :mod:`streamnn.guests.lowering` writes the plan by itself.
"""

from __future__ import annotations

from .plan import Plan, PlanBuilder, Value

__all__ = ["Plan", "PlanBuilder", "Value"]
