"""The spec: the file, the options and the keywords that say which networks there are and what is asked of them."""

from rfkit.gate.spec.file import Settings, Spec, read_spec

__all__ = ["Settings", "Spec", "read_spec"]
