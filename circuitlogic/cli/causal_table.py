"""Owns how interventions on gates are shown: one table of all gates, two of one gate, one line of totals."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from circuitlogic.cli.console import Streams
from circuitlogic.errors import CheckFailedError, unknown_name

if TYPE_CHECKING:
    from circuitlogic.verify.causal_summary import CausalSummary
    from circuitlogic.verify.intervention import GateIntervention, LiteralIntervention
    from circuitlogic.verify.joint_trial import JointTrial
    from circuitlogic.verify.rereading import Rereading, RereadingSummary


def chosen(gates: Sequence["GateIntervention"], feature: str | None) -> tuple["GateIntervention", ...]:
    """All of `gates`, or the one of `feature`.

    Raises:
        UnknownNameError: it has no gate with a formula.
    """
    if feature is None:
        return tuple(gates)
    found = tuple(gate for gate in gates if str(gate.feature) == feature)
    if not found:
        raise unknown_name("gate that was intervened on", feature, (str(gate.feature) for gate in gates))
    return found


def draw_gates(streams: Streams, gates: Sequence["GateIntervention"]) -> None:
    """One row per gate."""
    from circuitlogic.report.fitting import Column, FittingTable, cells

    columns = (
        Column("gate", right=False),
        Column("kind", right=False),
        Column("literals"),
        Column("sign confirmed"),
        Column("kind confirmed", right=False),
        Column("effect", 1),
        Column("control", 1),
        Column("kill: seen → done", 2, right=False),
    )
    rows = tuple(
        cells(
            str(gate.feature),
            gate.kind,
            str(len(gate.literals)),
            f"{gate.confirmed_literals}/{gate.decided_literals}",
            gate.kind_confirmed,
            _share(_effect(gate)),
            _share(gate.control if gate.decided_literals else None),
            _kills(gate),
        )
        for gate in gates
    )
    notes = (
        "Each literal switched off and on in the original network, where the formula says that this matters.",
        "Sign confirmed: of the literals with samples enough. Effect: share of outputs that follow, their mean.",
        "Control: the same for a random direction of the same norm. Kind confirmed: every literal switches the",
        "output where the formula says so, and not where it does not; a graded gate's inputs add up.",
        "Kill: share of firing outputs that a NOT literal silences, as observed and under intervention.",
    )
    streams.draw(FittingTable("Gates under intervention", columns, rows, notes))


def draw_gate(streams: Streams, gate: "GateIntervention") -> None:
    """Every literal, then the observed and the causal truth table side by side."""
    from circuitlogic.report.fitting import Column, FittingTable, cells

    columns = (
        Column("literal", right=False),
        Column("sign", right=False),
        Column("confirmed", right=False),
        Column("off: n"),
        Column("flips"),
        Column("control", 1),
        Column("change", 2),
        Column("on: n"),
        Column("flips"),
        Column("control", 1),
        Column("change", 2),
        Column("idle n", 3),
        Column("flips", 3),
    )
    rows = tuple(cells(*_literal_cells(literal)) for literal in gate.literals)
    title = f"{gate.feature}, {gate.kind}: kind confirmed {gate.kind_confirmed}"
    notes = ("Flips: of the true output, as the formula says; idle: though the formula says the same.",)
    streams.draw(FittingTable(title, columns, rows, notes))
    states = (
        *(Column(_name(literal)) for literal in gate.literals),
        Column("formula"),
        Column("seen: n"),
        Column("fires"),
        Column("done: n"),
        Column("fires"),
    )
    table = tuple(
        cells(
            *(_bit(on) for on in state.state),
            _bit(state.predicted),
            str(state.observed_samples),
            _share(state.observed),
            str(state.intervened_samples),
            _share(state.intervened),
        )
        for state in gate.states
    )
    notes = ("Seen: samples in this state. Done: samples of other states, their literals set to this one.",)
    if gate.literals:
        streams.draw(FittingTable("Truth table, observed and under intervention", states, table, notes))
    if gate.joint is not None:
        streams.draw(joint_line(gate.joint))


_SHORT = {"and": "like AND", "or": "like OR", "both": "both ways", "neither": "neither"}
_ROLES = {
    "and": "they act jointly, as in an AND",
    "or": "each acts alone, as in an OR",
    "both": "each breaks and each restores, as in a sum",
    "neither": "none of them decides alone: others stand in",
}


def joint_line(joint: "JointTrial") -> str:
    """What taking away and bringing in single inputs says."""
    away, brought = joint.noising, joint.denoising
    figures = (
        f"one of {len(joint.inputs)} helping inputs taken away silences {_percent(away.flips)} "
        f"(control {_percent(away.control)}, n {away.samples}) and costs {_percent(away.amount)}; "
        f"brought in alone it fires {_percent(brought.flips)} "
        f"(control {_percent(brought.control)}, n {brought.samples}) and gives {_percent(brought.amount)}"
    )
    if joint.role is None:
        return f"{figures}: too few samples to say more"
    return f"{figures}: {_ROLES[joint.role]}{'; amounts add up' if joint.adds else ''}"


def rereading_line(summary: "RereadingSummary") -> str:
    """The gates read again, in one line."""
    quality = "" if summary.f1 is None else f" (median held-out F1 {_share(summary.f1)})"
    return (
        f"read again without inputs that do nothing (tested on one half of the samples): {summary.gates} gates, "
        f"{summary.formulas} still with a formula{quality}; sign confirmed on the other half: "
        f"{summary.literals_confirmed} of {summary.literals_decided} literals"
    )


def draw_rereading(streams: Streams, rereading: "Rereading") -> None:
    """What is left of one gate without the inputs that do nothing."""
    from circuitlogic.logic.formula import to_text

    gate, reading = rereading.reading.gate, rereading.reading
    formula = "no formula" if gate.formula is None else to_text(gate.formula)
    f1 = "" if gate.evidence is None else f", held-out F1 {gate.evidence.f1:.2f}"
    dropped = ", ".join(str(feature) for feature in reading.excluded)
    streams.draw(f"read again without {dropped}, which do nothing: {gate.kind}, {formula}{f1}")


def summary_line(summary: "CausalSummary") -> str:
    """The totals in one line."""
    decided = summary.kinds_confirmed + summary.kinds_refuted
    return (
        f"sign confirmed: {summary.literals_confirmed} of {summary.literals_decided} literals "
        f"({_percent(summary.confirmed_share)}), {summary.literals - summary.literals_decided} undecided; "
        f"kind confirmed: {summary.kinds_confirmed} of {decided} gates "
        f"({_percent(summary.kind_share)}), {summary.kinds_undecided} undecided; "
        f"effect {_share(summary.effect)}, control {_share(summary.control)}; "
        f"fires, seen → done: {_share(summary.on_observed)} → {_share(summary.on_intervened)} where the formula "
        f"is on, {_share(summary.off_observed)} → {_share(summary.off_intervened)} where off{_together(summary)}"
    )


def _together(summary: "CausalSummary") -> str:
    """What helping inputs do one at a time, over all gates."""
    said = [f"{name} {summary.roles[role]}" for role, name in _SHORT.items() if role in summary.roles]
    if summary.graded:
        said.append(f"graded that add up {summary.graded_adding} of {summary.graded}")
    return f"; helping inputs one at a time: {', '.join(said)}" if said else ""


def check_confirmed(summary: "CausalSummary", least: float | None) -> None:
    """Hold the share of literals with confirmed sign to what the user demands.

    Raises:
        CheckFailedError: it is below, or no literal has samples enough.
    """
    if least is None:
        return
    share = summary.confirmed_share
    if share is None:
        raise CheckFailedError("check failed: no literal has pivotal samples enough to confirm its sign")
    if share < least:
        raise CheckFailedError(
            f"check failed: share of literals with confirmed sign {share:.4f} is below the minimum {least:g}"
        )


def _literal_cells(literal: "LiteralIntervention") -> tuple[str, ...]:
    idle = (literal.idle_removal, literal.idle_insertion)
    tried = sum(trial.samples for trial in idle)
    flips = sum(trial.samples * trial.flips for trial in idle) / tried if tried else None
    trials = [
        cell
        for t in (literal.removal, literal.insertion)
        for cell in (
            str(t.samples),
            _share(t.flips if t.samples else None),
            _share(t.control_flips if t.samples else None),
            f"{t.change:+.3f}" if t.samples else "–",
        )
    ]
    confirmed = "too few" if literal.insufficient else "yes" if literal.confirmed else "no"
    return _name(literal), _sign(literal.sign), confirmed, *trials, str(tried), _share(flips)


def _name(literal: "LiteralIntervention") -> str:
    from circuitlogic.logic.formula import level_suffix

    return f"{literal.feature}{level_suffix(literal.level).replace('_', ' ')}"


def _kills(gate: "GateIntervention") -> str:
    pairs = [(li.kappa, li.kill) for li in gate.literals if li.sign < 0]
    return ", ".join(f"{_share(seen)} → {_share(done)}" for seen, done in pairs)


def _effect(gate: "GateIntervention") -> float | None:
    decided = [literal.effect for literal in gate.literals if not literal.insufficient]
    return sum(decided) / len(decided) if decided else None


def _sign(sign: int) -> str:
    return {1: "+", -1: "-"}.get(sign, "±")


def _bit(on: bool) -> str:
    return "1" if on else "0"


def _share(share: float | None) -> str:
    return "–" if share is None else f"{share:.2f}"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.0%}"
