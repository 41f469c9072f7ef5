"""The files of this folder share what they draw their layers from: they import it by name."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
