"""The signals that containers got, from the node's own record and from the app's log."""

from __future__ import annotations

import json

from podlab.pods.raw import RawObject
from podlab.timeline.clocks import parse_s
from podlab.timeline.facts import Facts
from podlab.timeline.offsets import Clocks

_SAME_S = 5.0  # an app's line about a signal is stamped later than that only by a node that is very late


def signals(facts: Facts, clocks: Clocks) -> list[tuple[str, int, str, float, float, str]]:
    """
    Return SIGTERM and SIGKILL as known: (container, restart, name, lo, hi, source), from the node and the app's log.

    A line of the app about a signal that is known already is left out: the node knows the moment exactly.
    """
    found: list[tuple[str, int, str, float, float, str]] = []
    for record in facts.node:
        at = parse_s(record.get("at"))
        if record.get("event") == "signal" and at is not None:
            number = record.get("signal")
            name = {15: "SIGTERM", 9: "SIGKILL"}.get(int(number or 0), f"signal {number}")
            at -= clocks.zero
            found.append(
                (str(record.get("container")), int(record.get("attempt") or 0), name, at, at, "node")
            )
    for container, restart, stamp, line in facts.said:
        said = _json(line)
        if said.get("event") == "signal":
            at = stamp - clocks.zero
            word = str(said.get("signal") or "SIGTERM")
            if not any(
                (container, restart, word) == known[:3] and at - _SAME_S <= known[3] <= at for known in found
            ):
                found.append((container, restart, word, at - clocks.log_lag, at, "log"))
    return found


def _json(line: str) -> RawObject:
    try:
        value = json.loads(line)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
