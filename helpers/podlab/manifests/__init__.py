"""
Manifests: parsed, checked as a whole, and applied completely or not at all.

    load      parse text or a file to a list of Manifest; all faults of all documents at once, each with its line
    document  parse one YAML document of another kind, with its lines
    lint      find traps that the API server accepts or reports badly
    apply     validate all (dry run, strict fields), then create all; if one fails, delete the others again
    remove    delete what ``apply`` returned

The modules in reading order: ``manifest`` (an object and its lines), ``parsing`` (load, document), ``composing`` and
``scalars`` (YAML with lines), ``shape`` (the fields that every object has), ``faults`` (many faults, one error),
``confusables`` (characters that look alike), ``linting``, ``applying``, ``verdicts`` (refusals, with lines).

The text comes from learners, so parsing is limited in bytes, depth and alias expansion. The server checks for unknown
fields and wrong types; its message is mapped back to file and line.
"""

from __future__ import annotations

from podlab.manifests.applying import apply, remove, validate
from podlab.manifests.faults import Fault
from podlab.manifests.linting import LintFinding, lint
from podlab.manifests.manifest import Manifest
from podlab.manifests.parsing import document, load

__all__ = ["Fault", "LintFinding", "Manifest", "apply", "document", "lint", "load", "remove", "validate"]
