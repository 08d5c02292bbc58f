"""
The parts that can be played: the name of each, the function that plays it, and one sentence about it.

A role's module is imported when the role is played, so a process loads only what it uses.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from importlib import import_module

from .journal import Journal
from .life import ProcessLife

Role = Callable[[argparse.Namespace, ProcessLife, Journal], None]

# name: (module, what --help says)
ROLES: dict[str, tuple[str, str]] = {
    "shop": ("apps", "serve the shop's page and write one line per sale; last words after SIGTERM"),
    "admin": ("apps", "serve a second page, also on 8080 unless --port says otherwise"),
    "report": ("apps", "write --count lines in --take seconds, the last ones at the end, then leave with 0"),
    "wait": ("apps", "do nothing until SIGTERM"),
    "look": ("apps", "say which of the files --file exist, write those of --write, then wait"),
    "proxy": ("sidecars", "pass requests on to --upstream, or answer by itself; --admin-port serves /ready"),
    "ship": ("sidecars", "follow PATH/*.log; print each line, or POST it to --to until it is taken"),
    "exporter": ("sidecars", "serve /metrics about the toy database PATH"),
    "register": (
        "sidecars",
        "wait until --call answers, report its nonce to --to, then wait (--once: leave)",
    ),
    "fetch": ("inits", "fetch --call into the file PATH, checked against --sha256, moved there in one step"),
    "unpack": ("inits", "unpack the tar.gz PATH into the folder --into"),
    "warm": ("inits", "write --count pages into the folder PATH after --take seconds, then the marker"),
    "migrate": ("inits", "bring the folder PATH to --count migrations; it may run twice"),
    "db": ("fixtures", "the toy database: refuses, then is starting up, then answers"),
    "config": ("fixtures", "serve the files of PATH and of --text, note each request, with planted faults"),
    "serve": ("fixtures", "another name for config"),
    "sink": ("fixtures", "take lines by POST and count their sequence numbers by source and nonce"),
    "registry": ("fixtures", "note each hello with its nonce"),
    "caller": ("fixtures", "ask PATH again and again (--once: a single time) and count the failures"),
    "injector": ("webhook", "answer AdmissionReviews: bring Pods into the mesh of --template; TLS by --tls"),
    "scrape": ("fixtures", "read the metrics page PATH again and again, as Prometheus does"),
}


def play(name: str, options: argparse.Namespace, life: ProcessLife, journal: Journal) -> None:
    """Play one role until it ends."""
    module = import_module(f".{ROLES[name][0]}", __package__)
    role: Role = getattr(module, name)
    role(options, life, journal)
