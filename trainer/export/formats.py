"""The three forms: each function writes a file and returns it, read back, as a function of images."""

from __future__ import annotations

import contextlib
import inspect
import io
import logging
import warnings
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from trainer.errors import TrainerError

Run = Callable[[Tensor], Tensor]

NEEDED = ("onnx", "onnxscript", "onnxruntime")


def onnx(model: nn.Module, images: Tensor, path: Path, about: dict[str, str]) -> Run:
    """ONNX, its weights inside, its batch of any size; run by onnxruntime.

    Raises:
        TrainerError: a package is missing, or the network cannot be exported.
    """
    library, _, runtime = [_package(name) for name in NEEDED]
    with _quietly("onnx"):
        program = torch.onnx.export(
            model,
            (images,),
            input_names=["images"],
            output_names=["scores"],
            dynamic_shapes={_argument(model): {0: torch.export.Dim("batch")}},
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    proto: Any = program.model_proto
    for key, value in about.items():
        library.helper.set_model_props(proto, {**{each.key: each.value for each in proto.metadata_props}, key: value})
    library.checker.check_model(proto)
    path.write_bytes(proto.SerializeToString())
    session = runtime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    return lambda batch: torch.from_numpy(session.run(None, {"images": batch.numpy()})[0])


def torchscript(model: nn.Module, images: Tensor, path: Path, about: dict[str, str]) -> Run:
    """TorchScript, traced; read back by ``torch.jit.load``.

    Raises:
        TrainerError: the network cannot be exported.
    """
    with _quietly("torchscript"):
        jit: Any = torch.jit  # untyped
        traced = jit.trace(model, (images,), check_trace=False)
        jit.save(traced, str(path), _extra_files=about)
        loaded = jit.load(str(path))

    def run(batch: Tensor) -> Tensor:
        with _quietly("torchscript"):
            scores: Tensor = loaded(batch)
        return scores

    return run


def pt2(model: nn.Module, images: Tensor, path: Path, about: dict[str, str]) -> Run:
    """The archive of ``torch.export``, its batch of any size; read back by ``torch.export.load``.

    Raises:
        TrainerError: the network cannot be exported.
    """
    with _quietly("pt2"):
        shapes = {_argument(model): {0: torch.export.Dim("batch")}}
        program = torch.export.export(model, (images,), dynamic_shapes=shapes)
        file = path.with_suffix(".pt2")
        torch.export.save(program, file, extra_files=dict(about))
        file.replace(path)
        loaded = torch.export.load(io.BytesIO(path.read_bytes())).module()
    return lambda batch: loaded(batch)


def _package(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise TrainerError(f"--format onnx needs {name}: pip install 'rfkit[onnx]'") from error


def _argument(model: nn.Module) -> str:
    """Name of the forward's first argument."""
    return next(iter(inspect.signature(model.forward).parameters))


@contextlib.contextmanager
def _quietly(form: str) -> Iterator[None]:
    """Without what exporters write and warn of on the way; a failure is one line.

    Raises:
        TrainerError: the network cannot be exported.
    """
    before = logging.root.manager.disable
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            logging.disable(logging.ERROR)
            yield
    except TrainerError:
        raise
    except Exception as error:  # exporters raise errors of many kinds, most of them long
        said = " ".join(str(error).split())[:200] or type(error).__name__
        raise TrainerError(f"the network cannot be exported as {form}: {said}") from error
    finally:
        logging.disable(before)
