"""Where a benchmark of the labs runs: a cluster of its own, or one that is named."""

from __future__ import annotations

import argparse
import json
import secrets
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress

import podlab
from podlab import drivers
from podlab.drivers import Cluster, Profile
from podlab.drivers.process import ended_by_signals, not_interrupted
from podlab.lab.core import Lab
from podlab.observe import Recording
from podlab.pods.raw import RawObject


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--name``, ``--driver`` and ``--config``."""
    parser.add_argument(
        "--name", help="a cluster; default: one that is made for this run and stopped after it"
    )
    parser.add_argument(
        "--driver",
        choices=("kind", "embedded", "context"),
        help="of that cluster (default: as it is; else embedded)",
    )
    parser.add_argument("--config", help="kind: of the cluster that is made, such as three-nodes")


def forms(doc: str, names: Collection[str], *, deletions: int) -> argparse.Namespace:
    """Parse the options of a benchmark that compares forms: ``--rollouts``, ``--deletions``, ``--form``."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rollouts", type=int, default=5, help="of each form (default: %(default)s)")
    parser.add_argument(
        "--deletions", type=int, default=deletions, help="of Pods of each form (default: %(default)s)"
    )
    parser.add_argument("--form", action="append", choices=names, help="only this one; repeatable")
    add_options(parser)
    return parser.parse_args()


def written(recording: Recording) -> Iterator[tuple[RawObject, RawObject]]:
    """Yield the observation of each line that is a JSON object, and the object."""
    for each in recording.observations:
        if each.get("source") == "log":
            with suppress(ValueError):  # not every container writes JSON
                line = json.loads(each["line"])
                if isinstance(line, dict):
                    yield each, line


def said(recording: Recording, pods: Collection[str], container: str = "") -> Iterator[RawObject]:
    """Yield the JSON lines that *container* (default: each) of these Pods wrote."""
    for each, line in written(recording):
        if each["pod"] in pods and container in ("", each["container"]):
            yield line


@contextmanager
def own(driver: str, prefix: str, config: str | None = None) -> Iterator[Cluster]:
    """
    Make a cluster for one measurement, and stop it afterwards; Ctrl-C, SIGTERM and SIGHUP stop it too.

    Args:
        prefix: The start of its name; the rest is drawn, so that two measurements do not meet.
        config: kind: a config file, or the name of one in ``clusters/kind``.
    """
    name = f"{prefix}-{secrets.token_hex(3)}"
    with ended_by_signals():
        try:
            yield drivers.get(driver).make(Profile(name=name, config=config))
        finally:
            with not_interrupted():
                drivers.get(driver).stop(name)


@contextmanager
def lab(options: argparse.Namespace, namespace: str) -> Iterator[Lab]:
    """Open *namespace* on the cluster of *options*; both are gone afterwards, a cluster that was named stays."""
    with ExitStack() as stack:
        name, driver = options.name, options.driver
        if name is None and driver != "context":
            made = stack.enter_context(own(driver or "embedded", "bench", options.config))
            name, driver = made.name, made.driver
        stack.enter_context(ended_by_signals())
        yield stack.enter_context(podlab.open(name, driver=driver, namespace=namespace))
