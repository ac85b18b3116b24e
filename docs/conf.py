"""The site's configuration.

Sphinx with furo and MyST: its search works from disk, it checks every reference, anchor and picture, pages stay plain
Markdown, and furo has a dark scheme and fits a phone.
"""

from __future__ import annotations

import sys
from importlib.metadata import version as installed
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "tools"))

project = "lmu_hw"
author = "The authors of lmu_hw"
version = release = installed("lmu-hw")
html_title = f"lmu_hw {release}"

extensions = ["myst_parser", "extension"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["tools", "results/files"]
myst_enable_extensions = ["dollarmath", "colon_fence", "attrs_inline"]
myst_heading_anchors = 4
html_math_renderer = "mathml"

html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
highlight_language = "text"
