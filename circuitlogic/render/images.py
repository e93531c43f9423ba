"""Owns small images in grids and sprites: strongest examples in grey, signed images in diverging colours."""

import base64
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from circuitlogic.errors import ConfigError, DataError
from circuitlogic.render.files import write_replacing

Pixels = NDArray[np.uint8]
_NEGATIVE = np.array([181, 69, 27], dtype=np.float64)
_POSITIVE = np.array([27, 108, 168], dtype=np.float64)
_WHITE = 255.0
_GAP_GREY = 128
_SHOWN_SIDE = 56
"""Tiles of a grid are enlarged by a whole factor to about so many pixels."""


def to_pixels(images: NDArray[np.floating] | NDArray[np.integer]) -> Pixels:
    """Images [n, h, w] as RGB [n, h, w, 3], all on one scale.

    Without negative values: grey, from 0 = black to the largest value (at least 1) = white. With them: orange
    for negative, white for 0, blue for positive, full colour at the largest magnitude.

    Raises:
        DataError: not three-dimensional, empty, or not finite.
    """
    values = np.asarray(images, dtype=np.float64)
    if values.ndim != 3 or values.size == 0:
        raise DataError(f"images of shape {values.shape}: expected [images, height, width], none of them 0")
    if not np.isfinite(values).all():
        raise DataError("images hold values that are not finite")
    if values.min() >= 0:
        grey = np.rint(255 * values / max(float(values.max()), 1.0))
        return np.repeat(grey[..., None], 3, axis=-1).astype(np.uint8)
    share = values[..., None] / np.abs(values).max()
    end = np.where(share < 0, _NEGATIVE, _POSITIVE)
    return np.rint(_WHITE + np.abs(share) * (end - _WHITE)).astype(np.uint8)


def image_grid(
    images: NDArray[np.floating] | NDArray[np.integer],
    columns: int,
    path: Path | None = None,
    zoom: int | None = None,
) -> bytes:
    """A PNG of all images in rows of `columns`, one grey line between tiles; written to `path` if given.

    Args:
        images: Shape [n, h, w]; see `to_pixels` for colours.
        columns: Tiles per row; a grid of fewer images is as wide as they are.
        path: Where to write it as well.
        zoom: Screen pixels per image pixel; None: as many as make tiles about 56 pixels high.

    Raises:
        ConfigError: `columns` or `zoom` is less than 1.
        DataError: see `to_pixels`.
    """
    tiles = to_pixels(images)
    if zoom is None:
        zoom = max(1, round(_SHOWN_SIDE / max(tiles.shape[1:3])))
    if zoom < 1:
        raise ConfigError(f"zoom is {zoom}: use 1 or more screen pixels per image pixel")
    enlarged = tiles.repeat(zoom, axis=1).repeat(zoom, axis=2)
    png = _png(_arranged(enlarged, columns, gap=1))
    if path is not None:
        write_replacing(path, png)
    return png


def sprite_data_uri(images: NDArray[np.floating] | NDArray[np.integer], columns: int = 16) -> str:
    """All images in one `data:` URI for a page, without gaps or zoom.

    Image i lies at x = w * (i % columns), y = h * (i // columns), with `columns` the smaller of the argument
    and the number of images; show it with `image-rendering: pixelated`.

    Raises:
        ConfigError: `columns` is less than 1.
        DataError: see `to_pixels`.
    """
    return png_data_uri(_png(_arranged(to_pixels(images), columns, gap=0)))


def png_data_uri(png: bytes) -> str:
    """A PNG as a `data:` URI."""
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def _arranged(tiles: Pixels, columns: int, gap: int) -> Pixels:
    """Tiles [n, h, w, 3] on one canvas, row by row; cells without a tile are grey."""
    if columns < 1:
        raise ConfigError(f"columns is {columns}: a grid has at least 1")
    count, height, width, _ = tiles.shape
    columns = min(columns, count)
    rows = -(-count // columns)
    canvas = np.full(
        (rows * (height + gap) - gap, columns * (width + gap) - gap, 3), _GAP_GREY, dtype=np.uint8
    )
    for index, tile in enumerate(tiles):
        top, left = (index // columns) * (height + gap), (index % columns) * (width + gap)
        canvas[top : top + height, left : left + width] = tile
    return canvas


def _png(pixels: Pixels) -> bytes:
    """PNG without metadata; greyscale if no pixel has a colour."""
    grey = (pixels == pixels[..., :1]).all()
    image = Image.fromarray(np.ascontiguousarray(pixels[..., 0]) if grey else pixels)
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", compress_level=9)
    return buffer.getvalue()
