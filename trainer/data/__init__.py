"""Image sets for classification: read once into a memory-mapped cache, split, measured."""

from trainer.data.load import load_data
from trainer.data.splits import DataSet, Images, Split

__all__ = ["DataSet", "Images", "Split", "load_data"]
