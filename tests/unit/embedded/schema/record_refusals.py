"""
Record what a real API server answers to the corpus: ``python record_refusals.py KUBECONFIG``.

Everything is asked as a dry run with strict field validation; what is to be changed is created, and deleted again.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
import refusal_corpus as corpus

from podlab.client import Client
from podlab.errors import ApiError


def ask(client: Client, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """The Status of a refusal; the code 201 alone when the object would be accepted."""
    try:
        client.create(path, body, dryRun="All", fieldValidation="Strict", fieldManager="corpus")
    except ApiError as error:
        return {k: error.status[k] for k in ("code", "reason", "message", "details") if k in error.status}
    return {"code": 201}


def change(client: Client, path: str, body: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """The Status of a refused change; the code 200 alone when it would be accepted."""
    client.create(path, body)
    try:
        client.patch(
            f"{path}/{body['metadata']['name']}",
            patch,
            content_type="application/merge-patch+json",
            dryRun="All",
            fieldValidation="Strict",
            fieldManager="corpus",
        )
    except ApiError as error:
        return {k: error.status[k] for k in ("code", "reason", "message", "details") if k in error.status}
    finally:
        client.delete(f"{path}/{body['metadata']['name']}", propagationPolicy="Background")
    return {"code": 200}


def main(kubeconfig: str) -> None:
    """Write ``refusals.json`` beside this file."""
    client = Client.from_kubeconfig(Path(kubeconfig))
    answers = {name: ask(client, *case) for name, case in corpus.cases().items()}
    changed = {name: change(client, *one) for name, one in corpus.changes().items()}
    text = json.dumps(
        {"server": client.version(), "answers": answers, "changes": changed}, indent=1, ensure_ascii=False
    )
    (Path(__file__).parent / "refusals.json").write_text(text + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
