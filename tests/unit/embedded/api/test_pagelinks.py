"""Links of pages that come through the proxy subresources."""

from __future__ import annotations

import pytest

from podlab.embedded.api.streams import pagelinks

PREFIX = "/api/v1/namespaces/a/pods/p/proxy"
HOSTS = frozenset(("127.0.0.1:6443", "10.244.0.9:80"))


@pytest.mark.parametrize(
    ("page", "after"),
    [
        ('<a href="/x">test</a>', f'<a href="{PREFIX}/x">test</a>'),
        ("<p>\n\n <A class=b HREF='/x/?a=1&amp;b=2#c'>", f'<p>\n\n <A class=b HREF="{PREFIX}/x/?a=1&amp;b=2#c">'),
        ("<img src=/x.png alt=/y>", f'<img src="{PREFIX}/x.png" alt=/y>'),
        ('<form action="/x"/>', f'<form action="{PREFIX}/x"/>'),
        ('<a href="http://10.244.0.9:80/x">', f'<a href="{PREFIX}/x">'),
        (f'<a href="{PREFIX}/x">', f'<a href="{PREFIX}/x">'),
        ('<a href="x">', '<a href="x">'),
        ('<a href="#x">', '<a href="#x">'),
        ('<a href="https://example.org/x">', '<a href="https://example.org/x">'),
        ('<a href="http://[/x">', '<a href="http://[/x">'),
        ('<script>"<a href=\'/x\'>"</script>', '<script>"<a href=\'/x\'>"</script>'),
        ('<!-- <a href="/x"> -->', '<!-- <a href="/x"> -->'),
        ('href="/x"', 'href="/x"'),
    ],
)  # fmt: skip
def test_links_from_the_root_lead_back_through_the_proxy(page: str, after: str) -> None:
    assert pagelinks.rewritten(page.encode(), PREFIX, HOSTS).decode() == after


def test_what_is_no_text_stays_as_it_is() -> None:
    page = b"\xff\xfe<a href='/x'>\xff"
    assert pagelinks.rewritten(page, "/p", HOSTS) == b'\xff\xfe<a href="/p/x">\xff'
