"""A trained network as a file for other programs: ONNX, TorchScript, or ``torch.export``'s archive."""

from trainer.export.write import FORMATS, Exported, export

__all__ = ["FORMATS", "Exported", "export"]
