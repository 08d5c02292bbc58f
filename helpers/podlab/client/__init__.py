"""
A thin client of the Kubernetes API: raw dicts in, raw dicts out.

    Client            get, find, create, replace, patch, delete, remove, text, lines, stream, exec, port_forward
    ExecOutput        what a command run in a container left
    Kubeconfig        server, credentials and namespace of one context
    resources.path    the REST path of a kind, a namespace and a name
    budget.Budget     requests at once and a second, for all clients that share it
    waiting           until something is true, until an object is gone, until Pods may be made

It exists beside the ``kubernetes`` package because a recorder must not decode each WatchEvent into models
(nine times the work), and because ``import podlab.client`` must cost next to nothing: urllib3, PyYAML and
websocket-client are loaded when first used. What it leaves out: informers, models, server-side apply.
"""

from __future__ import annotations

from podlab.client.core import Client
from podlab.client.kubeconfig import Kubeconfig
from podlab.client.types import ExecOutput, Resource

__all__ = ["Client", "ExecOutput", "Kubeconfig", "Resource"]
