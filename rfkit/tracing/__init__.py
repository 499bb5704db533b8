"""Tracing: one forward of a model, recorded as plain data."""

from rfkit.tracing.capture import capture
from rfkit.tracing.failure import ForwardError
from rfkit.tracing.record import WRITE, Call, ModuleCall, Parameter, Trace, Value
from rfkit.tracing.recorder import tensors_in

__all__ = ["WRITE", "Call", "ForwardError", "ModuleCall", "Parameter", "Trace", "Value", "capture", "tensors_in"]
