"""Owns the writing of a study's report: every format is built aside and put in place when all are whole."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from circuitlogic.errors import StudyError
from circuitlogic.progress import SILENT, Progress
from circuitlogic.registry import Registry
from circuitlogic.report.html import write_html
from circuitlogic.report.markdown import write_markdown
from circuitlogic.report.rows import StudyView
from circuitlogic.report.view import study_view
from circuitlogic.study import Study

HTML_FILE = "index.html"


def _html(view: StudyView, study: Study, folder: Path, progress: Progress) -> Path:
    return write_html(view, study, folder / HTML_FILE, progress)


FORMATS: Registry[Callable[[StudyView, Study, Path, Progress], Path]] = Registry(
    "report format", {"html": _html, "md": write_markdown}
)
"""Each writes into a folder and returns its main file."""


def write_report(
    study: Study, folder: Path, formats: tuple[str, ...] = ("html", "md"), progress: Progress = SILENT
) -> tuple[Path, ...]:
    """Write the report of an extracted study into `folder`, which may exist; other files in it stay.

    Returns:
        The main file of each format, in the order asked for.

    Raises:
        UnknownNameError: a format that does not exist.
        StudyError: the study is not extracted, an artefact is damaged, or the folder cannot be written.
    """
    writers = [FORMATS[name] for name in formats]
    view = study_view(study)
    building = folder.parent / f".{folder.name}.{os.getpid()}.building"
    try:
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir(parents=True)
        written = [write(view, study, building, progress).name for write in writers]
        _put_in_place(building, folder)
    except OSError as error:
        raise StudyError(f"cannot write the report to {folder}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return tuple(folder / name for name in written)


def _put_in_place(building: Path, folder: Path) -> None:
    """Rename everything below `building` into `folder`; pictures first, the pages that show them last."""
    folder.mkdir(parents=True, exist_ok=True)
    for new in sorted(building.iterdir(), key=lambda path: (path.is_file(), path.name)):
        old = folder / new.name
        if new.is_dir() and old.exists():
            aside = building.with_suffix(".old")
            shutil.rmtree(aside, ignore_errors=True)
            os.replace(old, aside)
            os.replace(new, old)
            shutil.rmtree(aside, ignore_errors=True)
        else:
            os.replace(new, old)
