"""The doctor's findings about the labs' images: one line for each that cannot be built here, one if all can."""

from __future__ import annotations

from collections.abc import Iterator

from podlab.doctor.findings import MachineFinding
from podlab.doctor.machine import MachineFacts


def findings(facts: MachineFacts) -> Iterator[MachineFinding]:
    """Yield the findings; nothing where the recipes are not there, as in an install without the repository."""
    total = len(facts.lab_images)
    if not total:
        return
    for image, why, repair in facts.lab_obstacles:
        labs = facts.labs_without_images.get(image, ())
        so = f", so lab {' and '.join(name[:2] for name in labs)} cannot run" if labs else ""
        yield MachineFinding(image, "note", f"cannot be made here{so}: {why}", repair)
    if not facts.lab_obstacles:
        built = sum(facts.lab_images.values())
        yield MachineFinding(
            "lab images", "ok", f"all {total} can be built here; {built} are (podlab images build)"
        )
