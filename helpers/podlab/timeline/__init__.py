"""
Timelines: what is known of the life of a Pod, when, and by which clock.

Pure: observations in, data out; no clock is read and no cluster asked, so the same recording always gives the
same timeline. Read in this order:

    model       the words: Instant, Evidence, Run, Span, Lane, Marker, Stretch
    clocks      reading times; bounding one clock by another;  offsets: of the clocks of one recording
    facts       a recording sorted by source, for one Pod
    runs        which runs the statuses prove
    bounds      the evidence of each clock about each start and end;  kubeletorder: orders that rules force
    signals     SIGTERM and SIGKILL, from the node's record and the app's log
    fuse        intervals from evidence, contradictions included
    causality   no moment before its possible cause;  stopping: SIGTERM comes in its turn
    spans       lanes between and during runs
    strips      phases, STATUS, conditions, markers;  words: kubectl's STATUS;  deletion: the delete, and gone
    build       all of that in order
    life        PodLife: the record, and its plain facts
    questions   answers with evidence;  waiting: causes of a wait;  explain: three lines about a live Pod
    situations  the situations that explain names
    timeline    Timeline: a life and the questions to it, as methods
    prediction  the notation of predictions: parse, score, draw

Six clocks are used: whole seconds of statuses; Events, whose *names* carry the kubelet's nanoseconds of their
first emission; arrival on the watch; log lines; the scheduler's microseconds; and the node's own record where
there is access to it. None is assumed to agree with another (see ``bounds`` and ``offsets``).
"""

from __future__ import annotations

from podlab.timeline.explain import Explanation, explain
from podlab.timeline.explain_owner import explain_owner
from podlab.timeline.model import Evidence, Instant, Lane, Marker, Run, Span, Stretch
from podlab.timeline.prediction import Prediction, Score, Statement
from podlab.timeline.prediction import parse as predict
from podlab.timeline.questions import Inference
from podlab.timeline.timeline import Timeline

__all__ = [
    "Evidence",
    "Explanation",
    "Inference",
    "Instant",
    "Lane",
    "Marker",
    "Prediction",
    "Run",
    "Score",
    "Span",
    "Statement",
    "Stretch",
    "Timeline",
    "explain",
    "explain_owner",
    "predict",
]
