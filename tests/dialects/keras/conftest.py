"""The files of this folder share how networks are built and run; real Keras runs on torch."""

import os
import sys
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "torch")  # before anything imports keras
sys.path.insert(0, str(Path(__file__).parent))
