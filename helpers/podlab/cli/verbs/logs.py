"""``podlab logs``: what a container printed."""

from __future__ import annotations

import argparse
import sys

from podlab.cli import parser as common

SUMMARY = "print what a container of a Pod printed"
EXAMPLE = """
podlab logs first-pod -c shipper
podlab logs first-pod -c app --previous
podlab logs first-pod -c shipper --follow
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("pod", type=common.pod_name, metavar="POD")
    parser.add_argument(
        "-c", "--container", metavar="C", help="which container (needed if there are several)"
    )
    parser.add_argument("-f", "--follow", action="store_true", help="go on until the container ends")
    parser.add_argument("-p", "--previous", action="store_true", help="the run before the last restart")
    parser.add_argument("-t", "--timestamps", action="store_true", help="begin each line with its time")
    parser.add_argument("--tail", type=int, metavar="N", help="the last N lines only")
    common.add_cluster(parser)
    common.add_namespace(parser)


def run(args: argparse.Namespace) -> int:
    """Copy the log to stdout."""
    from podlab import drivers
    from podlab.cli import reading
    from podlab.client.types import segment
    from podlab.errors import ApiError

    cluster = drivers.need(args.name)
    client, namespace = cluster.client(), args.namespace or cluster.namespace
    container = args.container or reading.only_container(client, namespace, args.pod)
    wanted = {"container": container, "tailLines": args.tail}
    wanted |= {key: "true" for key in ("follow", "previous", "timestamps") if getattr(args, key)}
    path = f"/api/v1/namespaces/{segment(namespace)}/pods/{segment(args.pod)}/log"
    params = {key: value for key, value in wanted.items() if value is not None}
    try:
        with client.lines(path, **params) as lines:
            for line in lines:
                sys.stdout.buffer.write(line.rstrip(b"\n") + b"\n")
                if args.follow:
                    sys.stdout.buffer.flush()
    except ApiError as error:
        raise reading.log_refusal(client, namespace, args.pod, container, error) from error
    return 0
