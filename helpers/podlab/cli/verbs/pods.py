"""``podlab pods``: the Pods of a namespace with their containers, and the word that the server gives them."""

from __future__ import annotations

import argparse

from podlab.cli import parser as common

SUMMARY = "list Pods with their containers, and the STATUS that kubectl shows"
EXAMPLE = """
podlab pods
podlab pods -o wide                  # what each container does: state, restarts, image
podlab pods -n demo -l app=web
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument(
        "pods", nargs="*", type=common.one_pod, metavar="POD", help="only these Pods (default: all)"
    )
    parser.add_argument(
        "-o", "--output", choices=("wide", "json", "name"), metavar="wide|json|name", help="the output format"
    )
    parser.add_argument("-l", "--selector", metavar="L", help="only Pods with these labels, such as app=web")
    parser.add_argument("-A", "--all-namespaces", action="store_true", help="list the Pods of all namespaces")
    common.add_target(parser)
    common.add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print one line for each Pod; with ``-o wide``, one for each container below it."""
    from podlab.cli import clusters, lookup, output

    cluster = clusters.of(args)
    client, namespace = cluster.client(), args.namespace or cluster.namespace
    found = lookup.pod_rows(client, None if args.all_namespaces else namespace, args.pods, args.selector)
    if args.json or args.output == "json":
        from podlab.cli import podtable

        output.as_json([podtable.as_json(cells, pod) for cells, pod in found])
    elif args.output == "name":
        for _, pod in found:
            print(f"pod/{pod['metadata']['name']}")
    elif not found:
        output.say("no Pods here" if args.all_namespaces else f"no Pods in namespace {namespace}")
    else:
        _print(found, wide=args.output == "wide", spaces=args.all_namespaces)
    return 0


def _print(found: list[tuple[dict[str, object], dict[str, object]]], *, wide: bool, spaces: bool) -> None:
    from podlab.cli import output, podtable

    header = podtable.WIDE_HEADER if wide else podtable.HEADER
    rows = [podtable.wide_row(cells) if wide else podtable.short_row(cells, pod) for cells, pod in found]
    if spaces:
        header = ("NAMESPACE", *header)
        rows = [(_space(pod), *row) for row, (_, pod) in zip(rows, found, strict=True)]
    if not wide:
        output.table(header, rows)
        return
    lines = output.lines(header, rows)
    print(lines[0])
    for line, (_, pod) in zip(lines[1:], found, strict=True):
        print(line)
        output.table(podtable.CONTAINER_HEADER, podtable.container_rows(pod))


def _space(pod: dict[str, object]) -> str:
    metadata = pod.get("metadata")
    return str(metadata.get("namespace")) if isinstance(metadata, dict) else ""
