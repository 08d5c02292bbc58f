"""
Completion in bash, zsh and fish: the shell runs ``podlab`` once more, and argcomplete answers with words.

Verbs, options, Pods, namespaces, contexts and clusters are completed; files where a file belongs.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from podlab.cli import parser as common
from podlab.errors import PodlabError

SHELLS = ("bash", "zsh", "fish")
_ASKED_S = 2.0  # who presses TAB does not wait longer

Completer = Callable[..., Iterable[str]]


def answer() -> int:
    """Answer the shell; argcomplete ends the process by itself."""
    import argcomplete

    argcomplete.autocomplete(
        whole(_verb_typed(os.environ.get("COMP_LINE", ""))), always_complete_options=False
    )
    return 0


def script(shell: str) -> str:
    """Return the lines that switch completion on in *shell*."""
    import argcomplete

    code: str = argcomplete.shellcode(["podlab"], shell=shell)
    return code


def whole(verb: str) -> argparse.ArgumentParser:
    """Return a parser that knows all verbs, and the arguments of one of them."""
    found = argparse.ArgumentParser(prog="podlab")
    verbs = found.add_subparsers()
    for name in common.names():
        module = common.load(name)
        parser = verbs.add_parser(name, help=module.SUMMARY)
        if name == verb:
            module.arguments(parser)
            for action in parser._actions:
                _teach(action)
    return found


def _teach(action: argparse.Action) -> None:
    """Say which words an argument takes, where it is not a file."""
    completer: Completer | None = _BY_NAME.get(action.dest)
    if action.type is common.pod_name and action.dest != "what":
        completer = _pods
    if completer is not None:
        action.completer = completer  # type: ignore[attr-defined]


def _verb_typed(line: str) -> str:
    words = line.split()
    return words[1] if len(words) > 1 else ""


def _pods(parsed_args: argparse.Namespace, **_: Any) -> list[str]:
    return _listed(parsed_args, "pods")


def _objects(parsed_args: argparse.Namespace, **_: Any) -> list[str]:
    jobs = [f"job/{name}" for name in _listed(parsed_args, "jobs")]
    return _pods(parsed_args) + jobs + [f"deployment/{name}" for name in _listed(parsed_args, "deployments")]


def _namespaces(parsed_args: argparse.Namespace, **_: Any) -> list[str]:
    return _listed(parsed_args, "namespaces")


def _listed(parsed_args: argparse.Namespace, kind: str) -> list[str]:
    from podlab.cli import clusters
    from podlab.client import resources

    with suppress(PodlabError, OSError):
        cluster = clusters.of(parsed_args)
        namespace = parsed_args.namespace or cluster.namespace
        listed = cluster.client().get(resources.path(kind, namespace), timeout_s=_ASKED_S)["items"]
        return [str(one["metadata"]["name"]) for one in listed]
    return []


def _clusters(**_: Any) -> list[str]:
    from podlab.drivers import state

    return list(state.names())


def _containers(parsed_args: argparse.Namespace, **_: Any) -> list[str]:
    from podlab.cli import clusters, lookup
    from podlab.pods import roles

    with suppress(PodlabError, OSError):
        cluster = clusters.of(parsed_args)
        pod = lookup.find_pod(
            cluster.client(), parsed_args.namespace or cluster.namespace, str(parsed_args.pod)
        )
        return [str(one["name"]) for one in roles.containers(pod)]
    return []


_BY_NAME: dict[str, Completer] = {
    "name": _clusters,
    "namespace": _namespaces,
    "what": _objects,
    "pods": _pods,
    "container": _containers,
    "one": _containers,
}
