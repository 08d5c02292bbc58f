"""
Recording: list, watch, logs and node clocks of the Pods of one namespace, kept in one file.

    record            apply a manifest, record until a condition, return the Recording
    Recorder          the same, step by step
    Recording         a file read back: header, observations, gaps, complete, end_reason
    read_recording    opens one
    ContainerdEvents, EmbeddedEvents   the node's own clock, for ``node=``; ``node_clock`` finds it

The modules, in reading order:

    goals       until when to record;  logend: whether a container still runs, by the end of its followed log
    whole       record: apply, wait and end, in one call
    recorder    Recorder: starts the sources, applies, waits, ends
    latest      LatestPods: the newest state of each Pod, and which of them count
    sources     Sources: the threads that observe
    watching    Watcher: list, watch, reconnect and resume
    versions    SeenVersions: what was seen, and where a new watch starts;  selection: which lines belong to a recording
    framing     lines of a stream;  heads: their first words
    sharing     SharedWatch: one watch for many recordings at once
    logs        LogFollower: the logs of every run of a container
    nodesources  the node's own events;  nodetime: its clock against ours
    thinning    how many lines of a log are kept;  writing: one observation a line
    recording   Recording: a file read back

The file is JSON lines, schema 1; README.md in this folder documents every field. Everything to the right of the
recorder works on that file alone. This package decodes no object into models: it keeps the server's own bytes.
"""

from __future__ import annotations

from podlab.observe.nodesources import ContainerdEvents, EmbeddedEvents, NodeSource, node_clock
from podlab.observe.recorder import Recorder
from podlab.observe.recording import Observation, Recording, read_recording
from podlab.observe.sharing import SharedWatch
from podlab.observe.watching import Patience, Watcher
from podlab.observe.whole import record

__all__ = [
    "ContainerdEvents",
    "EmbeddedEvents",
    "NodeSource",
    "Observation",
    "Patience",
    "Recorder",
    "Recording",
    "SharedWatch",
    "Watcher",
    "node_clock",
    "read_recording",
    "record",
]
