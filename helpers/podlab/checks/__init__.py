"""
Checks: what the life of a Pod is asked, and how the answer is worded.

    case        what a check function gets (Case, Answer) and returns (Finding); the decorator ``check``
    lives       Life: one recorded run, and the questions that checks ask of it
    vocabulary  the questions about one Pod: what ran before, beside and after what
    lateservice whether a late Service may have lost calls, and not the answer
    notation    the language of order: fetch | proxy | (shop shipper)
    verdict     Verdict and Report

Checks see recorded lives, objects and logs, never the author's code and never a cluster. What is checked in which
exercise stands in the exercise's folder; ``podlab.grading`` reads it.
"""

from __future__ import annotations

from podlab.checks.case import Answer, Case, Finding, Key, check
from podlab.checks.lives import KILLED, Act, Life

__all__ = ["KILLED", "Act", "Answer", "Case", "Finding", "Key", "Life", "check"]
