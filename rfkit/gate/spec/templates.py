"""Ready specs: ``rfkit init --template assignment``."""

from __future__ import annotations

from importlib.resources import files

from rfkit.errors import UsageError
from rfkit.gate.spec.mistakes import did_you_mean
from rfkit.gate.spec.tables import toml

TEMPLATES = {"assignment": "the CIFAR-10 assignment: C1C2C3C40, a receptive field above 44, under 200k parameters"}
"""By name, what each is for."""

_TARGET = 'target = "model.py:Net"'


def template(name: str, target: str | None = None) -> str:
    """The text of a ready spec.

    Args:
        name: one of ``TEMPLATES``.
        target: the network to put into it; None: ``model.py:Net``.

    Raises:
        UsageError: if there is no such template.
    """
    if name not in TEMPLATES:
        near = did_you_mean(name, TEMPLATES)
        hint = f"; did you mean {near}?" if near else f"; there is {', '.join(TEMPLATES)}"
        raise UsageError(f"no template {name!r}{hint}")
    text = files("rfkit.gate.spec").joinpath(f"{name}.toml").read_text(encoding="utf-8")
    return text if target is None else text.replace(_TARGET, f"target = {toml(target)}")
