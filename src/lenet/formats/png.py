"""PNG files byte for byte as OpenCV 4 writes them, and such that are written quickly; Pillow can do neither.

OpenCV's: each pixel less the one before it, runs packed.  Source: the recorded files of
`convert_imageset --encoded --encode_type=png`.
"""

from __future__ import annotations

import struct
import zlib

from lenet.errors import DataError
from lenet.shapes import Array, text

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOUR_TYPES = {1: 0, 3: 2}  # by channels
_PIECE = 8192  # bytes of packed rows in a chunk
_SMALL = 16384  # bytes of rows up to which the window that is said is as small as they allow
_LEVEL = 4  # of zlib's 9, for figures
_METRES_PER_INCH = 0.0254


def opencv_png(image: Array) -> bytes:
    """The bytes of a PNG file of an image (H, W) or (H, W, 3), uint8, red first.

    Raises: DataError for another type or shape.
    """
    import numpy as np

    channels = image.shape[2] if image.ndim == 3 else 1
    if (
        image.dtype.str != "|u1"
        or image.ndim not in (2, 3)
        or channels not in _COLOUR_TYPES
        or not image.size
    ):
        raise DataError(f"{text(image.shape)} of {image.dtype} cannot be a PNG image")
    height, width = image.shape[:2]
    values = image.reshape(height, -1)
    rows = np.ones((height, 1 + values.shape[1]), np.uint8)  # 1: the filter "less the pixel before"
    rows[:, 1:] = values
    rows[:, 1 + channels :] -= values[:, :-channels]
    header = struct.pack(">IIBBBBB", width, height, 8, _COLOUR_TYPES[channels], 0, 0, 0)
    packed = _packed(rows.tobytes())
    pieces = [packed[start : start + _PIECE] for start in range(0, len(packed), _PIECE)]
    chunks = [(b"IHDR", header), *((b"IDAT", piece) for piece in pieces), (b"IEND", b"")]
    return _SIGNATURE + b"".join(_chunk(*chunk) for chunk in chunks)


def figure_png(image: Array, dots: int) -> bytes:
    """The bytes of a PNG file of a drawn figure (H, W, 3), uint8, to be shown with so many dots an inch.

    Each pixel is told less the one above it, which for drawings packs nearly as well as a choice of the best
    row by row, in a third of the time.
    """
    import numpy as np

    height, width = image.shape[:2]
    values = image.reshape(height, -1)
    rows = np.full((height, 1 + values.shape[1]), 2, np.uint8)  # 2: the filter "less the pixel above"
    rows[:, 1:] = values
    rows[1:, 1:] -= values[:-1]
    header = struct.pack(">IIBBBBB", width, height, 8, _COLOUR_TYPES[3], 0, 0, 0)
    size = struct.pack(">IIB", *[round(dots / _METRES_PER_INCH)] * 2, 1)  # dots a metre
    chunks = ((b"IHDR", header), (b"pHYs", size), (b"IDAT", zlib.compress(rows.data, _LEVEL)), (b"IEND", b""))
    return _SIGNATURE + b"".join(_chunk(*chunk) for chunk in chunks)


def _packed(rows: bytes) -> bytes:
    packer = zlib.compressobj(1, zlib.DEFLATED, 15, 8, zlib.Z_RLE)
    packed = packer.compress(rows) + packer.flush()
    if len(rows) > _SMALL:
        return packed
    window = 0  # of 256 bytes, doubled
    while len(rows) > 256 << window:
        window += 1
    method = window << 4 | zlib.DEFLATED
    return bytes([method, 31 - (method << 8) % 31]) + packed[2:]


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
