"""The files of this folder import each other by name."""

import sys
from pathlib import Path

for folder in (Path(__file__).parent, Path(__file__).parents[1] / "catalogue"):
    sys.path.insert(0, str(folder))
