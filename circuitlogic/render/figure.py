"""Owns what all matplotlib pictures share: figures without global state, drawable text, undated PNG."""

import io
from functools import lru_cache

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from numpy.typing import NDArray

from circuitlogic.render.text import clean

DIVERGING = LinearSegmentedColormap.from_list(
    "circuitlogic", ["#8f2f08", "#c8501d", "#eba184", "#ffffff", "#86bfe6", "#1f77bf", "#0a4a8a"]
)
"""Negative orange, zero white, positive blue: apart for the colour-blind."""
DPI = 100


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of that many inches with its own canvas."""
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def png_bytes(figure: Figure) -> bytes:
    """The figure as PNG, the same bytes every time."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def rgb_pixels(figure: Figure) -> NDArray[np.uint8]:
    """The figure's pixels, shape [height, width, 3]."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def drawable(text: str, limit: int = 48) -> str:
    """`text` cleaned, with characters the font lacks shown as `□`."""
    known = _characters()
    return "".join(character if ord(character) in known else "□" for character in clean(text, limit))


@lru_cache(maxsize=1)
def _characters() -> frozenset[int]:
    return frozenset(get_font(findfont(FontProperties())).get_charmap())


def set_title(axes: Axes, text: str, size: float = 9) -> None:
    """Title `axes` with untrusted text: `$` starts no formula."""
    axes.set_title(drawable(text), fontsize=size, parse_math=False)
