"""
``Lab``: a cluster, a namespace, and the verbs of kubectl, from a notebook.
"""

from __future__ import annotations

from podlab.lab.inspecting import Inspecting
from podlab.lab.observing import Observing


class Lab(Observing, Inspecting):
    """
    A cluster and a namespace for a notebook; made by ``podlab.open()``.

    Its verbs stand by their use in ``objects`` (create, change, delete), ``observing`` (record, and ask the recording),
    ``inspecting`` (ask the cluster) and ``answering`` (predictions, facts, exercises).

    Attributes:
        cluster: The cluster, with its driver, name and kubeconfig.
        client: A client of it, for everything that has no verb here.
        namespace: Where all verbs work.
        recording: The latest recording, None before the first.
        runs: Timelines of all recorded Pods, by the Pod's name; the latest last.
        texts: Manifests written with ``%%manifest``, by name.
    """
