"""`circuitlogic find`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from circuitlogic.cli.options import Output, StudyArgument, check_free, output_options
from circuitlogic.errors import ConfigError, NothingLeftError

if TYPE_CHECKING:
    from circuitlogic.cli.listing import Value
    from circuitlogic.report.gallery import Exhibit
    from circuitlogic.study import Study

_COLUMNS = (
    "feature",
    "label",
    "kind",
    "expression",
    "f1",
    "precision",
    "recall",
    "support",
    "token_f1",
    "gain",
    "verdict",
    "passes",
)
_SHOWN = ("feature", "label", "expression", "f1", "token_f1", "verdict", "passes")
_SPARE = ("label", "verdict", "passes", "recall", "precision", "kind")
_SHOWN_OF_IMAGES = ("feature", "label", "kind", "expression", "f1", "precision", "recall", "passes")


@output_options
def find(
    study: StudyArgument,
    pattern: Annotated[
        str, typer.Option(help="or, and-not, and, k-of-n, copy or any: the shape of the formula.")
    ] = "any",
    min_f1: Annotated[float, typer.Option(min=0.0, max=1.0, help="Held-out F1 at least.")] = 0.0,
    min_gain: Annotated[
        float | None,
        typer.Option(
            min=-1.0, max=1.0, help="Language models: held-out F1 above the current token alone at least."
        ),
    ] = None,
    directions: Annotated[
        int,
        typer.Option(min=0, max=2, help="Directions of intervention that must pass (after verify --causal)."),
    ] = 0,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="FILE.md", help="Write the gallery with contexts.", show_default=False
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite what exists.")] = False,
    *,
    output: Output,
) -> None:
    """Find gates of one pattern, best evidence first; --out writes them with their tokens.

    Example: circuitlogic find runs/novels --pattern and-not --min-f1 0.9 --out gallery.md
    """
    from dataclasses import replace

    from circuitlogic.cli.listing import Listing, write_listing
    from circuitlogic.report.gallery import exhibits
    from circuitlogic.study import Study

    if out is not None:
        _check_gallery(out, force)
    opened, nothing = Study.open(study), ""
    try:
        found = exhibits(opened, pattern, min_f1, min_gain, directions)
    except NothingLeftError as error:
        if out is not None:
            raise
        found, nothing = (), str(error)
    if out is not None:
        shown = found[: output.limit] if output.limit else found
        title = f"Gates of pattern {pattern}, F1 at least {min_f1:g}: {len(shown)} of {len(found)}"
        _write_gallery(opened, shown, title, out)
        return
    rows = [_values(one) for one in found]
    about = {"study": str(study), "pattern": pattern, "found": len(found)}
    limit = output.limit or (20 if output.is_default else None)
    speaks = any(one.token_f1 is not None for one in found)
    shown_columns = _SHOWN if speaks else _SHOWN_OF_IMAGES
    listing = Listing("find", _COLUMNS, rows, shown_columns, about, nothing, _SPARE)
    write_listing(listing, replace(output, limit=limit))


def _check_gallery(out: Path, force: bool) -> None:
    """Before anything is computed."""
    if out.suffix.lower() != ".md":
        raise ConfigError(f"--out {out}: the gallery is Markdown, name a file that ends in .md")
    check_free(out, force=force)


def _write_gallery(study: "Study", shown: "tuple[Exhibit, ...]", title: str, out: Path) -> None:
    from circuitlogic.cli.console import write
    from circuitlogic.report.gallery import gallery_lines
    from circuitlogic.whole_files import write_bytes

    write_bytes(out, ("\n".join(gallery_lines(study, shown, title)).rstrip() + "\n").encode())
    write(f"{out}\n")


def _values(one: "Exhibit") -> "dict[str, Value]":
    gate, evidence = one.row.gate, one.row.gate.evidence
    return {
        "feature": str(gate.feature),
        "label": one.row.label,
        "kind": gate.kind,
        "expression": one.row.expression,
        "f1": one.f1,
        "precision": None if evidence is None else evidence.precision,
        "recall": None if evidence is None else evidence.recall,
        "support": None if evidence is None else evidence.support,
        "token_f1": one.token_f1,
        "gain": one.gain,
        "verdict": one.verdict,
        "passes": one.passed,
    }
