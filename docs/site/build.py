"""
Build the documentation: ``python docs/site/build.py`` writes a site into ``artefacts/site`` that needs no network.

Pages are the executed notebooks and labs, the guides, and what the package says of itself (commands, Python names,
errors, situations that ``podlab explain`` tells apart). Warnings of Sphinx and internal links that lead nowhere end
the build with 1; so does anything that a page would fetch from elsewhere while it is read.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pages
from sphinx.cmd.build import build_main

TOP = Path(__file__).resolve().parents[2]
OUT = TOP / "artefacts" / "site"
SOURCES = (
    "notebooks/*.ipynb", "notebooks/pictures/*", "notebooks/manifests/*", "notebooks/recordings/*",
    "labs/[0-9]*/**/*", "labs/exercises/README.md", "labs/images/README.md", "labs/assignments/*/*.md",
    "docs/*.md", "docs/pictures/*", "docs/cheat-sheet/*", "clusters/*/README.md", "CONTRIBUTING.md", "CHANGELOG.md",
)  # fmt: skip
LOADED = {"script": "src", "link": "href", "img": "src", "iframe": "src"}
NOT_LOADED = {"canonical", "search", "next", "prev", "index", "author", "help", "prerefetch"}


def gather(to: Path) -> None:
    """Copy the sources of all pages below *to*, in their places, and write those that are made."""
    shutil.rmtree(to, ignore_errors=True)
    for pattern in SOURCES:
        for path in sorted(TOP.glob(pattern)):
            if path.is_file() and ".ipynb_checkpoints" not in path.parts:
                target = to / path.relative_to(TOP)
                target.parent.mkdir(parents=True, exist_ok=True)
                if path.suffix in {".md", ".ipynb"}:
                    target.write_text(without_folders(path.read_text("utf-8"), path.parent), encoding="utf-8")
                else:
                    shutil.copyfile(path, target)
    shutil.copyfile(TOP / "docs" / "site" / "conf.py", to / "conf.py")
    for name, text in pages.made().items():
        (to / name).parent.mkdir(parents=True, exist_ok=True)
        (to / name).write_text(text, encoding="utf-8")
    for readme in to.glob("labs/[0-9]*/README.md"):
        notebooks = readme.parent.glob(f"{readme.parent.name}.ipynb")
        parts = sorted(readme.parent.glob("*/**/README.md"))
        below = [str(page.relative_to(readme.parent).with_suffix("")) for page in (*notebooks, *parts)]
        if below:
            readme.write_text(pages.with_its_pages(readme.read_text("utf-8"), below), encoding="utf-8")
    (to / "index.md").write_text(pages.front(to), encoding="utf-8")


def without_folders(text: str, base: Path) -> str:
    """The text of a page without its links to folders, which a site does not list; the words of the link stay."""

    def shown(link: re.Match[str]) -> str:
        return link[1] if (base / link[2]).is_dir() else link[0]

    return re.sub(r"(?<!!)\[([^\]\[\x22\n]+)\]\(([^)#\s:]+)\)", shown, text)


class Links(HTMLParser):
    """What one page leads to, its anchors, and what it loads."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.leads: list[str] = []
        self.loads: list[str] = []
        self.anchors: set[str] = set()
        self.feed(page.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the links, the anchors and the loaded files of a tag."""
        has = {name: value or "" for name, value in attrs}
        self.anchors |= {has[name] for name in ("id", "name") if name in has}
        if tag == "a" and "href" in has:
            self.leads.append(has["href"])
        if tag in LOADED and LOADED[tag] in has and has.get("rel") not in NOT_LOADED:
            self.loads.append(has[LOADED[tag]])


def faults(site: Path) -> Iterator[str]:
    """Yield each link that leads nowhere, and each thing that a page loads from elsewhere."""
    found = {page: Links(page) for page in sorted(site.rglob("*.html"))}
    for page, links in found.items():
        name = page.relative_to(site)
        for link in links.loads:
            if urlsplit(link).netloc:
                yield f"{name} loads {link}"
        for link in [*links.leads, *links.loads]:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            if not target.exists():
                yield f"{name} leads to {link}, which is not there"
            elif parts.fragment and target in found and unquote(parts.fragment) not in found[target].anchors:
                yield f"{name} leads to {link}, where that heading is missing"


def main() -> int:
    """Gather, build and look at the links; 1 where something is wrong."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=OUT, metavar="FOLDER")
    out = parser.parse_args().out.resolve()
    source = out.with_name(f"{out.name}-source")
    gather(source)
    shutil.rmtree(out, ignore_errors=True)
    code = build_main(
        ["-q", "-W", "--keep-going", "-b", "html", "-d", f"{out}-doctrees", str(source), str(out)]
    )
    wrong = list(faults(out)) if code == 0 else []
    print("\n".join(wrong), file=sys.stderr, end="\n" if wrong else "")
    if code or wrong:
        return 1
    print(f"{len(list(out.rglob('*.html')))} pages: {out}/index.html")
    return 0


if __name__ == "__main__":
    sys.exit(main())
