"""``lab.exec`` on a real cluster: how a command ended decides whether its output is returned."""

from __future__ import annotations

import pytest

from podlab.drivers import Cluster
from podlab.errors import CommandError
from podlab.lab.core import Lab

POD = """\
apiVersion: v1
kind: Pod
metadata: {name: shop}
spec:
  terminationGracePeriodSeconds: 1
  containers: [{name: shop, image: "podlab-app:1", args: [wait]}]
"""


def test_a_command_that_fails_is_an_error_unless_that_is_accepted(cluster: Cluster, namespace: str) -> None:
    """The exit code is the container's own, and what was printed is kept either way."""
    lab = Lab(cluster, namespace, own=False)
    lab.apply(POD)
    lab.wait(lambda: lab.ready("shop") == "1/1", "the shop is not ready", deadline_s=90)

    with pytest.raises(CommandError) as failed:
        lab.exec("shop", "echo half; echo no >&2; exit 7", "shop")
    with pytest.raises(CommandError) as missing:
        lab.exec("shop", "no-such-program", "shop")

    assert (failed.value.ended_with, failed.value.output) == (7, "half\nno")
    assert missing.value.ended_with == 127
    assert lab.exec("shop", "echo half; exit 7", "shop", check=False) == "half"
    assert lab.exec("shop", "echo whole") == "whole"
