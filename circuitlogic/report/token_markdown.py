"""Owns tokens in Markdown: contexts as list items, the token that counts in bold, all else plain."""

from collections.abc import Iterator, Sequence

from circuitlogic.report.markdown_text import code, plain
from circuitlogic.report.numbers import count, score
from circuitlogic.report.token_book import FeatureTokens, GateTokens, ShownContext


def context_item(context: ShownContext) -> str:
    """One context as a list item."""
    before, centre, after = (
        "".join(t.text for t in part)
        for part in (
            context.tokens[: context.centre],
            context.tokens[context.centre : context.centre + 1],
            context.tokens[context.centre + 1 :],
        )
    )
    value = "" if context.value is None else f" ({context.value:.2f})"
    gap = " " if centre.startswith(" ") or before.endswith(" ") else ""
    tail = " " if after.startswith(" ") else ""
    return f"- {plain(before)}{gap}**{plain(centre) or '␣'}**{tail}{plain(after)}{value}"


def gate_lines(found: GateTokens, formula_f1: float | None, most: int = 4) -> Iterator[str]:
    """The triple, the token-only score, right and wrong contexts."""
    words = " ".join(code(word) for word in found.words[:8])
    gain = "" if formula_f1 is None else f"; the formula gains {formula_f1 - found.baseline.f1:+.2f}"
    size = count(found.baseline.size)
    yield from (
        f"- current token alone: F1 {score(found.baseline.f1)} with {size} tokens ({words}){gain}",
        "",
    )
    for place, side in enumerate(found.sides):
        name = "output" if place == len(found.sides) - 1 else f"input {'ABC'[place]}"
        yield from _side(side, name, most)
    yield from _list("The formula is right:", found.right, most)
    yield from _list(
        f"Counter-examples: it fires, the output does not ({count(found.false_alarm_count)} in all):",
        found.false_alarms,
        most,
    )
    yield from _list(
        f"Counter-examples: the output fires, it does not ({count(found.missed_count)} in all):",
        found.missed,
        most,
    )


def _side(side: FeatureTokens, name: str, most: int) -> Iterator[str]:
    label = f" *{plain(side.label, 60)}*" if side.label else ""
    yield from (f"{name} {code(str(side.feature))}{label}:", "")
    yield from (context_item(context) for context in side.strongest[:most])
    for verb, words in (("promotes", side.promoted), ("suppresses", side.suppressed)):
        if words:
            yield f"- {verb} {' '.join(code(word) for word in words)}"
    yield ""


def _list(title: str, contexts: Sequence[ShownContext], most: int) -> Iterator[str]:
    if contexts:
        yield from (title, "")
        yield from (context_item(context) for context in contexts[:most])
        yield ""
