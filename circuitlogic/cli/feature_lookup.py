"""Owns finding the feature that a user names, by id or by label."""

from difflib import get_close_matches
from typing import TYPE_CHECKING

from circuitlogic.errors import UnknownNameError

if TYPE_CHECKING:
    from circuitlogic.graph.base import BaseGraph

_MOST = 4


def feature_named(graph: "BaseGraph", text: str) -> str:
    """`SITE/INDEX` as it is; for `@TEXT` the feature that bears the label, whatever its case.

    Raises:
        UnknownNameError: no label, or more than one, is TEXT; names near ones.
    """
    if not text.startswith("@"):
        return text
    wanted = text[1:].casefold()
    filled = graph.nodes.label.filled()
    labels = graph.nodes.label.take(filled)
    exact = [row for row, label in enumerate(labels) if label.casefold() == wanted]
    if len(exact) == 1:
        return str(graph.feature(int(filled[exact[0]])))
    if exact:
        names = ", ".join(map(str, graph.features(filled[exact[:_MOST]])))
        more = f" and {len(exact) - _MOST} more" if len(exact) > _MOST else ""
        raise UnknownNameError(
            f"{len(exact)} features bear the label {text[1:]!r}: {names}{more}; give one's id"
        )
    near = get_close_matches(wanted, [label.casefold() for label in labels], n=_MOST, cutoff=0.5)
    parts = [label for label in labels if wanted and wanted in label.casefold()][:_MOST]
    close = dict.fromkeys([*parts, *(label for label in labels if label.casefold() in near)])
    hint = f"did you mean {', '.join(f'@{label}' for label in list(close)[:_MOST])}?"
    missing = "no feature has a label" if not labels else "see `circuitlogic query STUDY find --label`"
    raise UnknownNameError(f"no feature bears the label {text[1:]!r}: {hint if close else missing}")
