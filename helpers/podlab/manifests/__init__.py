"""
Manifests: read with care, checked as a whole, applied so that nothing is left half-made.

    document  one YAML document that is no manifest, with its lines
    load      text or a file to a list of Manifest; every fault of every document at once, each with its line
    lint      traps that the API server accepts or names badly
    apply     validate all (dry run, strict fields), then create all; take back what was made when one fails
    remove    delete what ``apply`` returned

The modules: ``reading`` (load, document), ``composing`` and ``scalars`` (YAML with lines), ``faults`` (many faults,
one error), ``linting``, ``lookalikes`` (characters that look alike), ``applying``, ``verdicts`` (refusals, with lines).

The text comes from learners, so reading is bounded in bytes, depth and alias expansion. Unknown fields and
wrong types are the server's to judge: its message is mapped back to file and line.
"""

from __future__ import annotations

from podlab.manifests.applying import apply, remove, validate
from podlab.manifests.faults import Fault
from podlab.manifests.linting import Finding, lint
from podlab.manifests.reading import Manifest, document, load

__all__ = ["Fault", "Finding", "Manifest", "apply", "document", "lint", "load", "remove", "validate"]
