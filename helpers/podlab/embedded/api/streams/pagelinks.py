"""
Links in pages that come through the proxy: those that begin at the root of the page's server lead back through it.

Pure. Source: ``rewriteURL`` and ``rewriteHTML`` in apimachinery/pkg/util/proxy/transport.go at v1.36.3.
"""

from __future__ import annotations

import re
from functools import partial
from html import escape, unescape
from html.parser import HTMLParser
from itertools import accumulate
from urllib.parse import urlsplit

LINKS = {
    "a": ("href",), "applet": ("codebase",), "area": ("href",), "audio": ("src",), "base": ("href",),
    "blockquote": ("cite",), "body": ("background",), "button": ("formaction",), "command": ("icon",),
    "del": ("cite",), "embed": ("src",), "form": ("action",), "frame": ("longdesc", "src"), "head": ("profile",),
    "html": ("manifest",), "iframe": ("longdesc", "src"), "img": ("longdesc", "src", "usemap"),
    "input": ("src", "usemap", "formaction"), "ins": ("cite",), "link": ("href",),
    "object": ("classid", "codebase", "data", "usemap"), "q": ("cite",), "script": ("src",), "source": ("src",),
    "video": ("poster", "src"),
}  # fmt: skip
_ATTRIBUTE = re.compile(r"""([^\s"'>/=]+)(\s*=\s*)("[^"]*"|'[^']*'|[^\s"'>]+)""")


def rewritten(page: bytes, prefix: str, hosts: frozenset[str]) -> bytes:
    """
    Return *page* with *prefix* before the path of its links.

    Args:
        prefix: The path under which the page's server is reached, without a slash at its end.
        hosts: What counts as that server where a link names one, with the port.
    """
    text = page.decode("utf-8", "surrogateescape")
    tags = _Tags(text)
    pieces, end = [], 0
    for start, tag, names in tags.found:
        changed = partial(_attribute, names=names, prefix=prefix, hosts=hosts)
        pieces += [text[end:start], _ATTRIBUTE.sub(changed, tag)]
        end = start + len(tag)
    return "".join([*pieces, text[end:]]).encode("utf-8", "surrogateescape")


class _Tags(HTMLParser):
    """The tags of a page that may hold links: where each begins, its text, and the names of its links."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=False)
        self.found: list[tuple[int, str, tuple[str, ...]]] = []
        self._lines = [0, *accumulate(len(line) + 1 for line in text.split("\n"))]
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the tag if one of its attributes is a link."""
        names = LINKS.get(tag, ())
        if any(name in names for name, _ in attrs):
            line, column = self.getpos()
            self.found.append((self._lines[line - 1] + column, self.get_starttag_text() or "", names))


def _attribute(one: re.Match[str], names: tuple[str, ...], prefix: str, hosts: frozenset[str]) -> str:
    name, between, value = one.groups()
    if name.lower() not in names:
        return one[0]
    quoted = value[0] in "\"'"
    before = unescape(value[1:-1] if quoted else value)
    after = link(before, prefix, hosts)
    return one[0] if after == before else f'{name}{between}"{escape(after)}"'


def link(text: str, prefix: str, hosts: frozenset[str]) -> str:
    """Return one link as it leads through the proxy; a relative one, and one to another server, stays."""
    try:
        found = urlsplit(text)
    except ValueError:
        return text
    if (found.netloc and found.netloc not in hosts) or not found.path.startswith("/"):
        return text
    path = found.path if found.path.startswith(prefix) else prefix + found.path
    return found._replace(scheme="", netloc="", path=path).geturl()
