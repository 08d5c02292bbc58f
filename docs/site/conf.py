"""Sphinx's settings; ``docs/site/build.py`` gathers the pages and calls Sphinx."""

from __future__ import annotations

project = "podlab"
author = "the podlab maintainers"
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "index"
exclude_patterns = ["docs/site/**"]

html_theme = "furo"
html_title = "podlab"
html_static_path: list[str] = []
html_copy_source = False
smartquotes = False  # two hyphens before an option are two hyphens
html_show_sourcelink = False

# Nothing is fetched while the site is read: no widgets' or formulas' scripts from elsewhere.
nb_ipywidgets_js: dict[str, dict[str, str]] = {}
nb_execution_mode = "off"  # the pages are executed already; tests keep their outputs true
nb_mime_priority_overrides = [("html", "application/vnd.jupyter.widget-view+json", None)]
myst_heading_anchors = 4

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "show-inheritance": True}
napoleon_numpy_docstring = False

# Links into the repository that are no pages (scripts, folders) are looked at by build.py, in what was built.
suppress_warnings = [
    "myst.xref_missing",
    "myst.header",
    "mystnb.unknown_mime_type",
    "misc.highlighting_failure",
]
