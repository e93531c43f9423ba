"""Owns the pictures of connectors: W over the epochs as a strip or an animation, accuracy against edges."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from numpy.typing import NDArray
from PIL import Image

from circuitlogic.errors import DataError
from circuitlogic.render.figure import DIVERGING, drawable, new_figure, png_bytes, rgb_pixels, set_title
from circuitlogic.render.files import write_replacing

MAX_SIDE = 100
"""Larger matrices are pooled to at most so many rows and columns, so that every cell is visible."""
_SERIES_COLOURS = ("#1b6ca8", "#b5451b", "#3a7d44", "#7b4fa3", "#9a7200", "#444444")
_SERIES_STYLES = ("-", "--", "-.", ":")
_SERIES_MARKERS = "osD^vP"


@dataclass(frozen=True, slots=True)
class Curve:
    """How one method's accuracy depends on the number of edges it keeps."""

    name: str
    points: tuple[tuple[float, float], ...]
    """(edges, accuracy in 0..1), in any order."""
    spread: tuple[float, ...] = ()
    """Half-width of each point's error bar, e.g. the standard deviation over seeds; empty: none."""


def pooled(matrix: NDArray[np.floating], max_side: int = MAX_SIDE) -> NDArray[np.float64]:
    """The matrix with blocks of rows and columns replaced by their entry of largest magnitude, sign kept.

    A single non-zero weight among zeros therefore stays visible at full strength.
    """
    values = np.asarray(matrix, dtype=np.float64)
    for axis in (0, 1):
        block = -(-values.shape[axis] // max_side)
        if block > 1:
            starts = np.arange(0, values.shape[axis], block)
            high = np.maximum.reduceat(values, starts, axis=axis)
            low = np.minimum.reduceat(values, starts, axis=axis)
            values = np.where(high >= -low, high, low)
    return values


def matrix_strip(
    snapshots: Sequence[NDArray[np.floating]], titles: Sequence[str], path: Path, max_panels: int = 12
) -> None:
    """Write a PNG with one panel per snapshot of W [n_out, n_in], on one colour scale centred at 0.

    Of more than `max_panels` snapshots the first, the last and evenly spaced ones between are shown.

    Raises:
        DataError: no snapshots, not one title each, or a snapshot that is not a finite, non-empty matrix.
    """
    panels, scale = _prepared(snapshots, titles)
    even = np.linspace(0, len(panels) - 1, min(len(panels), max(max_panels, 1)))
    chosen = [int(index) for index in np.unique(even.round())]
    columns = min(len(chosen), 6)
    rows = -(-len(chosen) // columns)
    figure = new_figure(0.9 + 2.3 * columns, 0.25 + 2.3 * _aspect(panels[0]) * rows + 0.35 * rows)
    axes = figure.subplots(rows, columns, squeeze=False)
    flat: list[Axes] = list(axes.flat)
    for spot, index in zip(flat, chosen, strict=False):
        _draw_panel(spot, panels[index], titles[index], scale, snapshots[index].shape)
    for spot in flat[len(chosen) :]:
        spot.set_axis_off()
    image = flat[0].images[0]
    bar = figure.colorbar(image, ax=flat, shrink=0.85, extend="both", fraction=0.03, pad=0.01)
    bar.ax.tick_params(labelsize=7)
    bar.set_label("weight", fontsize=8)
    write_replacing(path, png_bytes(figure))


def matrix_animation(
    snapshots: Sequence[NDArray[np.floating]], titles: Sequence[str], path: Path, milliseconds: int = 400
) -> None:
    """Write a looping GIF with one frame per snapshot, on one colour scale; the last frame stays longer.

    Raises:
        DataError: as `matrix_strip`.
    """
    panels, scale = _prepared(snapshots, titles)
    frames: list[Image.Image] = []
    for panel, title, snapshot in zip(panels, titles, snapshots, strict=True):
        figure = new_figure(4.6, 0.7 + 4.0 * _aspect(panel))
        axes = figure.subplots()
        _draw_panel(axes, panel, title, scale, snapshot.shape)
        bar = figure.colorbar(axes.images[0], ax=axes, shrink=0.9, extend="both", fraction=0.04, pad=0.02)
        bar.ax.tick_params(labelsize=7)
        frames.append(Image.fromarray(rgb_pixels(figure)))
    write_replacing(path, _gif(frames, milliseconds))


def pareto_curve(
    series: Sequence[Curve],
    path: Path,
    reference: float | None = None,
    reference_name: str = "original network",
) -> None:
    """Write a PNG of accuracy against edges (logarithmic), one line per curve.

    Args:
        series: The curves, told apart by colour, dash and marker.
        path: The PNG to write.
        reference: Accuracy of the unchanged network, drawn as a horizontal line.
        reference_name: Name of that line in the legend.

    Raises:
        DataError: no points, a point that is not finite or has negative edges, or a spread of another length.
    """
    _check_curves(series)
    figure = new_figure(6.4, 4.0)
    axes = figure.subplots()
    for position, curve in enumerate(series):
        order = sorted(range(len(curve.points)), key=lambda i: curve.points[i])
        axes.errorbar(
            [curve.points[i][0] for i in order],
            [curve.points[i][1] for i in order],
            yerr=[curve.spread[i] for i in order] if curve.spread else None,
            color=_SERIES_COLOURS[position % len(_SERIES_COLOURS)],
            linestyle=_SERIES_STYLES[position % len(_SERIES_STYLES)],
            marker=_SERIES_MARKERS[position % len(_SERIES_MARKERS)],
            markersize=4,
            linewidth=1.6,
            capsize=2.5,
            label=drawable(curve.name),
        )
    if reference is not None:
        name = f"{drawable(reference_name)} ({reference:.3f})"
        axes.axhline(reference, color="#444444", linewidth=1, linestyle=(0, (1, 2)), label=name)
    _finish_pareto(axes, any(point[0] < 1 for curve in series for point in curve.points))
    write_replacing(path, png_bytes(figure))


def _finish_pareto(axes: Axes, has_zero: bool) -> None:
    if has_zero:
        axes.set_xscale("symlog", linthresh=1.0)
    else:
        axes.set_xscale("log")
    axes.set_xlabel("edges kept")
    axes.set_ylabel("accuracy")
    axes.grid(visible=True, which="major", color="#dddddd", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    legend = axes.legend(fontsize=8, frameon=False)
    for text in legend.get_texts():
        text.set_parse_math(False)


def _check_curves(series: Sequence[Curve]) -> None:
    if not any(curve.points for curve in series):
        raise DataError("nothing to draw: no curve has a point")
    for curve in series:
        if curve.spread and len(curve.spread) != len(curve.points):
            raise DataError(
                f"curve {curve.name!r}: {len(curve.spread)} spreads for {len(curve.points)} points"
            )
        numbers = np.array([*(x for point in curve.points for x in point), *curve.spread])
        if not np.isfinite(numbers).all() or any(edges < 0 for edges, _ in curve.points):
            raise DataError(f"curve {curve.name!r}: edges and accuracies must be finite, edges not negative")


def _prepared(
    snapshots: Sequence[NDArray[np.floating]], titles: Sequence[str]
) -> tuple[list[NDArray[np.float64]], Normalize]:
    """Pooled panels and their common scale: the 99.5 % quantile of non-zero |weights|, against outliers."""
    if not snapshots:
        raise DataError("no snapshots of the connector to draw: train with snapshots on")
    if len(titles) != len(snapshots):
        raise DataError(f"{len(titles)} titles for {len(snapshots)} snapshots: give each snapshot one")
    for snapshot, title in zip(snapshots, titles, strict=True):
        if snapshot.ndim != 2 or snapshot.size == 0 or not np.isfinite(snapshot).all():
            raise DataError(f"snapshot {title!r} of shape {snapshot.shape} is not a finite, non-empty matrix")
    panels = [pooled(snapshot) for snapshot in snapshots]
    magnitudes = np.abs(np.concatenate([panel.ravel() for panel in panels]))
    magnitudes = magnitudes[magnitudes > 0]
    limit = float(np.quantile(magnitudes, 0.995)) if magnitudes.size else 1.0
    return panels, Normalize(-limit, limit)


def _draw_panel(
    axes: Axes, panel: NDArray[np.float64], title: str, scale: Normalize, shape: tuple[int, ...]
) -> None:
    axes.imshow(panel, cmap=DIVERGING, norm=scale, aspect="auto", interpolation="nearest")
    set_title(axes, title)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_xlabel(f"{shape[1]} inputs", fontsize=7)
    axes.set_ylabel(f"{shape[0]} outputs", fontsize=7)


def _aspect(panel: NDArray[np.float64]) -> float:
    """Height over width of a panel, kept within 1:2 and 3:2."""
    return min(max(panel.shape[0] / panel.shape[1], 0.5), 1.5)


def _gif(frames: list[Image.Image], milliseconds: int) -> bytes:
    """All frames in the palette of the last, so that colours do not flicker."""
    palette = frames[-1].quantize(colors=255, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    indexed = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    buffer = io.BytesIO()
    pauses = [milliseconds] * (len(frames) - 1) + [4 * milliseconds]
    indexed[0].save(
        buffer,
        format="GIF",
        save_all=True,
        append_images=indexed[1:],
        duration=pauses,
        loop=0,
        optimize=False,
    )
    return buffer.getvalue()
