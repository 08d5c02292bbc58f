"""e29 correct-the-table: wordings and proofs against the key; a proof of a wrong wording proves nothing."""

from podlab.checks import Case, Finding, check

ROWS = [str(number) for number in range(1, 7)]
PRINTED = {"1": "a", "2": "b", "4": "a", "5": "b"}  # printed wordings that do not hold


def holds(case: Case, row: str) -> bool:
    """Return whether the wording of this row is the one that holds."""
    return case.key.accepts(row, case.answer.chose(row))


@check("wordings")
def wordings(case: Case) -> Finding:
    """A quarter of a point each; a wrong one is one of four, so nothing is taken back."""
    wrong = [row for row in ROWS if not holds(case, row)]
    kept = [row for row in wrong if case.answer.chose(row) in (PRINTED.get(row), f"{row}{PRINTED.get(row)}")]
    found = f"does not hold: row {', '.join(wrong)}" + (f"; as printed: {', '.join(kept)}" if kept else "")
    return Finding.counted(len(ROWS) - len(wrong), len(ROWS), found=found, hint=2 if kept else 1)


@check("proofs")
def proofs(case: Case) -> Finding:
    """A recording proves the corrected part only if it shows it."""
    proved = {row for row in ROWS if case.key.accepts(f"{row} proof", case.answer.chose(f"{row} proof"))}
    wrong = [row for row in ROWS if row not in proved or not holds(case, row)]
    return Finding.counted(len(ROWS) - len(wrong), len(ROWS), found=f"not proved: row {', '.join(wrong)}")
