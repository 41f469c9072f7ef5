"""Image files, through Pillow: arrays (H, W) of grey or (H, W, C) of red, green, blue and opacity, uint8."""

from __future__ import annotations

import io
import struct
import warnings
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from lenet.errors import NOWHERE, DataError, FileError, Where
from lenet.formats.files import read_bytes, whole_file
from lenet.shapes import Array, text

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

_PLAIN = {  # Pillow's modes -> the nearest one of 8 bits a value
    "1": "L",
    "L": "L",
    "LA": "RGBA",
    "La": "RGBA",
    "RGB": "RGB",
    "RGBA": "RGBA",
    "RGBa": "RGBA",
}
_PLANES = "BGRA"  # Caffe's order of channels
_USUAL = ("PNG", "JPEG")  # kinds that are opened without a search
#: where files of these kinds say which side is up, by Pillow's names of their parts
_TURNING = frozenset(("exif", "xmp", "Raw profile type exif", "XML:com.adobe.xmp"))
_NOT_OF_THIS_KIND = (SyntaxError, IndexError, TypeError, struct.error)  # what Pillow's openers raise
_warning_filters = Lock()  # those of Python are the whole process's


def read_image(path: str | Path) -> Array:
    """An image file, turned upright as its EXIF data says.

    In memory each channel lies by itself, which makes what is done channel by channel quick.

    Raises: FileError if it cannot be read or is no image.
    """
    image = _decoded(read_bytes(path), Where(str(path)), upright=True)
    planes = _planes(image, image.mode)
    return planes[0] if len(planes) == 1 else planes.transpose(1, 2, 0)


def decode_image(data: bytes, where: Where = NOWHERE, upright: bool = False, as_grey: bool = False) -> Array:
    """The bytes of an image file as an array; 16 bits a value are cut to 8.

    `as_grey` gives (H, W): of a JPEG file its own brightness, as OpenCV does, of others :func:`grey`.

    Raises: FileError if they are no image, or a truncated or damaged one.
    """
    import numpy as np

    image = _decoded(data, where, upright, as_grey)
    return grey(np.asarray(image)) if as_grey and image.mode != "L" else np.array(image)


def decode_planes(data: bytes, where: Where = NOWHERE, upright: bool = False) -> Array:
    """The bytes of an image file as (C, H, W): grey, or blue, green, red and, where there is any, opacity.

    That is :func:`decode_image` in the order of Caffe's, without a copy in between; do not write to it.

    Raises: as :func:`decode_image`.
    """
    image = _decoded(data, where, upright)
    return _planes(image, image.mode if image.mode == "L" else _PLANES[: len(image.mode)])


def _planes(image: Image, bands: str) -> Array:
    """The bands of an image, (C, H, W)."""
    import numpy as np

    content = bytearray().join([image.tobytes("raw", band) for band in bands])
    return np.frombuffer(content, np.uint8).reshape(len(bands), image.height, image.width)


