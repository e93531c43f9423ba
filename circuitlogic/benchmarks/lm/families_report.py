"""Owns the tables of word families: weighted ORs over words of one meaning, and words in one context alone."""

from collections.abc import Iterator, Sequence

from circuitlogic.benchmarks.lm.families import MEANS, WORDS, Agreement, FamilyFigures
from circuitlogic.report.gallery_causal import intervention_lines
from circuitlogic.report.markdown_text import code, plain, table
from circuitlogic.report.numbers import NONE, count, score, share


def family_lines(found: Sequence[tuple[str, FamilyFigures]]) -> Iterator[str]:
    """One table per sort; nothing where the config names no family. Pairs of layer and figures."""
    plainly = [(layer, one) for layer, one in found if one.apart is None]
    apart = [(layer, one) for layer, one in found if one.apart is not None]
    if plainly:
        yield from ("## Weighted ORs over words of one meaning", "")
        yield "For each family of words in the config and each layer, of the ORs whose output means the family"
        yield f"(at least {share(MEANS)} of its training firings are words of it, of {WORDS} different ones at"
        yield "least, where `it` and `It` are one word) the one with the best training F1; precision / recall, held"
        yield "out, of the formula against the true output, and of the output against the family's words. Where the"
        yield "current token alone does as well, the gate is a word list."
        read = {one.family.name for _, one in plainly if _is_read(one.formula)}
        every = len({one.family.name for _, one in plainly})
        yield ""
        yield f"**Families read at precision and recall of at least {_BOTH:g}: {len(read)} of {every}.**"
        yield ""
        yield from table(_HEADS, [_or_row(layer, one) for layer, one in plainly], left=3)
    if apart:
        yield from ("## Words in one context", "")
        yield "The gate whose output, on training tokens, best covers the words where none of the excluded texts is"
        yield from ("near before them. `said with no quote near` is such a family.", "")
        for layer, one in apart:
            yield from _apart(layer, one)


_BOTH = 0.9
"""Precision and recall from which a family counts as read."""
_HEADS = (
    *("family", "output", "formula", "formula / output", "output / family", "F1", "current token alone"),
    "interventions passed",
)


def _or_row(layer: str, one: FamilyFigures) -> list[str]:
    exhibit = one.exhibit
    words = " ".join(code(word) for word in one.words)
    return [
        f"{plain(one.family.name)} ({words})",
        f"`{layer}.out/{exhibit.row.gate.feature.index}`",
        code(exhibit.row.expression, 90),
        _both(one.formula),
        _both(one.output),
        score(exhibit.f1),
        score(exhibit.token_f1),
        exhibit.passed or NONE,
    ]


def _is_read(one: Agreement) -> bool:
    return min(one.precision, one.recall) >= _BOTH


def _both(one: Agreement) -> str:
    return f"{score(one.precision)} / {score(one.recall)}"


def _apart(layer: str, one: FamilyFigures) -> Iterator[str]:
    family, exhibit = one.family, one.exhibit
    unless = " ".join(code(text) for text in family.unless)
    words = " ".join(code(word) for word in one.words)
    yield from (f"### {plain(family.name)}: `{layer}.out/{exhibit.row.gate.feature.index}`", "")
    yield f"- words: {words}; none of {unless} in the {family.near} tokens before"
    yield f"- formula: {code(exhibit.row.expression, 400)}"
    yield f"- weighted: {code(exhibit.row.graded, 240)}"
    if one.apart is not None:
        right, n, wrong, m = one.apart
        others = f"{share(wrong)} of {count(m)} others"
        yield f"- the output fires on {share(right)} of {count(n)} such words, on {others}"
    yield f"- precision / recall of the formula against the output: **{_both(one.formula)}**; on the family's words"
    yield f"  alone, whatever stands before: {_both(one.within)}"
    yield f"- against the family as defined: output {_both(one.output)}, formula {_both(one.meaning)}"
    yield f"- current token alone: F1 {score(exhibit.token_f1)}, formula {score(exhibit.f1)}"
    if exhibit.causal is not None:
        yield from intervention_lines(exhibit.causal, exhibit.literals)
    yield ""
