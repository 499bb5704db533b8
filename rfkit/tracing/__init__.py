"""Tracing: one forward of a model, recorded as plain data."""

from rfkit.tracing.capture import ForwardError, capture, tensors_in
from rfkit.tracing.record import WRITE, Call, ModuleCall, Parameter, Trace, Value

__all__ = ["WRITE", "Call", "ForwardError", "ModuleCall", "Parameter", "Trace", "Value", "capture", "tensors_in"]
