"""How `make docs` makes the site: Sphinx over the repository's own Markdown, so that links between files hold."""

from __future__ import annotations

import re
from pathlib import Path

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx

import makeweight

ROOT = Path(__file__).parents[1]
project, author, release = "makeweight", "the makeweight authors", makeweight.__version__
root_doc = "docs/index"
include_patterns = [
    "*.md", "docs/*.md", "docs/results/*.md", "examples/*.ipynb", "examples/lessons/*.ipynb",
    "results/frontier/**/*.md", "benchmarks/results/*.md",
]  # fmt: skip
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]

# The pages.
html_theme, html_title = "furo", f"makeweight {release}"
html_copy_source, html_show_copyright = False, False
myst_heading_anchors = 4
nb_execution_mode = "off"  # the tests run the lessons
suppress_warnings = ["myst.header", "toc.not_included"]  # results' tables and the README are linked, not listed
autodoc_member_order, autodoc_typehints = "bysource", "description"
autodoc_preserve_defaults = True


def list_pages(app: Sphinx, docname: str, source: list[str]) -> None:
    """Add a hidden table of contents of each section's links to the index, which stays readable as Markdown."""
    if docname != root_doc:
        return
    for title, items in re.findall(r"^## (.+)\n\n((?:- .+\n)+)", source[0], flags=re.MULTILINE):
        links = "\n".join(f"/{_from_root(link)}" for link in re.findall(r"\]\((.+?)\)", items))
        source[0] += f"\n```{{toctree}}\n:hidden:\n:caption: {title}\n{links}\n```\n"


def _from_root(link: str) -> str:
    return str((ROOT / "docs" / link).resolve().relative_to(ROOT))


def show_folders(app: Sphinx, doctree: nodes.document) -> None:
    """Show a link to a folder of the repository as text: the site doesn't hold it."""
    for link in list(doctree.findall(pending_xref)):
        if (Path(doctree["source"]).parent / link["reftarget"]).is_dir():
            link.replace_self(link.children)


def start_at_the_index(app: Sphinx, error: Exception | None) -> None:
    """Lead from the site's first page to the index, which lies in docs/."""
    (app.outdir / "index.html").write_text(f'<meta http-equiv="refresh" content="0; url={root_doc}.html">\n')


def setup(app: Sphinx) -> None:
    """Tell Sphinx when to call what is above."""
    app.connect("source-read", list_pages)
    app.connect("doctree-read", show_folders)
    app.connect("build-finished", start_at_the_index)
