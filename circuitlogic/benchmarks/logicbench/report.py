"""Owns what is written of a run: the JSON document and the Markdown report."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from circuitlogic.benchmarks.logicbench.arms import OWN, arms_named
from circuitlogic.benchmarks.logicbench.planting import MIN_F1, MIN_FLIPS, NEAR_GATE_F1, NO_GATE_F1
from circuitlogic.benchmarks.logicbench.run import LogicBench
from circuitlogic.benchmarks.logicbench.summary import ArmSummary, Share, share, summarise
from circuitlogic.benchmarks.seed_report import markdown_table
from circuitlogic.json_files import write_json
from circuitlogic.whole_files import write_bytes

SCHEMA = "circuitlogic/logicbench/1"
HEADLINE = (
    "arm",
    "n",
    "strict",
    "95 %",
    "same firing",
    "kind right",
    "kind macro-F1",
    "no gate named",
    "held-out F1",
    "length",
    "ms",
)


def document(bench: LogicBench) -> dict[str, Any]:
    """The run as plain JSON values: settings, summaries, what could not be planted, and every score."""
    return {
        "schema": SCHEMA,
        "settings": asdict(bench.settings),
        "summary": [_plain(summary) for summary in summarise(bench.scores)],
        "missing": [{"kind": k, "condition": c, "cases": n} for k, c, n in bench.missing],
        "scores": [asdict(score) for score in bench.scores],
    }


def _plain(summary: ArmSummary) -> dict[str, Any]:
    values = asdict(summary)
    for name in ("strict", "functional", "named", "false_names"):
        low, high = getattr(summary, name).interval
        values[name] = {**values[name], "low": low, "high": high}
    return values


def headline(bench: LogicBench) -> list[tuple[str, ...]]:
    """One row of `HEADLINE` per arm."""
    return [_headline_row(summary) for summary in summarise(bench.scores)]


def _headline_row(s: ArmSummary) -> tuple[str, ...]:
    low, high = s.strict.interval
    return (
        s.arm,
        f"{s.strict.n:,}",
        percent(s.strict),
        f"{100 * low:.1f} to {100 * high:.1f}",
        percent(s.functional),
        percent(s.named),
        f"{s.macro_f1:.3f}",
        percent(s.false_names),
        f"{s.firing_f1:.3f}",
        f"{s.length:.2f}",
        f"{s.milliseconds:.1f}",
    )


def percent(part: Share) -> str:
    """`97.6 %`; a dash for none."""
    return f"{100 * part.value:.1f} %" if part.n else "-"


def write_json_document(bench: LogicBench, path: Path) -> None:
    """Write `document` to `path`."""
    write_json(path, document(bench))


def write_report(bench: LogicBench, path: Path, command: str) -> None:
    """Write the Markdown report of a run.

    Args:
        bench: The run.
        path: The file.
        command: What repeats the run; named in the report.
    """
    loader = PackageLoader("circuitlogic.benchmarks")
    environment = Environment(loader=loader, undefined=StrictUndefined, autoescape=False)  # noqa: S701 Markdown
    summaries = summarise(bench.scores)
    text = environment.get_template("logicbench.md.j2").render(
        command=command,
        settings=bench.settings,
        sizes=bench.settings.sizes,
        arms=arms_named(tuple(s.arm for s in summaries)),
        min_f1=MIN_F1,
        min_flips=MIN_FLIPS,
        no_gate_f1=NO_GATE_F1,
        near_gate_f1=NEAR_GATE_F1,
        headline=markdown_table(HEADLINE, headline(bench)),
        verdict=_verdict(summaries),
        by_kind=_split_table("planted", summaries, lambda s: s.by_kind),
        by_condition=_split_table("condition", summaries, lambda s: s.by_condition),
        by_support=_split_table("training firings of the output", summaries, lambda s: s.by_support),
        by_floor=_split_table("noise floor", summaries, lambda s: s.by_floor),
        losses=_losses(summaries),
        damped=_damped(bench),
        missing=[(kind, condition, number) for kind, condition, number in bench.missing],
    )
    write_bytes(path, (text.rstrip() + "\n").encode())


def _split_table(
    first: str, summaries: Sequence[ArmSummary], part: Callable[[ArmSummary], dict[str, Share]]
) -> str:
    names = list(part(summaries[0])) if summaries else []
    rows = [
        (name, str(part(summaries[0])[name].n), *(percent(part(s)[name]) for s in summaries))
        for name in names
    ]
    return markdown_table((first, "n", *(s.arm for s in summaries)), rows)


def _verdict(summaries: Sequence[ArmSummary]) -> str:
    """One sentence: the own arm against the best baseline."""
    own = next((s for s in summaries if s.arm == OWN.name), None)
    others = [s for s in summaries if s.arm != OWN.name]
    if own is None or not others:
        return ""
    best = max(others, key=lambda s: s.strict.value)
    points = 100 * (own.strict.value - best.strict.value)
    return (
        f"{own.arm} finds the planted function in {percent(own.strict)} of {own.strict.n:,} cases, "
        f"the best baseline ({best.arm}) in {percent(best.strict)}: {points:+.1f} points."
    )


def _losses(summaries: Sequence[ArmSummary]) -> list[str]:
    """Kinds and conditions in which a baseline is better than the own arm."""
    own = next((s for s in summaries if s.arm == OWN.name), None)
    if own is None:
        return []
    lines: list[str] = []
    for other in summaries:
        for mine, theirs in ((own.by_kind, other.by_kind), (own.by_condition, other.by_condition)):
            lines += [
                f"{name}: {other.arm} {percent(theirs[name])}, {own.arm} {percent(mine[name])} (n = {mine[name].n})"
                for name in mine
                if theirs[name].value > mine[name].value
            ]
    return lines


def _damped(bench: LogicBench) -> str:
    """How often the own arm says of a damped copy that an input damps or partly blocks it."""
    scores = [s for s in bench.scores if s.arm == OWN.name and s.kind == "damped copy"]
    told = share(scores, lambda s: s.named in ("damped-copy", "partial-inhibition"))
    return f"{told.hits} of {told.n}" if told.n else ""
