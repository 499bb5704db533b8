"""Where in the user's own code something happens: the nearest frame that is neither PyTorch's nor ours."""

from __future__ import annotations

import os
import sys
from types import FrameType

import torch
from torch import nn

Place = tuple[str, int]
"""A file and a line."""

_OURS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "")
_TORCH = (os.path.join(os.path.dirname(os.path.abspath(torch.__file__)), ""), "<")


def shown_place(place: Place) -> str:
    """``net.py:31``; the file is relative to the current directory where it lies inside."""
    file, line = place
    here = os.getcwd()
    return f"{os.path.relpath(file, here) if os.path.abspath(file).startswith(here + os.sep) else file}:{line}"


def running_line(without: object = None) -> Place | None:
    """File and line of the user's code that is running now; None where only PyTorch runs on our behalf.

    Of several nested calls it is the nearest in a method of a module, so that what a helper function makes is found
    where the network calls the helper; without one, the nearest.

    Args:
        without: a module whose own methods are passed over, so that its constructor is found where it was called.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_OURS):
        frame = frame.f_back
    nearest = None
    while frame is not None and not frame.f_code.co_filename.startswith(_OURS):
        if not frame.f_code.co_filename.startswith(_TORCH):
            owner = frame.f_locals.get("self")
            if owner is None or owner is not without:
                place = frame.f_code.co_filename, frame.f_lineno
                if isinstance(owner, nn.Module):
                    return place
                nearest = nearest or place
        frame = frame.f_back
    return nearest
