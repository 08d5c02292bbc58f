"""The views draw the same real recordings that the timeline is tested with."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "timeline"))
