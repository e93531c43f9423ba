"""Owns lines of CSV that every reader takes apart as they were put together."""

import csv
import io
from collections.abc import Iterable


def csv_line(cells: Iterable[object]) -> str:
    """One record, ending in a line feed; a cell that holds any kind of line end is quoted.

    The standard writer leaves a carriage return bare unless lines end in one, and readers then end the line there.
    """
    stream = io.StringIO(newline="")
    csv.writer(stream, lineterminator="\r\n").writerow(cells)
    return stream.getvalue().removesuffix("\r\n") + "\n"
