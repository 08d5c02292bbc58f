"""
The archive equals the server's history or names what is missing, whatever happens to the connections.

The long form, a thousand seeds beside the ``kubernetes`` package, is ``benchmarks/recorder_faults.py``.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import recorder_judge as judging
from watchserver import FAULTS, Schedule


def test_no_schedule_leaves_a_silent_gap(tmp_path: Path) -> None:
    """Sixty seeds, five of each kind of fault first."""
    with ThreadPoolExecutor(4) as pool:
        verdicts = list(pool.map(lambda seed: judging.ours(seed, tmp_path / f"{seed}.jsonl"), range(60)))

    assert {fault for verdict in verdicts for fault in verdict.faults} == set(FAULTS)
    assert [verdict for verdict in verdicts if verdict.silent or verdict.invented] == []


def test_the_judge_sees_what_a_forgetful_recorder_hides() -> None:
    """A planted fault: one change taken out of an otherwise whole archive is called silent."""
    history = judging.History(7)
    seen = {(change.uid, change.version) for change in history.changes[:-1]}

    verdict = judging.judge(history, Schedule(7), seen, [])

    assert (verdict.missing, verdict.silent) == (1, 1)
