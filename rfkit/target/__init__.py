"""From what the user types, ``path/to/model.py:Net`` or ``package.module:factory``, to a module that can be traced.

A target is imported in isolation (``importing``), then built on the ``meta`` device, where it costs neither time nor
memory; a constructor that needs real values runs on the CPU instead, with a fixed seed (``building``). What cannot be
done is a TargetError of one line that names the thing and the remedy, with the original exception as its ``__cause__``.
"""

from rfkit.target.building import LoadedModel
from rfkit.target.loading import load
from rfkit.target.shapes import DEFAULT_SHAPES, InputShape, parse_shape

__all__ = ["DEFAULT_SHAPES", "InputShape", "LoadedModel", "load", "parse_shape"]
