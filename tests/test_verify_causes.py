"""Noising and denoising, and gates read again without inputs that do nothing, on planted networks."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from feature_cases import identity_sae, seeded
from torch import Tensor, nn

from circuitlogic.activations.sites import Site
from circuitlogic.extract.gates_to_rows import gate_to_row
from circuitlogic.extract.row_activity import SiteFeatures, Split
from circuitlogic.extract.rows_to_gates import activity_of
from circuitlogic.features import FeatureId
from circuitlogic.logic.activity import ReadingOptions, Row
from circuitlogic.logic.causal_filter import read_by_causes
from circuitlogic.logic.formula import And, Formula, Literal, Or, literals_of
from circuitlogic.logic.gate import Gate, GateInput
from circuitlogic.logic.reading import read_gate
from circuitlogic.networks.protocol import stretch_between
from circuitlogic.saes.rows import TensorRows
from circuitlogic.verify.causal_summary import summarise
from circuitlogic.verify.gate_experiment import intervene
from circuitlogic.verify.interventions_file import load_interventions, load_rereadings, save_interventions
from circuitlogic.verify.rereading import Rereading, halves, read_again, summarise_rereadings
from circuitlogic.verify.setting import Setting

WIDTH = 64
A, B, C, TWIN, SPARE = range(5)
AND, OR, SUM, OR_TWO = range(4)


def literal(index: int) -> Literal:
    return Literal(FeatureId("0", index))


a, b, twin = literal(A), literal(B), literal(TWIN)


def inputs(samples: int = 1600, seed: int = 0, alike: float = 0.97) -> Tensor:
    """Features on at 0.9 to 1.1 in 40 % of samples; TWIN almost always with A."""
    generator = seeded(seed)
    on = torch.rand(samples, WIDTH, generator=generator) < 0.4
    same = torch.rand(samples, generator=generator) < alike
    on[:, TWIN] = torch.where(same, on[:, A], ~on[:, A])
    return on * (0.9 + 0.2 * torch.rand(samples, WIDTH, generator=generator))


def planted() -> nn.Sequential:
    """Sites `0` and `2`: a AND b; max-like a OR b (saturating); a + b + c without a bias; a OR b again."""
    network = nn.Sequential(nn.ReLU(), nn.Linear(WIDTH, 4), nn.ReLU())
    weight, bias = torch.zeros(4, WIDTH), torch.zeros(4)
    weight[AND, [A, B]], bias[AND] = 1.0, -1.4
    weight[OR, [A, B]] = 1.0
    weight[SUM, [A, B, C]] = 1.0
    weight[OR_TWO, [A, B]], bias[OR_TWO] = 1.0, -0.4
    linear = network[1]
    assert isinstance(linear, nn.Linear)
    with torch.no_grad():
        linear.weight.copy_(weight)
        linear.bias.copy_(bias)
    return network


def setting(x: Tensor) -> Setting:
    network = planted()
    stretch = stretch_between(network, Site.parse("0"), Site.parse("2"))
    with torch.no_grad():
        y = network(x)
    return Setting(
        split="heldout",
        activations=TensorRows(x),
        decoder=torch.eye(WIDTH),
        encoder=identity_sae(4),
        inputs=sp.csc_array(x.double().numpy()),
        outputs=sp.csc_array(y.double().numpy()),
        rerun=lambda edited, rows: stretch(edited, x[torch.from_numpy(rows)]),
    )


def gate(output: int, formula: Formula | None, kind: str, scale: float = 1.0) -> Gate:
    found = tuple(GateInput(FeatureId("0", i), 1.0, 1.0, 0.1, 0.4) for i in (A, B, C))
    return Gate(FeatureId("2", output), kind, formula, found, 0.0, 0.05, scale, None)


@pytest.mark.parametrize(
    ("output", "formula", "role"), [(AND, And((a, b)), "and"), (OR_TWO, Or((a, b)), "or")]
)
def test_an_and_breaks_by_noising_alone_and_an_or_is_restored_by_denoising_alone(
    output: int, formula: Formula, role: str
) -> None:
    found = intervene(gate(output, formula, role), setting(inputs()), seeded(0))
    assert found is not None
    joint = found.joint
    assert joint is not None
    assert joint.role == role
    assert joint.inputs == (a.feature, b.feature)
    assert max(joint.noising.control, joint.denoising.control) < 0.5
    assert (joint.adds is True) == (role == "or")


def test_a_sum_gives_as_much_as_it_takes_and_a_graded_gate_is_confirmed_by_that() -> None:
    found = intervene(gate(SUM, None, "graded", scale=1.5), setting(inputs()), seeded(0))
    assert found is not None
    assert found.literals == ()
    assert found.joint is not None
    assert found.joint.adds
    assert found.joint.noising.amount == pytest.approx(0.45, abs=0.1)
    assert found.joint.denoising.amount == pytest.approx(1 / 1.5, abs=0.1)
    assert found.kind_confirmed == "yes"
    wrong = intervene(gate(AND, None, "graded"), setting(inputs()), seeded(0))
    assert wrong is not None
    assert wrong.kind_confirmed == "no"
    summary = summarise([found, wrong])
    assert (summary.gates, summary.graded, summary.graded_adding) == (0, 2, 1)


def test_one_helping_input_or_too_few_samples_say_nothing_about_acting_together() -> None:
    alone = intervene(gate(AND, a, "copy"), setting(inputs()), seeded(0))
    assert alone is not None
    assert alone.joint is None
    few = intervene(gate(AND, And((a, b)), "and"), setting(inputs(6)), seeded(0))
    assert few is not None
    assert few.joint is not None
    assert (few.joint.role, few.joint.adds) == (None, None)
    assert intervene(gate(AND, None, "unexplained"), setting(inputs()), seeded(0)) is None


def read_with_a_twin(x: Tensor) -> tuple[Gate, Split, Split]:
    """The AND read from a row in which the twin outweighs the cause."""
    here = setting(x)
    half = len(x) // 2
    parts = [
        Split(
            SiteFeatures("0", sp.csc_array(here.inputs[rows])),
            SiteFeatures("2", sp.csc_array(here.outputs[rows])),
        )
        for rows in (slice(0, half), slice(half, None))
    ]
    weights = np.array([0.2, 1.0, 1.0, 0.01])
    row = Row(
        FeatureId("2", AND),
        tuple(FeatureId("0", i) for i in (A, B, TWIN, SPARE)),
        weights,
        weights,
        -1.4,
        0.6,
        np.ones(4),
    )
    options = ReadingOptions(bootstrap=10)
    return read_gate(row, activity_of(row, parts[0]), activity_of(row, parts[1]), options), *parts


def test_a_stored_gate_is_read_again_to_the_same_gate() -> None:
    gate, train, heldout = read_with_a_twin(inputs())
    row = gate_to_row(gate)
    again = read_gate(row, activity_of(row, train), activity_of(row, heldout), ReadingOptions(bootstrap=10))
    assert gate.evidence is not None
    assert again.evidence is not None
    assert again.evidence.r2 == pytest.approx(gate.evidence.r2)
    assert replace(again, evidence=gate.evidence) == gate
    assert replace(again.evidence, r2=gate.evidence.r2) == gate.evidence


def test_an_excluded_input_stays_an_edge_and_leaves_the_formula() -> None:
    gate, train, heldout = read_with_a_twin(inputs())
    row, excluded = gate_to_row(gate), frozenset({b.feature})
    parts = activity_of(row, train), activity_of(row, heldout)
    without = read_gate(row, *parts, ReadingOptions(bootstrap=10), excluded)
    assert [i.feature for i in without.inputs] == [i.feature for i in gate.inputs]
    formula = without.formula or (without.runner_up and without.runner_up.formula)
    assert formula is not None
    assert b not in literals_of(formula)


def test_a_twin_that_does_nothing_is_dropped_and_the_cause_is_found(tmp_path: Path) -> None:
    x = inputs()
    gate, train, heldout = read_with_a_twin(x)
    gate = replace(gate, kind="and", formula=And((twin, b)))
    row = gate_to_row(gate)

    def reread(excluded: frozenset[FeatureId]) -> Gate:
        return read_gate(
            row, activity_of(row, train), activity_of(row, heldout), ReadingOptions(bootstrap=10), excluded
        )

    found = read_again(gate, reread, *halves(setting(x)), seeded(0))
    assert found is not None
    assert found.reading.excluded == (twin.feature,)
    assert found.reading.settled
    assert set(literals_of(found.reading.gate.formula or b)) == {a, b}
    assert found.intervention is not None
    assert found.intervention.confirmed_literals == 2
    summary = summarise_rereadings([found])
    assert (summary.gates, summary.formulas, summary.literals_confirmed) == (1, 1, 2)
    true = replace(gate, formula=And((a, b)))
    assert read_again(true, reread, *halves(setting(x)), seeded(0)) is None
    first = intervene(gate, setting(x), seeded(0))
    assert first is not None
    assert first.without_effect == {twin.feature}
    save_interventions([first], tmp_path, [found])
    assert load_interventions(tmp_path) == (first,)
    assert load_rereadings(tmp_path) == (found,)


def test_the_halves_share_no_sample_and_run_their_own() -> None:
    whole = setting(inputs(101))
    first, second = halves(whole)
    assert (len(first.activations), len(second.activations)) == (50, 51)
    edit = np.array([0, 7])
    change = torch.zeros(2, WIDTH)
    for part, offset in ((first, 0), (second, 50)):
        ours = part.outputs_after([(edit, change)], SUM)[0]
        theirs = whole.outputs_after([(edit + offset, change)], SUM)[0]
        assert ours.tolist() == theirs.tolist()


def test_dropping_goes_on_until_nothing_idle_is_left_and_stops_after_the_rounds() -> None:
    start = gate(AND, And((a, b)), "and")
    kept = replace(start, formula=a)

    def idle(now: Gate) -> frozenset[FeatureId]:
        return frozenset({b.feature}) if now.formula != a else frozenset()

    reading = read_by_causes(start, lambda _: kept, idle)
    assert (reading.gate, reading.excluded, reading.rounds, reading.settled) == (kept, (b.feature,), 1, True)
    unchanged = read_by_causes(kept, lambda _: start, idle)
    assert (unchanged.gate, unchanged.excluded, unchanged.rounds) == (kept, (), 0)
    endless = read_by_causes(start, lambda _: start, idle, rounds=2)
    assert (endless.rounds, endless.settled) == (2, False)
    nothing = read_by_causes(start, lambda _: replace(start, formula=None), idle)
    assert isinstance(Rereading(nothing, None), Rereading)
    assert (nothing.gate.formula, nothing.settled) == (None, True)
