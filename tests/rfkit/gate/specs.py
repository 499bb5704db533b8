"""Spec files for tests."""

from __future__ import annotations

import textwrap
from pathlib import Path

from rfkit.gate.requirements import ModelSpec, Requirement
from rfkit.gate.spec import Spec, read_spec


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return path


def read(folder: Path, text: str, name: str = "rfkit.toml") -> Spec:
    return read_spec(write(folder / name, text))


def net(spec: Spec, name: str = "net") -> ModelSpec:
    return next(model for model in spec.select() if model.name == name)


def asked(model: ModelSpec) -> list[str]:
    """Every requirement as one line."""
    return [line(requirement) for requirement in model.requirements]


def line(requirement: Requirement) -> str:
    words = [requirement.check]
    if requirement.subject is not None:
        words.append(str(requirement.subject))
    words += [limit.text for limit in requirement.limits]
    if requirement.layers is not None:
        words.append(f"in {requirement.layers}")
    if requirement.severity != "error":
        words.append(f"({requirement.severity})")
    if requirement.note is not None:
        words.append(f"({requirement.note})")
    return " ".join(words)
