"""
Packages that podlab can do without: which extra installs them, and what that extra brings.
"""

from __future__ import annotations

from importlib.util import find_spec

from podlab.errors import PodlabError

BRINGS = {"jupyter": "JupyterLab, the live timeline, pictures as PNG and PDF, and tables"}
EXTRA_OF = dict.fromkeys(("matplotlib", "numpy", "pandas", "ipywidgets", "IPython", "kubernetes"), "jupyter")


class MissingExtraError(PodlabError, ImportError):
    """A package of an extra is not installed."""


def need(*packages: str) -> None:
    """
    Find out whether *packages* are installed, without importing them.

    Raises:
        MissingExtraError: One is not; the error says what its extra brings, and how to install it.
    """
    for package in packages:
        if find_spec(package) is None:
            raise missing(package)


def missing(package: str) -> MissingExtraError:
    """Return the error for a package that is not installed."""
    extra = EXTRA_OF.get(package.partition(".")[0])
    if extra is None:
        return MissingExtraError(f"the package {package} is not installed", hint=f"pip install {package}")
    return MissingExtraError(
        f"this needs {package}, which is not installed",
        cause=f"it belongs to podlab's extra {extra!r}: {BRINGS[extra]}",
        hint=f"pip install 'podlab[{extra}]'",
    )
