"""What people type who know kubectl works here, or is answered with the line that works: none misleads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from kubectl_habits import HABITS, MISLEADS, try_all
from test_api_streams import KUBECTL

from podlab.drivers import Cluster


def test_no_habit_misleads(cluster: Cluster, namespace: str) -> None:
    """At least thirty; a line that an answer names is run, too."""
    tried = try_all(cluster.name, namespace)

    assert len(tried) == len(HABITS) >= 30
    assert [(one.habit.line, one.said) for one in tried if one.outcome == MISLEADS] == []


@pytest.mark.skipif(not KUBECTL, reason="no kubectl: podlab up --driver kind brings one")
def test_kubectl_runs_podlab_as_its_plugin(cluster: Cluster, namespace: str) -> None:
    """On the cluster that kubectl works on, without a word of podlab's own about which; hints name the plugin."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "KUBECONFIG": str(cluster.kubeconfig)}

    def plugin(*words: str) -> subprocess.CompletedProcess[str]:
        command = [KUBECTL, "podlab", *words, "-n", namespace]
        return subprocess.run(
            command, capture_output=True, text=True, env=environment, timeout=60, check=False
        )

    assert plugin("pods").stderr == f"no Pods in namespace {namespace}\n"
    missing = plugin("explain", "web")
    assert (missing.returncode, "try: kubectl podlab pods --all-namespaces" in missing.stderr) == (4, True)
