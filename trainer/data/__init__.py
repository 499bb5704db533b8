"""Image sets for classification: read once into a memory-mapped cache, split, measured."""

from trainer.data.load import FOLDER, load_data
from trainer.data.splits import DataSet, Images, Split

__all__ = ["FOLDER", "DataSet", "Images", "Split", "load_data"]
