"""The proof: what a trace says of every unit, compared with numbers from real forwards."""

from rfkit.verifying.prove import verify
from rfkit.verifying.results import Disagreement, LayerResult, Method, Stop, Verdict, Verification

__all__ = ["Disagreement", "LayerResult", "Method", "Stop", "Verdict", "Verification", "verify"]
