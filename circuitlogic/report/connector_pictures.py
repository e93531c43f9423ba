"""Owns the pictures of a study's connectors: W over the epochs, ending in the thresholded graph."""

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from circuitlogic.stages.connecting import load_snapshots
from circuitlogic.stages.feature_network import load_selected
from circuitlogic.stages.stretches import stretches
from circuitlogic.study import Study

_COLOURS = 96


def connector_frames(
    study: Study, sites: tuple[str, ...], threshold: float
) -> dict[tuple[str, str], tuple[list[NDArray[np.float32]], list[str]]]:
    """For each (source, target): unit-scale W over the epochs and in the graph, with a title each.

    Raises:
        StudyError: snapshots or tuned connectors are missing or damaged.
    """
    found: dict[tuple[str, str], tuple[list[NDArray[np.float32]], list[str]]] = {}
    for ends, connector in zip(stretches(sites), load_selected(study), strict=True):
        snapshots = load_snapshots(study, *ends)
        frames = [snapshot.numpy() for snapshot in snapshots.values()]
        final = connector.thresholded(threshold).unit_weight.numpy()
        found[ends] = ([*frames, final], [*snapshots, f"tuned, |w| > {threshold:g}"])
    return found


def thinned(
    frames: list[NDArray[np.float32]], titles: list[str], most: int
) -> tuple[list[NDArray[np.float32]], list[str]]:
    """At most `most` frames, the first and the last among them, the others evenly spaced."""
    even = np.linspace(0, len(frames) - 1, min(len(frames), most))
    chosen = [int(place) for place in np.unique(even.round())]
    return [frames[i] for i in chosen], [titles[i] for i in chosen]


def without_many_colours(png: Path) -> bytes:
    """The picture with a palette: a third of the bytes, the same to the eye."""
    with Image.open(png) as image:
        small = image.convert("RGB").quantize(_COLOURS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    buffer = io.BytesIO()
    small.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()
