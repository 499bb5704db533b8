"""Small projects of a user, written to a folder: what a target is loaded from in the tests.

They are text in the tests, not files beside them, because most of them are wrong on purpose.
"""

from __future__ import annotations

import textwrap
from pathlib import Path

HEAD = "import torch\nfrom torch import nn\n"
NET = HEAD + textwrap.dedent(
    """
    class Net(nn.Module):
        def __init__(self, width=4):
            super().__init__()
            self.conv = nn.Conv2d(3, width, 3)

        def forward(self, x):
            return self.conv(x)
    """
)


def network(name: str, forward: str = "return x", base: str = "nn.Module") -> str:
    """Source of a class whose forward has this body."""
    return f"class {name}({base}):\n    def forward(self, x):\n        {forward}\n"


def write(folder: Path, files: dict[str, str]) -> Path:
    """The folder, with these files in it."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
    return folder
