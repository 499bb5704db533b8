"""Noticing when a target's file gives one of PyTorch's own operators another kernel.

The dispatcher cannot be compared with what it was, so the two ways into it from Python take note of who comes.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import torch
from torch._ops import OperatorBase, OpOverload
from torch.library import Library

_TORCH = os.path.dirname(torch.__file__)
_IMPORTING = "<frozen importlib"


def watch_kernels() -> list[str]:
    """Names of ATen's operators that are given a kernel from now on by other code than PyTorch's: the list grows."""
    replaced: list[str] = []
    implement: Any = Library.impl
    implement_in_python: Any = OperatorBase.py_impl

    def impl(library: Library, op_name: Any, *arguments: Any, **keywords: Any) -> Any:
        if library.ns == "aten" and not _torch_itself():
            replaced.append(f"torch.ops.aten.{str(op_name).removeprefix('aten::')}")
        return implement(library, op_name, *arguments, **keywords)

    def py_impl(operator: Any, key: Any) -> Any:
        if isinstance(operator, OpOverload) and operator.namespace == "aten" and not _torch_itself():
            replaced.append(f"torch.ops.{operator}")
        return implement_in_python(operator, key)

    setattr(Library, "impl", impl)  # noqa: B010  a method is not to be assigned
    setattr(OperatorBase, "py_impl", py_impl)  # noqa: B010
    return replaced


def _torch_itself() -> bool:
    """Whether PyTorch registers a kernel, as parts of it do when they are imported late, and not somebody through it."""
    frame: Any = sys._getframe(2)
    while frame is not None and frame.f_code.co_filename.startswith(_TORCH):
        frame = frame.f_back
    return frame is not None and frame.f_code.co_filename.startswith(_IMPORTING)
