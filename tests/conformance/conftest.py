"""The clusters that scenarios run on, and the corpus' own modules in reach."""

from __future__ import annotations

import sys
from pathlib import Path

from clusters import cluster  # noqa: F401  (a fixture)

sys.path.insert(0, str(Path(__file__).parent))
