"""Run scenarios on a cluster and hold what it shows against what a real kubelet showed.

    python tests/conformance/run.py --kubeconfig KUBECONFIG                 # all, 6 at a time
    python tests/conformance/run.py --kubeconfig KUBECONFIG -v sidecar-grace-runs-out
    python tests/conformance/run.py --again artefacts/conformance            # compare a recording made before

Prints every difference and, last, ``agree / all``. Differences that ``DIFFERENCES.md`` lists with their reason are
marked; the exit code is 1 only if there are others.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from pathlib import Path

import comparator
import corpus
import normaliser
import recorder
from kubernetes import client, config

DIFFERENCES = corpus.HERE / "DIFFERENCES.md"


def known_differences(path: Path = DIFFERENCES) -> dict[str, str]:
    """Scenario -> reason, from the rows of the table in DIFFERENCES.md."""
    rows = re.findall(r"^\| `([a-z0-9-]+)` \| (.+) \|$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return dict(rows)


def record(names: list[str], kubeconfig: str | None, out: Path, jobs: int, skip: set[str]) -> None:
    """Record the scenarios on the cluster of *kubeconfig* and normalise the traces, all into *out*."""
    config.load_kube_config(kubeconfig)
    version = client.VersionApi(client.ApiClient()).get_code().git_version
    scenarios = [s for s in corpus.load_all(names) if not skip & set(s.needs)]
    recorder.record_all(scenarios, out / "traces", version, jobs=jobs, prefix="conformance-")
    for path in sorted((out / "traces").glob("*.jsonl.gz")):
        name = path.name.removesuffix(".jsonl.gz")
        normaliser.write(out / "json" / f"{name}.json", normaliser.normalise(*normaliser.read(path)))


def report(results: dict[str, list[str]], known: dict[str, str], *, verbose: bool) -> int:
    """Print differences and the count; the number of scenarios whose difference nobody has explained."""
    for name, lines in results.items():
        if lines:
            print(name + (f"   (known: {known[name]})" if name in known else ""))
            for line in lines if verbose else lines[:6]:
                print(f"    {line}")
    same = sum(not lines for lines in results.values())
    listed = [n for n, lines in results.items() if lines and n in known]
    print(
        f"{same} / {len(results)} scenarios agree; {len(listed)} of the others are listed in {DIFFERENCES.name}"
    )
    return len(results) - same - len(listed)


def main(argv: list[str] | None = None) -> int:
    """Record, normalise, compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help="scenarios (default: all)")
    parser.add_argument("--kubeconfig", help="default: $KUBECONFIG or ~/.kube/config")
    parser.add_argument("--out", type=Path, help="keep the recording here (default: a temporary folder)")
    parser.add_argument(
        "--again", type=Path, metavar="FOLDER", help="compare what --out kept, record nothing"
    )
    parser.add_argument("--against", default=corpus.REFERENCE, choices=corpus.VERSIONS)
    parser.add_argument("--jobs", type=int, default=6, help="scenarios at a time (more distorts the timing)")
    parser.add_argument("--skip-needs", nargs="*", default=[], metavar="NEED")
    parser.add_argument("-v", "--verbose", action="store_true")
    args = parser.parse_args(argv)
    names = [s.name for s in corpus.load_all(args.names) if args.against in s.versions]
    skip = set(args.skip_needs)
    with tempfile.TemporaryDirectory() as scratch:
        out = args.again or args.out or Path(scratch)
        if not args.again:
            record(names, args.kubeconfig, out, args.jobs, skip)
        expected = corpus.HERE / "expected" / args.against
        results = comparator.compare_folders(expected, out / "json", names, skip)
        (out / "differences.json").write_text(json.dumps(results, indent=1), encoding="utf-8")
    return 1 if report(results, known_differences(), verbose=args.verbose) else 0


if __name__ == "__main__":
    sys.exit(main())
