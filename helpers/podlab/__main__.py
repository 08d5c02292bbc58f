"""``python -m podlab``: the command line, where the ``podlab`` program is not on PATH."""

from __future__ import annotations

import sys

from podlab.cli import main

if __name__ == "__main__":
    sys.exit(main())
