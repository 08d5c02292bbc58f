"""
Verbs that people know from kubectl and that podlab leaves to it: the answer is the line that works.

Nothing is imported here but the standard library's smallest parts: the parser loads it with every command.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

_VERBS = frozenset((
    "annotate", "api-resources", "api-versions", "attach", "auth", "autoscale", "certificate", "cluster-info",
    "config", "cordon", "cp", "debug", "describe", "diff", "drain", "edit", "exec", "expose", "get", "kustomize",
    "label", "options", "patch", "port-forward", "proxy", "replace", "rollout", "run", "scale", "set", "taint", "top",
    "uncordon", "version", "wait",
))  # fmt: skip
_PODS = frozenset(("po", "pod", "pods"))
_EVENTS = frozenset(("ev", "event", "events"))
_EXPLAINED = frozenset((
    "deploy", "deployment", "deployments", "ds", "daemonset", "job", "jobs", "rs", "replicaset", "sts", "statefulset",
))  # fmt: skip
_OUR_OPTIONS = ("--cluster", "--name")
_OPTIONS = {
    "-n": "-n", "--namespace": "-n", "-A": "-A", "--all-namespaces": "-A", "-l": "-l", "--selector": "-l", "-o": "-o",
    "--output": "-o", "-w": "-w", "--watch": "-w",
}  # fmt: skip
_WITH_VALUE = ("-n", "-l", "-o")
NEW = {"config": "podlab kubeconfig", "version": "podlab --version", "cluster-info": "podlab status"}


def knows(verb: str) -> bool:
    """Return whether *verb* is kubectl's and not podlab's."""
    return verb in _VERBS


def answer(verb: str, rest: Sequence[str]) -> dict[str, str]:
    """Return summary, cause and hint of the answer to ``podlab VERB …``: the line that works, and podlab's own way."""
    cluster, words = _without_cluster(rest)
    line = f"kubectl {_joined([verb, *words])}"
    if not as_plugin():
        line = f'kubectl --kubeconfig "$(podlab kubeconfig{cluster})" {_joined([verb, *words])}'
    own = ours(verb, words)
    return {
        "summary": f"podlab has no verb {verb!r}: it is kubectl's",
        "cause": "podlab does what kubectl does not, and leaves the rest to it",
        "hint": f"{own + cluster}, or with kubectl: {line}" if own else line,
    }


def ours(verb: str, words: Sequence[str]) -> str:
    """Return what podlab has for this, as a command; empty where it has nothing."""
    options, plain = _split(words)
    kind, names = (plain[0].partition("/")[0].lower(), plain[1:]) if plain else ("", [])
    if plain and "/" in plain[0]:
        names = [plain[0].partition("/")[2]]
    place = options.get("-n", "")
    if verb == "get" and kind in _PODS and options.get("-o", " -o wide") in (" -o wide", " -o name"):
        if "-w" in options and names:
            return f"podlab watch {names[0]}{place}"
        kept = "".join(options.get(option, "") for option in ("-n", "-A", "-l", "-o"))
        return " ".join(["podlab pods", *names]) + kept
    if verb == "get" and kind in _EVENTS and "-o" not in options:
        return f"podlab events{place}{options.get('-A', '')}"
    if verb == "describe" and names and kind in _PODS:
        return f"podlab explain {names[0]}{place}"
    if verb == "describe" and names and kind in _EXPLAINED:
        return f"podlab explain {kind}/{names[0]}{place}"
    return NEW.get(verb, "")


def _split(words: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Return the options that podlab knows, by their short form and as they are to be written; and the plain words."""
    options: dict[str, str] = {}
    plain: list[str] = []
    rest = iter(words)
    for word in rest:
        option, joined, value = word.partition("=")
        short = _OPTIONS.get(option)
        if short in _WITH_VALUE:
            options[short] = f" {short} {value if joined else next(rest, '')}"
        elif short:
            options[short] = f" {short}"
        elif not word.startswith("-"):
            plain.append(word)
        elif word.startswith("-o") and len(word) > 2:
            options["-o"] = f" -o {word[2:]}"
    return options, plain


def _without_cluster(rest: Sequence[str]) -> tuple[str, list[str]]:
    """Take podlab's own option out: (`` --cluster N`` or nothing, the other words)."""
    words, cluster = list(rest), ""
    for number, word in enumerate(rest):
        option, joined, value = word.partition("=")
        if option in _OUR_OPTIONS and (joined or number + 1 < len(rest)):
            cluster = f" --cluster {value if joined else rest[number + 1]}"
            words[number : number + (1 if joined else 2)] = []
            break
        if word == "--":
            break
    return cluster, words


def _joined(words: Sequence[str]) -> str:
    import shlex

    return shlex.join(words)


def as_plugin() -> bool:
    """Return whether this is ``kubectl podlab …``."""
    return os.environ.get("PODLAB_AS") == "kubectl"


def spoken(text: str) -> str:
    """Return *text* with its commands as they are to be typed here: ``kubectl podlab logs`` as a plugin of kubectl."""
    if not as_plugin():
        return text
    import re

    return re.sub(r"(?<![\w/.-])podlab (?=[a-z-]+)(?!is |has |as |does |made |up\b)", "kubectl podlab ", text)
