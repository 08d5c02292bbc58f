"""What podlab says where a package of an extra is not installed."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from podlab import cli, extras

ROOT = Path(__file__).resolve().parents[2]
RECORDING = ROOT / "docs" / "pictures" / "first-pod.jsonl"
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]

# Hides the packages of the extra: what an environment with the core alone has.
HIDE = """
import sys
from importlib.abc import MetaPathFinder

class Hidden(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in %r:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Hidden())
from podlab import cli
sys.exit(cli.main(%r))
"""


def with_core_alone(*arguments: str) -> subprocess.CompletedProcess[str]:
    hidden = {*extras.EXTRA_OF, "jupyterlab", "PIL", "contourpy", "nbformat"}
    code = HIDE % (hidden, list(arguments))
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_a_png_says_which_extra_draws_it(tmp_path: Path) -> None:
    """Three lines: the package, what its extra brings, the command that installs it."""
    done = with_core_alone("plot", str(RECORDING), "--out", str(tmp_path / "x.png"))

    assert done.returncode == 1
    assert done.stderr.splitlines()[-3:] == [
        "MissingExtraError: this needs matplotlib, which is not installed",
        f"  why: it belongs to podlab's extra 'jupyter': {extras.BRINGS['jupyter']}",
        "  try: pip install 'podlab[jupyter]'",
    ]


def test_text_and_svg_need_no_extra(tmp_path: Path) -> None:
    """The core draws these itself."""
    shown = with_core_alone("show", str(RECORDING))
    drawn = with_core_alone("plot", str(RECORDING), "--out", str(tmp_path / "x.svg"))

    assert (shown.returncode, drawn.returncode) == (0, 0), shown.stderr + drawn.stderr
    assert "shipper (sidecar)" in shown.stdout
    assert (tmp_path / "x.svg").read_text().startswith("<svg")


def test_every_extra_that_is_named_exists_and_installs_its_packages() -> None:
    """numpy comes with matplotlib, IPython with ipywidgets."""
    for extra in extras.BRINGS:
        declared = {Requirement(line).name for line in EXTRAS[extra]}
        named = {package for package, of in extras.EXTRA_OF.items() if of == extra}
        assert named - declared == {"numpy", "IPython"}


def test_a_package_that_is_there_is_not_asked_for() -> None:
    """No error, and nothing is imported."""
    extras.need("matplotlib", "pandas")


def test_a_fault_of_our_own_import_is_not_blamed_on_an_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A module of podlab that is missing is a fault of podlab."""
    monkeypatch.setattr("podlab.cli._dispatch", lambda _: __import__("podlab.nowhere"))

    assert cli.main(["status"]) == 70
    assert "this is a bug in podlab" in capsys.readouterr().err
