"""The effective receptive field: how strongly a unit depends on each input position, measured by gradients.

A recorded forward is run again on real numbers (``replay``), the gradient of a layer's centre unit is taken on every input
(``measure``) and summed up in a few figures (``statistics``), pictures (``pictures``) and JSON (``as_dict``).
"""

from rfkit.effective.measure import erf, measure
from rfkit.effective.result import EffectiveField, Estimate, Measurement

__all__ = ["EffectiveField", "Estimate", "Measurement", "erf", "measure"]
