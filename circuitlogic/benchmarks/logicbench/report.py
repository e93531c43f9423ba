"""Owns what is written of a run: the JSON document and the Markdown report."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from circuitlogic.benchmarks.logicbench import tables
from circuitlogic.benchmarks.logicbench.arms import OWN, arms_named
from circuitlogic.benchmarks.logicbench.identified import (
    MIN_F1,
    MIN_FIRINGS,
    MIN_FLIPS,
    NEAR_GATE_F1,
    NO_GATE_F1,
)
from circuitlogic.benchmarks.logicbench.run import LogicBench
from circuitlogic.benchmarks.logicbench.score import Score
from circuitlogic.benchmarks.logicbench.summary import ArmSummary, Share, summarise
from circuitlogic.benchmarks.logicbench.tables import percent, present, scores_in
from circuitlogic.benchmarks.logicbench.targets import target_rows
from circuitlogic.benchmarks.logicbench.tiers import tiers_named
from circuitlogic.benchmarks.markdown_table import markdown_table
from circuitlogic.benchmarks.pages import write_page
from circuitlogic.json_files import write_json

SCHEMA = "circuitlogic/logicbench/3"
HEADLINE = (
    "arm",
    "n",
    "strict",
    "95 %",
    "where seen",
    "same firing",
    "kind right",
    "kind macro-F1",
    "edge F1",
    "beats one input",
    "no gate, named falsely",
    "held-out F1",
    "length",
    "ms",
)


def document(bench: LogicBench) -> dict[str, Any]:
    """The run as plain JSON values: settings, targets, summaries per tier, and every gate, feature and chain."""
    return {
        "schema": SCHEMA,
        "settings": asdict(bench.settings),
        "targets": [asdict(row) for row in target_rows(bench)],
        "summary": {
            tier: [_plain(summary) for summary in summarise(scores_in(bench, tier))]
            for tier in present(bench)
        },
        "missing": [{"kind": k, "condition": c, "cases": n} for k, c, n in bench.missing],
        "scores": [asdict(score) for score in bench.scores],
        "live": [asdict(live) for live in bench.live],
        "chains": [asdict(chain) for chain in bench.chains],
        "measures": [asdict(measure) for measure in bench.measures],
    }


def _plain(summary: ArmSummary) -> dict[str, Any]:
    values = asdict(summary)
    for name, value in values.items():
        part = getattr(summary, name)
        if isinstance(part, Share):
            low, high = part.interval
            values[name] = {**value, "low": low, "high": high}
    return values


def headline(scores: Sequence[Score]) -> list[tuple[str, ...]]:
    """One row of `HEADLINE` per arm."""
    return [_headline_row(summary) for summary in summarise(scores)]


def _headline_row(s: ArmSummary) -> tuple[str, ...]:
    low, high = s.strict.interval
    return (
        s.arm,
        f"{s.strict.n:,}",
        percent(s.strict),
        f"{100 * low:.1f} to {100 * high:.1f}",
        percent(s.seen),
        percent(s.functional),
        percent(s.named),
        f"{s.macro_f1:.3f}",
        f"{s.edges.f1:.3f}",
        percent(s.beats),
        percent(s.false_names),
        f"{s.firing_f1:.3f}",
        f"{s.length:.2f}",
        f"{s.milliseconds:.1f}",
    )


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
    write_page(
        path,
        "logicbench.md.j2",
        command=command,
        settings=bench.settings,
        sizes=bench.settings.sizes,
        tiers=tiers_named(bench.settings.tiers),
        targets=_targets(bench),
        overview=tables.overview(bench),
        no_gate=tables.no_gate(bench),
        blocking=tables.blocking(bench),
        learned=tables.learned(bench),
        learned_arms=_learned_arms(bench),
        live=tables.live(bench),
        twins=tables.twins(bench),
        wide=tables.wide(bench),
        deep=tables.deep(bench),
        coverage=tables.coverage(bench),
        given=_given(bench),
        min_f1=MIN_F1,
        min_flips=MIN_FLIPS,
        no_gate_f1=NO_GATE_F1,
        near_gate_f1=NEAR_GATE_F1,
        min_firings=MIN_FIRINGS,
        missing=bench.missing,
    )


def _targets(bench: LogicBench) -> str:
    rows = [
        (row.quantity, row.target, row.reached, "**no**" if row.verdict == "no" else row.verdict)
        for row in target_rows(bench)
    ]
    return markdown_table(("quantity", "target", "reached", "met"), rows) if rows else ""


def _given(bench: LogicBench) -> dict[str, Any] | None:
    """What the report says of the tier with true features; None where it was not run."""
    scores = scores_in(bench, "true")
    if not scores:
        return None
    summaries = summarise(scores)
    return {
        "arms": arms_named(tuple(s.arm for s in summaries)),
        "headline": markdown_table(HEADLINE, headline(scores)),
        "verdict": _verdict(summaries),
        "by_kind": _split_table("planted", summaries, lambda s: s.by_kind),
        "by_condition": _split_table("condition", summaries, lambda s: s.by_condition),
        "by_support": _split_table("training firings of the output", summaries, lambda s: s.by_support),
        "by_floor": _split_table(tables.FLOOR, summaries, lambda s: s.by_floor),
        "losses": _losses(summaries),
    }


def _learned_arms(bench: LogicBench) -> str:
    """Strict recovery of all arms where features are learned."""
    rows: list[tuple[str, ...]] = []
    names: list[str] = []
    for tier in tables.LEARNED:
        for leak in bench.settings.leaks:
            scores = scores_in(bench, tier, leak)
            if scores:
                summaries = summarise(scores)
                names = [s.arm for s in summaries]
                cells = (percent(s.strict) for s in summaries)
                rows.append((tier, f"{leak:g}x", str(summaries[0].strict.n), *cells))
    return markdown_table(("tier", tables.FLOOR, "n", *names), rows) if rows else ""


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
