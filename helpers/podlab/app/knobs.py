"""The knobs of the command line, in groups by the roles that read them."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .roles import ROLES

EXAMPLES = """
examples:
    podlab-app shop --port 8080 --exit-after 20:0
    podlab-app shop --nonce heron --serve-file /etc/shop/prices.json --log /logs/shop.log
    podlab-app ship /logs --to http://sink --state /logs/ship.state --drain=2
    podlab-app proxy --port 9000 --admin-port 9901 --upstream http://localhost:8080 --drain=5
    podlab-app config --text 'prices.json={"nonce": "heron"}' --broken 2
    podlab-app caller http://shop:80 --rate 20/s --nonce heron --timeout 10
"""


def parser() -> argparse.ArgumentParser:
    """Return the parser of ``podlab-app ROLE [PATH] [knobs]``."""
    parser = argparse.ArgumentParser(
        prog="podlab-app", usage="podlab-app ROLE [PATH] [knobs]", description="One part of a small web shop.",
        epilog=_roles() + EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("role", choices=sorted(ROLES), metavar="ROLE", help="which part to play; see below")
    parser.add_argument("path", nargs="?", help="folder, file or URL that the role works on")
    for title, add in _GROUPS.items():
        add(parser.add_argument_group(title).add_argument)
    return parser


def _roles() -> str:
    return "roles:\n" + "".join(f"    {name:10}{says}\n" for name, (_, says) in ROLES.items())


def _every_role(add: Callable[..., Any]) -> None:
    add("--name", help="name in the lines (default: the role)")
    add(
        "--nonce",
        default=os.environ.get("NONCE") or None,
        metavar="WORD",
        help="put WORD, the Pod's name, one word per process and the time into each line, and WORD on pages "
        "(default: the environment's NONCE); caller, registry: only answers with WORD are good",
    )
    add("--log", type=Path, metavar="FILE", help="append the lines to FILE too")
    add("--slow-start", type=seconds, default=0.0, metavar="S", help="do nothing for S seconds, then begin")
    add("--exit-after", type=_seconds_and_code, metavar="S:CODE", help="leave by itself after S seconds")
    add("--ignore-term", action="store_true", help="note SIGTERM and carry on")
    add(
        "--last-words", type=int, default=0, metavar="N", help="write N more lines after SIGTERM, 0.5 s apart"
    )
    add("--every", type=seconds, default=0.5, metavar="S", help="pause between two lines or calls")
    add(
        "--timeout",
        type=seconds,
        metavar="S",
        help="give up on a call after S seconds (1; ship: 2; proxy: 30)",
    )


def _servers(add: Callable[..., Any]) -> None:
    add("--port", type=int, help="port to listen on (8080; proxy: 9000; db: 5432; exporter: 9187)")
    add(
        "--listen",
        default="0.0.0.0",  # noqa: S104  (a Pod is reached by its own address)
        metavar="ADDRESS",
        help="address to listen on (127.0.0.1: this Pod only)",
    )
    add(
        "--drain", type=seconds, nargs="?", const=1.0, metavar="S",
        help="shop, admin, proxy: after SIGTERM /ready is 503, new requests are taken for S more seconds, then "
        "refused, and those under way are finished; ship: go on until S seconds brought no new line "
        "(write --drain=S; without S: 1)",
    )  # fmt: skip
    add("--ready-file", type=Path, metavar="FILE", help="shop, proxy: /ready is 503 while FILE is missing")


def _shop(add: Callable[..., Any]) -> None:
    add("--call", metavar="URL", help="http://host:port/path or db://host:port")
    add("--once", action="store_true", help="shop: call once, before it listens; caller: ask once and leave")
    add("--must", action="store_true", help="with --once: exit 1 unless the answer was ok")
    add("--serve-file", type=Path, metavar="FILE", help="show FILE as read at the start or on POST /reload")
    add("--fresh", action="store_true", help="read --serve-file again at each request")
    add("--show-env", metavar="NAME", help="show what the environment's NAME was at the start")
    add("--orders", type=Path, metavar="FOLDER", help="add a line to FOLDER/orders with each sale")
    add(
        "--cache", type=Path, metavar="FOLDER", help="answer from page-N of FOLDER; the page says hit or miss"
    )
    add("--miss-takes", type=seconds, default=0.0, metavar="S", help="a miss of the cache takes S seconds")
    add("--fail-every", type=int, default=0, metavar="N", help="each Nth page is a 503")


def _work(add: Callable[..., Any]) -> None:
    add("--count", type=int, default=3, metavar="N", help="warm, migrate, report: how many")
    add("--take", type=seconds, default=0.0, metavar="S", help="warm, report: the work takes S seconds")
    add(
        "--marker",
        type=Path,
        metavar="FILE",
        help="warm: written last (with --take or --call: done in the folder)",
    )
    add("--sha256", help="fetch: the sum that the file must have")
    add("--into", type=Path, metavar="FOLDER", help="unpack: where to")
    add("--file", type=Path, action="append", default=[], metavar="FILE", help="look: is it there? (repeat)")
    add("--write", type=Path, action="append", default=[], metavar="FILE", help="look: write it (repeat)")


def _beside(add: Callable[..., Any]) -> None:
    add("--upstream", metavar="URL", help="proxy: pass requests on")
    add("--admin-port", type=int, metavar="PORT", help="proxy: /healthz and /ready there, 404 for all else")
    add(
        "--ready-after", type=seconds, default=0.0, metavar="S",
        help="proxy: /ready is 503 and the proxy's port is closed for S seconds; --admin-port is open",
    )  # fmt: skip
    add("--not-ready-after", type=seconds, metavar="S", help="proxy: the same from S seconds after it opened")
    add("--token-file", type=Path, metavar="FILE", help="proxy: 401 without FILE's word; caller: send it")
    add("--to", metavar="URL", help="ship, register: send there")
    add("--state", type=Path, metavar="FILE", help="ship: remember there how far the lines were sent")
    add("--batch", type=_positive, default=5, metavar="N", help="ship: lines per POST")


def _outside(add: Callable[..., Any]) -> None:
    add(
        "--answers-after",
        type=seconds,
        default=0.0,
        metavar="S",
        help="db: accept first, answer S seconds later",
    )
    add(
        "--text", type=_named, action="append", default=[], metavar="NAME=VALUE",
        help="config: a further file (repeat)",
    )  # fmt: skip
    add("--pack", default="", metavar="NAME", help="config: serve all files as one tar.gz of that name")
    add("--broken", type=int, default=0, metavar="N", help="config: the first N answers are half a file")
    add("--wrong", type=int, default=0, metavar="N", help="config: the next N answers have a changed byte")
    add("--first-byte-after", type=seconds, default=0.0, metavar="S", help="config: each answer begins late")
    add(
        "--hold",
        default="",
        metavar="NAME",
        help="config: no answer to NAME before its first client hangs up",
    )
    add("--syslog-port", type=int, metavar="PORT", help="sink: take lines there too, over TCP")
    add("--rate", type=_per_second, metavar="N[/s]", help="caller: N calls a second, not waiting for answers")
    add("--pages", type=int, default=0, metavar="N", help="caller: ask /page-1 to /page-N in turn")
    add("--token", metavar="WORD", help="caller: send Authorization: Bearer WORD")
    add("--tls", type=Path, metavar="FOLDER", help="injector: serve TLS with tls.crt and tls.key of FOLDER")
    add("--template", type=Path, metavar="FILE", help="injector: what is added to a Pod, as JSON")
    add("--older", action="store_true", help="injector: the proxy becomes a second app container")


_GROUPS = {
    "every role": _every_role,
    "servers": _servers,
    "shop": _shop,
    "work that ends (fetch, unpack, warm, migrate, report) and look": _work,
    "beside an app (proxy, ship, exporter, register)": _beside,
    "outside of the Pod (db, config, sink, registry, caller, scrape, injector)": _outside,
}


def seconds(text: str) -> float:
    """Return seconds, 0 or more."""
    value = float(text)
    if not 0 <= value < 1e6:
        raise argparse.ArgumentTypeError(f"{text}: seconds, 0 or more")
    return value


def _seconds_and_code(text: str) -> tuple[float, int]:
    before, _, code = text.partition(":")
    number = int(code or 0)
    if not 0 <= number <= 255:
        raise argparse.ArgumentTypeError(f"{text}: an exit code is 0 to 255")
    return seconds(before), number


def _per_second(text: str) -> float:
    rate = float(text.removesuffix("/s"))
    if not 0 < rate <= 1000:
        raise argparse.ArgumentTypeError(f"{text}: calls a second, up to 1000")
    return rate


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text}: 1 or more")
    return number


def _named(text: str) -> tuple[str, bytes]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"{text}: NAME=VALUE")
    return name, value.encode()
