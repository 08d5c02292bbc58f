"""``podlab completion``: completion of verbs, options and names in your shell."""

from __future__ import annotations

import argparse

from podlab.cli.completing import SHELLS

SUMMARY = "print the script that enables completion in bash, zsh or fish"
EXAMPLE = """
source <(podlab completion bash)      # in ~/.bashrc
source <(podlab completion zsh)       # in ~/.zshrc, after compinit
podlab completion fish | source       # in ~/.config/fish/config.fish
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("shell", choices=SHELLS, metavar="bash|zsh|fish")


def run(args: argparse.Namespace) -> int:
    """Print the script."""
    from podlab.cli import completing

    print(completing.script(args.shell))
    return 0
