"""The files of this folder share their cases: they import them by name."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
