"""The module types that prepare colours, and how our layer of colours says the same."""

from __future__ import annotations

from lenet.dialects.eblearn.spelling import Row, Setting, Value, either
from lenet.layers.colour import Colour

DEFAULT_WINDOW = (7, 7)

_LOCAL = (
    Setting("kernel", "window", "dims", DEFAULT_WINDOW),
    Setting("mirror", "border", "boolean", True, either("mirror", "zero")),
    Setting("epsilon", "epsilon", "number", 1e-6),
    Setting("epsilon2", "offset", "number", 0.0),
)
_Y, _RGB = (1, "local"), (3, "local")


def _row(names: tuple[str, ...], space: str, groups: Value, joint: bool = False) -> Row:
    """A type that normalises neighbourhoods, of which no channel is only scaled."""
    fixed = {"space": space, "groups": groups, "joint": joint}
    return Row(names, Colour, _LOCAL, fixed, ("global_norm",))


def _scaling_row(names: tuple[str, ...], first: Value, joint: bool) -> Row:
    """A type that scales U and V as a whole: to deviation 1, or by a fixed factor."""
    choice = either((first, (2, "global")), (first, (2, "fixed")))
    setting = Setting("global_norm", "groups", "boolean", True, choice)
    return Row(names, Colour, (*_LOCAL, setting), {"space": "yuv", "joint": joint})


def _plain_row(name: str, space: str, channels: int) -> Row:
    choice = either(((channels, "global"),), ((channels, "none"),))
    return Row(
        (name,), Colour, (Setting("global_norm", "groups", "boolean", True, choice),), {"space": space}
    )


COLOURS: tuple[Row, ...] = (
    _row(("rgb_to_yp", "rgb_to_yn", "y_to_yp", "y_to_yn"), "y", (_Y,)),
    _scaling_row(("rgb_to_ypuv", "rgb_to_ynuv"), _Y, joint=False),
    _scaling_row(("rgb_to_yuvp", "rgb_to_yuvn"), (1, "global"), joint=True),
    _row(("rgb_to_ypuvp", "rgb_to_ynuvn"), "yuv", (_Y, (2, "local"))),
    _row(("rgb_to_ypupvp", "rgb_to_ynunvn"), "yuv", (_Y, _Y, _Y)),
    _row(("rgb_to_rgbp", "rgb_to_rgbn"), "rgb", (_RGB,)),
    Row(("rgb_to_yuv",), Colour, fixed={"space": "yuv", "groups": ((1, "global"), (2, "global"))}),
    _plain_row("rgb_to_y", "y", 1),
    _plain_row("rgb_to_rgb", "rgb", 3),
    Row(("y_to_y",), Colour, fixed={"space": "y", "groups": ((1, "global"),)}),
)
