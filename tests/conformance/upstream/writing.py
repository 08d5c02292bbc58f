"""Write the lists again from the results; earlier reasons are kept, a person writes the others."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping

from upstream.lists import FOLDER, Cannot, Lists
from upstream.reports import Outcome

TODO = "TO DO: say why; ginkgo said: "


def write(suite: str, names: Collection[str], outcomes: Mapping[str, Outcome], known: Lists) -> None:
    """Write ``SUITE-pass.txt`` and ``SUITE-cannot.toml``. Others than *names* stay as they were."""
    passed = {name for name in names if name in outcomes and outcomes[name].passed}
    cannot: dict[str, Cannot] = {name: entry for name, entry in known.cannot.items() if name not in passed}
    for name in set(names) - passed:
        outcome = outcomes.get(name)
        if outcome is None or outcome.cut_off:
            continue  # nothing is known of it
        ends = "skipped" if outcome.state == "skipped" else "failed"
        before = known.cannot.get(name)
        reason = before.reason if before and before.ends == ends else TODO + (outcome.why or outcome.state)
        cannot[name] = Cannot(reason, ends)
    must = sorted((known.must_pass - set(names)) | passed)
    head = f"# The specs of the {suite} suite that must pass. `run_specs.py --write` writes this file.\n"
    (FOLDER / f"{suite}-pass.txt").write_text(head + "".join(f"{name}\n" for name in must), encoding="utf-8")
    (FOLDER / f"{suite}-cannot.toml").write_text(_toml(suite, cannot), encoding="utf-8")


def _toml(suite: str, cannot: Mapping[str, Cannot]) -> str:
    text = f"# The specs of the {suite} suite that this cluster is asked and cannot pass, by reason.\n"
    for entry in sorted(set(cannot.values()), key=lambda one: (one.reason, one.ends)):
        text += (
            f"\n[[cannot]]\nreason = {json.dumps(entry.reason)}\nends = {json.dumps(entry.ends)}\nspecs = [\n"
        )
        text += (
            "".join(f"  {json.dumps(name)},\n" for name in sorted(cannot) if cannot[name] == entry) + "]\n"
        )
    return text
