"""``podlab logs``: what a container printed."""

from __future__ import annotations

import argparse

from podlab.cli import parser as common

SUMMARY = "print the log of a container"
EXAMPLE = """
podlab logs first-pod                          # the container that kubectl would choose
podlab logs first-pod -c shipper
podlab logs first-pod --all-containers --prefix
podlab logs first-pod -c app --previous
podlab logs job/migrate -f
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument(
        "pod",
        nargs="?",
        type=common.pod_name,
        metavar="POD|KIND/NAME",
        help="a Pod, or the owner of Pods, such as job/migrate",
    )
    parser.add_argument("one", nargs="?", metavar="CONTAINER", help="the same as -c CONTAINER")
    parser.add_argument(
        "-c",
        "--container",
        metavar="C",
        help="which container (default: the one named by the Pod's annotation, else the first app container)",
    )
    parser.add_argument(
        "--all-containers", action="store_true", help="print the logs of all containers, in start order"
    )
    parser.add_argument(
        "-l", "--selector", metavar="L", help="print the logs of all Pods with these labels, such as app=web"
    )
    parser.add_argument(
        "--prefix", action="store_true", help="start each line with the Pod and the container"
    )
    parser.add_argument("-f", "--follow", action="store_true", help="keep printing until the container ends")
    parser.add_argument(
        "-p", "--previous", action="store_true", help="print the log of the run before the last restart"
    )
    parser.add_argument("-t", "--timestamps", action="store_true", help="start each line with its time")
    parser.add_argument(
        "--tail", type=common.whole_number(-1), metavar="N", help="print only the last N lines; -1: all"
    )
    parser.add_argument(
        "--since",
        type=common.duration,
        metavar="D",
        help="print only lines of the last D, such as 30s, 5m or 2h",
    )
    common.add_target(parser)


def run(args: argparse.Namespace) -> int:
    """Copy the log to stdout; the name of the chosen container goes to stderr."""
    from podlab.cli import clusters, copying, output

    copying.check(args.pod, args.selector)
    if args.container and args.one:
        raise common.UsageError(
            f"two containers are named: {args.container} and {args.one}",
            cause="podlab logs takes one, or --all-containers",
            hint=f"podlab logs {args.pod} -c {args.container}",
        )
    cluster = clusters.of(args)
    client, namespace = cluster.client(), args.namespace or cluster.namespace
    pods = copying.pods_of(client, namespace, args.pod, args.selector)
    targets = []
    for pod in pods:
        name, container = copying.name_of(pod, args.pod), args.container or args.one
        if args.all_containers:
            targets += [(name, one) for one in copying.containers_of(pod)]
            continue
        if not container:
            container, said = copying.default_container(pod)
            if said:
                output.say(said)
        targets.append((name, container))
    wanted = {
        "tailLines": None if args.tail is None or args.tail < 0 else args.tail,
        "sinceSeconds": args.since,
    }
    wanted |= {key: "true" for key in ("follow", "previous", "timestamps") if getattr(args, key)}
    params = {key: value for key, value in wanted.items() if value is not None}
    copier = copying.Copier(client, namespace, params, prefix=args.prefix)
    copier.copy(targets, patient=args.all_containers)
    return 0
