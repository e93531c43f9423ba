"""Owns tokens in the terminal: contexts shaded by activation, and a gate's triple with its counter-examples."""

from collections.abc import Iterator, Sequence

from rich.color import Color
from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.style import Style
from rich.text import Text

from circuitlogic.render.text import clean
from circuitlogic.report.numbers import count, score
from circuitlogic.report.token_book import FeatureTokens, GateTokens, ShownContext

_FAINT = 0.05
_SHOWN = 4
_INDENT = 2


class ContextLine:
    """One context on one line with its token in sight; brackets mark it where there are no colours."""

    def __init__(self, context: ShownContext, mark: str = "") -> None:
        self._context, self._mark = context, mark

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        """Render within the width."""
        context = self._context
        plain = console.color_system is None
        line = Text(no_wrap=True, overflow="ellipsis")
        line.append(f"{self._mark:<{_INDENT}}", style="dim")
        if context.value is not None:
            line.append(f"{context.value:6.2f} ", style="dim")
        else:
            line.append(f"{context.row:>6} ", style="dim")
        centre = context.tokens[context.centre].text
        room = options.max_width - len(line.plain) - len(centre) - 4
        before = _ending("".join(t.text for t in context.tokens[: context.centre]), room * 2 // 3)
        skipped = len("".join(t.text for t in context.tokens[: context.centre])) - len(before)
        for place, token in enumerate(context.tokens):
            text = token.text[max(0, skipped) :] if place < context.centre else token.text
            skipped -= len(token.text) if place < context.centre else 0
            if place == context.centre:
                _append_centre(line, text, token.heat, plain)
            elif text:
                line.append(text, _shade(token.heat))
        yield line


def _append_centre(line: Text, text: str, heat: float, plain: bool) -> None:
    lead = text[: len(text) - len(text.lstrip(" "))]
    body = text[len(lead) :] or "␣"
    line.append(lead)
    if plain:
        line.append(f"[[{body}]]")
    else:
        line.append(body, _shade(heat) + Style(bold=True, underline=True))


def _ending(text: str, width: int) -> str:
    return text[-width:] if width > 0 else ""


def _shade(heat: float) -> Style:
    """White to orange, as the field's dashboards do, with black letters on it."""
    if heat <= _FAINT:
        return Style()
    share = min(1.0, heat)
    return Style(color="black", bgcolor=Color.from_rgb(255, int(255 - 115 * share), int(220 - 220 * share)))


def gate_tokens(found: GateTokens, formula_f1: float | None) -> RenderableType:
    """Everything that tokens say of a gate."""
    return Group(*_gate_parts(found, formula_f1))


def _gate_parts(found: GateTokens, formula_f1: float | None) -> Iterator[RenderableType]:
    baseline = found.baseline
    words = " ".join(clean(word, 16) or "␣" for word in found.words[:8])
    more = f" and {count(baseline.size - 8)} more" if baseline.size > 8 else ""
    yield Text("Current token alone, held out", style="bold")
    line = f"F1 {score(baseline.f1)} with {words or 'no token'}{more}"
    if formula_f1 is not None:
        line += f"; the formula gains {formula_f1 - baseline.f1:+.2f}".replace("-", "−")
    yield Text(line)
    yield Text()
    for place, side in enumerate(found.sides):
        name = "output" if place == len(found.sides) - 1 else "input " + "ABC"[place]
        yield from _side(side, name)
    yield from _list("The formula is right, by held-out row", found.right, "✓")
    yield from _list(
        f"It fires, the output does not ({count(found.false_alarm_count)})", found.false_alarms, "✗"
    )
    yield from _list(f"The output fires, it does not ({count(found.missed_count)})", found.missed, "?")


def _side(side: FeatureTokens, name: str) -> Iterator[RenderableType]:
    title = Text.assemble((f"{name}  ", "dim"), (str(side.feature), "bold"))
    if side.label:
        title.append(f"  {clean(side.label, 60)}")
    yield title
    yield from (ContextLine(context) for context in side.strongest[:_SHOWN])
    for verb, words in (("promotes", side.promoted), ("suppresses", side.suppressed)):
        if words:
            yield Text(f"  {verb}: {', '.join(clean(word, 16) or '␣' for word in words)}", style="dim")
    yield Text()


def _list(title: str, contexts: Sequence[ShownContext], mark: str) -> Iterator[RenderableType]:
    if contexts:
        yield Text(title, style="bold")
        yield from (ContextLine(context, mark) for context in contexts[:_SHOWN])
        yield Text()


def feature_tokens(side: FeatureTokens) -> RenderableType:
    """One feature by itself: strongest contexts, then one per stratum of its range."""
    parts = list(_side(side, "feature"))
    if side.strata:
        parts += list(_list("Over its range, weakest first", side.strata, "·"))
    return Group(*parts)
