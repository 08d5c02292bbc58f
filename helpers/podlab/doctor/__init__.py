"""
The doctor: what this machine can run, and one repair line for each thing that it cannot.

    inspection  facts from the machine; never raise, each bounded in time
    machine     the facts of one machine, as plain data
    findings    facts to findings; pure, so every wrong state is tested without a broken machine
    labs        the same for the images of the labs

Which driver can be used follows from the findings: a ``broken`` one names the drivers that it stops.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from podlab.doctor import labs
from podlab.doctor.findings import MachineFinding, judge
from podlab.doctor.machine import MachineFacts

__all__ = ["DoctorReport", "MachineFacts", "MachineFinding", "as_text", "examine", "judge", "report"]

DRIVERS = ("kind", "embedded")


@dataclass(frozen=True)
class DoctorReport:
    """
    All findings, and what they mean together.

    Args:
        findings: One for each thing looked at.
        drivers: The drivers that can make a cluster here.
        usable: Whether podlab can be used: the driver asked for, or at least one.
    """

    findings: tuple[MachineFinding, ...]
    drivers: tuple[str, ...]
    usable: bool

    def as_dict(self) -> dict[str, Any]:
        """Return the same as plain data, for ``--json``."""
        return {
            "usable": self.usable,
            "drivers": list(self.drivers),
            "findings": [asdict(finding) for finding in self.findings],
        }


def examine(driver: str | None = None) -> DoctorReport:
    """Look at this machine; takes a second or two, more where no registry answers."""
    from podlab.doctor import inspection

    return report(inspection.look(driver), driver)


def report(facts: MachineFacts, driver: str | None = None) -> DoctorReport:
    """Return what *facts* mean, for one driver or for all."""
    findings = (*judge(facts, driver), *labs.findings(facts))
    stopped = {name for finding in findings for name in finding.stops}
    looked_at = (driver,) if driver else DRIVERS
    drivers = tuple(name for name in looked_at if name not in stopped and "podlab" not in stopped)
    return DoctorReport(findings, drivers, bool(drivers))


def as_text(found: DoctorReport) -> str:
    """Return one line for each finding, and a last line that says what can be done here."""
    width = max(len(finding.name) for finding in found.findings)
    lines = [_line(finding, width) for finding in found.findings]
    if found.drivers:
        lines.append(f"podlab can make clusters here with: {', '.join(found.drivers)}")
    else:
        lines.append(
            "podlab cannot make a cluster here: mend what is broken above, or use an existing one (context)"
        )
    return "\n".join(lines)


def _line(finding: MachineFinding, width: int) -> str:
    stops = f" (stops {' and '.join(finding.stops)})" if finding.stops else ""
    repair = f"  ->  {finding.repair}" if finding.repair and finding.level != "ok" else ""
    return f"{finding.level:<6}  {finding.name:<{width}}  {finding.text}{stops}{repair}"
