"""
``kubectl podlab …``: the program ``kubectl-podlab``, which kubectl finds in ``PATH`` and runs with what follows.

It works on the cluster that kubectl works on; ``--cluster`` names one that podlab made.
"""

from __future__ import annotations

import os


def main() -> int:
    """Be the plugin."""
    os.environ["PODLAB_AS"] = "kubectl"
    from podlab.cli import main as podlab

    return podlab()
