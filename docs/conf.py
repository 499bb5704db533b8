"""Settings of the documentation's site: ``sphinx-build -W docs docs/_build``. It is built without a network."""

from __future__ import annotations

import re
import sys
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from docutils import nodes

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

if TYPE_CHECKING:
    from sphinx.application import Sphinx

import rfkit  # noqa: E402 - found through the line above where it is not installed

project = "rfkit"
author = "the authors of rfkit"
project_copyright = author
version = release = rfkit.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
source_suffix = {".md": "markdown"}

myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 80
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True

html_theme = "furo"
html_title = f"rfkit {release}"
html_static_path = ["_static"]
html_css_files = ["rfkit.css"]
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
highlight_language = "none"
pygments_style = "friendly"
pygments_dark_style = "github-dark"


def setup(app: Sphinx) -> None:
    """Have attributes that share a description (``kernel_size, stride: ...``) keep all names, pictures lead to their files."""
    app.connect("autodoc-process-docstring", _keep_names, priority=900)
    app.connect("doctree-resolved", _link_pictures)


def _link_pictures(app: Sphinx, page: nodes.document, name: str) -> None:
    """A picture wider than the text is made smaller; a click shows it at its own size."""
    above = "../" * name.count("/")
    for picture in list(page.findall(nodes.image)):
        if isinstance(picture.parent, nodes.reference) or picture["uri"] not in app.env.images:
            continue
        file = PurePosixPath("_images", app.env.images[picture["uri"]][1])
        link = nodes.reference("", "", refuri=f"{above}{file}", internal=True)
        picture.replace_self(link)
        link += picture


def _keep_names(_app: Sphinx, _what: str, _name: str, _object: object, _options: object, lines: list[str]) -> None:
    """A field takes what stands before its last space for a type, and a name's last underscore for a reference."""
    for place, line in enumerate(lines):
        names = re.match(r":ivar ([^:]+):", line)
        if names:
            kept = re.sub(r"_(?=,|$)", r"\\_", names[1].replace(", ", ","))
            lines[place] = f":ivar {kept}:{line[names.end() :]}"
