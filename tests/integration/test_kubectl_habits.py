"""What people type who know kubectl works here, or is answered with the line that works: none misleads."""

from __future__ import annotations

from kubectl_habits import HABITS, MISLEADS, try_all

from podlab.drivers import Cluster


def test_no_habit_misleads(cluster: Cluster, namespace: str) -> None:
    """At least thirty; a line that an answer names is run, too."""
    tried = try_all(cluster.name, namespace)

    assert len(tried) == len(HABITS) >= 30
    assert [(one.habit.line, one.said) for one in tried if one.outcome == MISLEADS] == []
