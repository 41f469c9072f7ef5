"""A matplotlib backend without a screen: `plt.show()` saves figures as SCRIPT_1.png, SCRIPT_2.png, ..."""

from __future__ import annotations

import sys
from collections import defaultdict
from itertools import count
from pathlib import Path
from typing import Any

from matplotlib.backend_bases import FigureManagerBase
from matplotlib.backends.backend_agg import FigureCanvasAgg

__all__ = ["FigureCanvas", "FigureManager"]

_numbers: defaultdict[Path, count[int]] = defaultdict(lambda: count(1))  # of each script where it ran


class FigureManager(FigureManagerBase):
    """Saves figures instead of showing them."""

    @classmethod
    def pyplot_show(cls, *_: Any, **__: Any) -> None:  # noqa: ANN401
        """Save all open figures in the working directory, say so, and close them."""
        from matplotlib import pyplot

        name = Path(sys.argv[0]).stem or "figure"
        for number in pyplot.get_fignums():
            path = Path(f"{name}_{next(_numbers[Path.cwd() / name])}.png")
            pyplot.figure(number).savefig(path)
            print(f"saved {path}", file=sys.stderr)
        pyplot.close("all")


class FigureCanvas(FigureCanvasAgg):
    """Draws into memory."""

    manager_class = FigureManager
