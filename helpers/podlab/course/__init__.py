"""
The course as a learner holds it: notebooks without outputs, exercises without answers, and a score that stays.

    cells       puts the exercises into the notebooks that name them
    folding     which cells hold Python that is not the lesson, and are folded for learners
    edition     which files a learner's edition holds, and what is taken out of them
    folder      writes an edition into a folder, and never over a learner's own work
    progress    attempts, hints and scores, kept in that folder; what is solved, by outcome
"""

from __future__ import annotations

from podlab.course.edition import Edition, build
from podlab.course.folder import WriteResult, write
from podlab.course.progress import Progress, note, read

__all__ = ["Edition", "Progress", "WriteResult", "build", "note", "read", "write"]
