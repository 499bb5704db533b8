"""Fingerprints: what makes a finding the same one from one run to the next, whatever its value, its line or its file."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable

LENGTH = 32


def fingerprint(model: str, code: str, rule: str, layer: str | None) -> str:
    """A stable identity in hexadecimal digits, the same on every machine and in every run.

    Args:
        model: name of the network.
        code: of the rule, e.g. ``RF101``.
        rule: what was asked, as in the spec.
        layer: label of the layer responsible, None for the network as a whole.
    """
    parts = (model, code, rule, "" if layer is None else layer, "" if layer is None else "layer")
    packed = b"".join(len(part := text.encode("utf-8", "surrogatepass")).to_bytes(8, "big") + part for text in parts)
    return hashlib.sha256(packed).hexdigest()[:LENGTH]


def distinct(fingerprints: Iterable[str]) -> tuple[str, ...]:
    """The fingerprints, each repetition of one replaced by another that depends on how many came before it."""
    seen: Counter[str] = Counter()
    found = []
    for one in fingerprints:
        found.append(one if not seen[one] else fingerprint(one, str(seen[one]), "", None))
        seen[one] += 1
    return tuple(found)
