"""Owns small grey pictures in a terminal: two pixels per character cell, by upper half blocks."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from rich.color import Color
from rich.console import Console, ConsoleOptions, RenderableType
from rich.style import Style
from rich.text import Text

_GAP = 2


class PixelRow:
    """Pictures side by side with a caption above each; as many as the width allows, and none without colours."""

    def __init__(self, images: Sequence[NDArray[np.uint8]], captions: Sequence[str]) -> None:
        self._images = [image if len(image) % 2 == 0 else np.pad(image, ((0, 1), (0, 0))) for image in images]
        self._captions = captions

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        """Render, or say why not."""
        if console.color_system in (None, "standard") or not self._images:
            yield Text(", ".join(self._captions), style="dim")
            return
        width = max(self._images[0].shape[1], *(len(caption) for caption in self._captions)) + _GAP
        fitting = max(1, options.max_width // width)
        for start in range(0, len(self._images), fitting):
            yield from self._band(start, start + fitting, width)

    def _band(self, start: int, stop: int, width: int) -> Iterator[RenderableType]:
        images = self._images[start:stop]
        yield Text("".join(caption.ljust(width) for caption in self._captions[start:stop]), style="dim")
        for top in range(0, len(images[0]), 2):
            line = Text(no_wrap=True)
            for image in images:
                for high, low in zip(image[top], image[top + 1], strict=True):
                    line.append("▀", Style(color=_grey(int(high)), bgcolor=_grey(int(low))))
                line.append(" " * (width - image.shape[1]))
            yield line


def _grey(level: int) -> Color:
    return Color.from_rgb(level, level, level)
