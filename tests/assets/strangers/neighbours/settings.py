# Numbers that model.py imports from beside it.
WIDTHS = (16, 32, 48, 64)
CLASSES = 10