def _decoded(data: bytes, where: Where, upright: bool, as_grey: bool = False) -> Image:
    """An image file's content, decoded: of mode L, RGB or RGBA.

    Raises: as :func:`decode_image`.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        image = _opened(data)
        if as_grey:
            image.draft("L", image.size)
        image.load()
        if upright and not (image.format in _USUAL and _TURNING.isdisjoint(image.info)):
            ImageOps.exif_transpose(image, in_place=True)
        return _plain(image)
    except UnidentifiedImageError:
        hint = "is it a picture at all? PNG and JPEG are read"
        raise FileError("this is no image, or of a kind that Pillow cannot read", where, hint) from None
    except Image.DecompressionBombError:
        limit = 2 * (Image.MAX_IMAGE_PIXELS or 0)
        raise FileError(f"the image has more than {limit:,} pixels", where, "make it smaller") from None
    except Exception as error:  # damaged files raise whatever the decoder meets: SyntaxError, IndexError, ...
        raise FileError(f"the image is damaged: {error}", where, "get or make the file anew") from None


def _opened(data: bytes) -> ImageFile:
    """An image file's content, not decoded yet.

    Pillow warns from half of the number of pixels on that it refuses, which nobody wants to read.  To keep
    it quiet takes as long as to decode a digit, so that the usual kinds are opened past its search.

    Raises: what Pillow raises.
    """
    from PIL import Image

    Image.preinit()
    for kind in _USUAL:
        factory, accepts = Image.OPEN[kind]
        if accepts is None or not accepts(data[:16]):
            continue
        try:
            image = factory(io.BytesIO(data), "")
        except _NOT_OF_THIS_KIND:
            break
        if Image.MAX_IMAGE_PIXELS is not None and image.width * image.height > 2 * Image.MAX_IMAGE_PIXELS:
            raise Image.DecompressionBombError
        return image
    with _warning_filters, warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        return Image.open(io.BytesIO(data))


def _plain(image: Image) -> Image:
    if image.mode.startswith(("I", "F")):
        import numpy as np
        from PIL import Image

        return Image.fromarray(_eight_bits(np.asarray(image)))
    if image.mode == "P":
        return image.convert("RGBA" if "transparency" in image.info else "RGB")
    mode = _PLAIN.get(image.mode, "RGB")
    return image if image.mode == mode else image.convert(mode)


def _eight_bits(values: Array) -> Array:
    """Numbers of 16 or 32 bits, whole or not, in the range that their largest shows, as 0 to 255."""
    import numpy as np

    if values.dtype == np.uint16:
        return (values >> 8).astype(np.uint8)
    values = np.nan_to_num(values.astype(np.float64), posinf=0, neginf=0)
    top = values.max(initial=0.0)
    ranges = (255.0, 65535.0, 2.0**32) if values.size and top > 1 else (1.0,)
    span = next((span for span in ranges if top <= span), top)
    return np.clip(values * (255.0 / span), 0, 255).astype(np.uint8)


def grey(image: Array) -> Array:
    """A colour image (H, W, C) as grey (H, W): ITU-R BT.601 in whole numbers, rounded down.

    Source: what Caffe's `convert_imageset --gray` made of PNG files, equal bit for bit.

    >>> import numpy as np
    >>> grey(np.array([[[255, 255, 255], [0, 255, 0]]], np.uint8)).tolist()
    [[255, 149]]
    """
    import numpy as np

    if image.ndim == 2:
        return image
    total = np.multiply(image[..., 0], 9797, dtype=np.uint32)
    for channel, share in ((1, 19234), (2, 3737)):
        total += np.multiply(image[..., channel], share, dtype=np.uint32)
    total >>= 15
    return total.astype(np.uint8)


def write_png(path: str | Path, image: Array) -> None:
    """Write an image (H, W), (H, W, 3) or (H, W, 4), uint8, as PNG.

    Raises: FileError if it cannot be written; DataError for another type or shape.
    """
    content = encode_png(image)
    with whole_file(path) as file:
        file.write(content)


def encode_png(image: Array) -> bytes:
    """The bytes of a PNG file; see :func:`write_png`.

    Raises: DataError for another type or shape.
    """
    return encode_image(image, "png")


def encode_image(image: Array, kind: str, quality: int = 75) -> bytes:
    """The bytes of an image file of a kind: "png", "ppm", "jpg", "bmp", ...; see :func:`write_png`.

    `quality`, to 95, is that of a JPEG file: with 95 its bytes are those that OpenCV writes.

    Raises: DataError for another type or shape, or an unknown kind.
    """
    from PIL import Image

    if image.dtype.str != "|u1" or image.ndim not in (2, 3) or image.shape[2:] not in ((), (3,), (4,)):
        raise DataError(f"{text(image.shape)} of {image.dtype} cannot be a {kind.upper()} image")
    known = _writable(kind)
    if not known:
        raise DataError(f"'{kind}' is no kind of image file that can be written", hint="png, jpg, bmp, ppm")
    file = io.BytesIO()
    Image.fromarray(image).save(file, format=known, **({"quality": quality} if known == "JPEG" else {}))
    return file.getvalue()


def _writable(kind: str) -> str:
    """Pillow's name of a kind of image files, empty if it cannot write them."""
    from PIL import Image

    Image.init()
    name = Image.registered_extensions().get(f".{kind.lower()}", "")
    return name if name in Image.SAVE else ""
