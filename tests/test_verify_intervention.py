"""Gates under intervention: planted gates are borne out, twins and wrong kinds are found out."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from feature_cases import identity_sae, seeded
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from circuitlogic.activations.sites import Site
from circuitlogic.config import SaeConfig
from circuitlogic.errors import DataError, StudyError
from circuitlogic.features import FeatureId
from circuitlogic.logic.formula import And, Const, Formula, Literal, Not, Or, Xor, at_least
from circuitlogic.logic.gate import Gate, GateInput
from circuitlogic.logic.kinds import kind_of
from circuitlogic.networks.image_mlp import ImageClassifier
from circuitlogic.networks.protocol import Resumable, needs_inputs, stretch_between
from circuitlogic.saes.batch_topk import BatchTopK
from circuitlogic.saes.registry import architecture_named
from circuitlogic.saes.rows import TensorRows
from circuitlogic.saes.single_feature import encoded_column
from circuitlogic.verify.causal_summary import summarise
from circuitlogic.verify.gate_experiment import intervene
from circuitlogic.verify.intervention import GateIntervention
from circuitlogic.verify.interventions_file import (
    JSON_FILE,
    intervention_to_json,
    load_interventions,
    save_interventions,
)
from circuitlogic.verify.literal_states import distinct_rows
from circuitlogic.verify.setting import MAX_SAMPLES, Setting

WIDTH = 64
A, B, C, TWIN, GRADED, BYSTANDER = range(6)
AND, OR, AND_NOT, TWO_OF_THREE, STEPS = range(5)


def literal(index: int, level: int = 0) -> Literal:
    return Literal(FeatureId("0", index), level)


a, b, c, twin, bystander = (literal(i) for i in (A, B, C, TWIN, BYSTANDER))
graded, high = literal(GRADED), literal(GRADED, 1)


def inputs(samples: int = 900, seed: int = 0, correlation: float = 0.95) -> Tensor:
    """Features that are on at 0.9 to 1.1, most of them unrelated; GRADED at about 1 or about 2."""
    generator = seeded(seed)
    on = torch.rand(samples, WIDTH, generator=generator) < 0.4
    alike = torch.rand(samples, generator=generator) < correlation
    on[:, TWIN] = torch.where(alike, on[:, A], on[:, TWIN])
    on[:, BYSTANDER] = on[:, B]
    strength = 0.9 + 0.2 * torch.rand(samples, WIDTH, generator=generator)
    strength[:, GRADED] += (torch.rand(samples, generator=generator) < 0.5).float()
    return on * strength


def planted() -> nn.Sequential:
    """Sites `0` and `2`; every output of one gate."""
    network = nn.Sequential(nn.ReLU(), nn.Linear(WIDTH, 5), nn.ReLU())
    weight, bias = torch.zeros(5, WIDTH), torch.zeros(5)
    weight[AND, [A, B]], bias[AND] = 1.0, -1.4
    weight[OR, [A, B]], bias[OR] = 1.0, -0.4
    weight[AND_NOT, [A, B]], bias[AND_NOT] = torch.tensor([1.0, -2.0]), -0.4
    weight[TWO_OF_THREE, [A, B, C]], bias[TWO_OF_THREE] = 1.0, -1.4
    weight[STEPS, [GRADED, B]], bias[STEPS] = 1.0, -1.5
    return _with(network, weight, bias)


def _with(network: nn.Sequential, weight: Tensor, bias: Tensor) -> nn.Sequential:
    linear = network[1]
    assert isinstance(linear, nn.Linear)
    with torch.no_grad():
        linear.weight.copy_(weight)
        linear.bias.copy_(bias)
    return network


def setting(network: nn.Sequential, x: Tensor) -> Setting:
    target = Site.parse(str(len(network) - 1))
    stretch = stretch_between(network, Site.parse("0"), target)
    with torch.no_grad():
        outputs = network(x)
    return Setting(
        split="heldout",
        activations=TensorRows(x),
        decoder=torch.eye(x.shape[1]),
        encoder=identity_sae(outputs.shape[1]),
        inputs=sp.csc_array(x.double().numpy()),
        outputs=sp.csc_array(outputs.double().numpy()),
        rerun=lambda edited, rows: stretch(edited, x[torch.from_numpy(rows)]),
    )


def gate(output: int, formula: Formula | None) -> Gate:
    """A gate whose inputs are all features; levels at 0.1 and 1.5."""
    found = tuple(GateInput(FeatureId("0", i), 1.0, 1.0, 0.1, 0.4, (1.5,)) for i in range(6))
    kind = "unexplained" if formula is None else kind_of(formula)
    return Gate(FeatureId("2", output), kind, formula, found, 0.0, 0.05, 1.0, None)


def run(output: int, formula: Formula, x: Tensor | None = None, seed: int = 0) -> GateIntervention:
    found = intervene(gate(output, formula), setting(planted(), inputs() if x is None else x), seeded(seed))
    assert found is not None
    return found


PLANTED: dict[str, tuple[int, Formula, Sequence[int]]] = {
    "and": (AND, And((a, b)), (1, 1)),
    "or": (OR, Or((a, b)), (1, 1)),
    "and-not": (AND_NOT, And((a, Not(b))), (1, -1)),
    "two of three": (TWO_OF_THREE, at_least(2, (a, b, c)), (1, 1, 1)),
    "levels": (STEPS, Or((high, And((graded, b)))), (1, 1, 1)),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_gate_is_confirmed_in_every_figure(name: str) -> None:
    output, formula, signs = PLANTED[name]
    found = run(output, formula)
    assert [li.sign for li in found.literals] == list(signs)
    assert found.kind_confirmed == "yes"
    assert found.confirmed_literals == found.decided_literals == len(signs)
    for li in found.literals:
        assert li.confirmed
        assert not li.insufficient
        for trial, direction in ((li.removal, -1), (li.insertion, 1)):
            assert trial.flips == trial.moved == 1.0
            assert trial.samples == min(trial.pivotal, MAX_SAMPLES) > 0
            assert trial.control_flips < 0.1
            assert abs(trial.control_change) < 0.1
            assert direction * li.sign * trial.change > 0.1
        assert li.idle_removal.flips == li.idle_insertion.flips == 0.0


@pytest.mark.parametrize("name", PLANTED)
def test_observed_and_causal_truth_tables_of_a_planted_gate_agree(name: str) -> None:
    output, formula, _ = PLANTED[name]
    found = run(output, formula)
    assert sum(state.observed_samples for state in found.states) == 900
    for state in found.states:
        assert state.observed == state.intervened == float(state.predicted)
        assert state.intervened_samples == MAX_SAMPLES


def test_a_veto_kills_as_observed() -> None:
    veto = run(AND_NOT, And((a, Not(b)))).literals[1]
    assert veto.kappa == 1.0
    assert veto.kill == 1.0
    assert run(AND_NOT, And((a, Not(b)))).literals[0].kappa is None


def test_an_observed_kill_rate_of_one_is_no_causal_veto() -> None:
    """BYSTANDER always fires with B, and does nothing."""
    veto = run(AND_NOT, And((a, Not(bystander)))).literals[1]
    assert veto.kappa == 1.0
    assert veto.kill == 0.0
    assert not veto.confirmed


def test_a_twin_that_only_fires_along_is_not_confirmed() -> None:
    found = run(AND, And((twin, b)))
    fake, real = found.literals
    assert not fake.confirmed
    assert not fake.insufficient
    assert fake.effect == 0.0
    assert fake.removal.change == pytest.approx(0.0, abs=1e-6)
    assert real.confirmed
    assert found.kind_confirmed == "no"


def test_two_gates_that_data_cannot_tell_apart_are_told_apart() -> None:
    """A and B never fire together: OR and XOR fit alike, yet only one withstands both at once."""
    x = inputs()
    x[:, B] *= x[:, A] == 0
    assert run(OR, Or((a, b)), x).kind_confirmed == "yes"
    apart = run(OR, Xor((a, b)), x)
    assert apart.kind_confirmed == "no"
    insertion = apart.literals[0].insertion
    assert (insertion.flips_on, insertion.flips_off) == (1.0, 0.0)
    assert 0 < insertion.switched_on < insertion.samples


def test_a_true_xor_has_both_signs_and_is_confirmed() -> None:
    network = nn.Sequential(nn.ReLU(), nn.Linear(WIDTH, 2), nn.ReLU(), nn.Linear(2, 1), nn.ReLU())
    weight = torch.zeros(2, WIDTH)
    weight[:, [A, B]] = 1.0
    _with(network, weight, torch.tensor([-0.4, -1.2]))
    last = network[3]
    assert isinstance(last, nn.Linear)
    with torch.no_grad():
        last.weight.copy_(torch.tensor([[1.0, -2.5]]))
        last.bias.zero_()
    both = intervene(gate(0, Xor((a, b))), setting(network, inputs()), seeded(0))
    either = intervene(gate(0, Or((a, b))), setting(network, inputs()), seeded(0))
    assert both is not None
    assert either is not None
    assert [li.sign for li in both.literals] == [0, 0]
    assert both.confirmed_literals == 2
    assert both.kind_confirmed == "yes"
    assert either.kind_confirmed == "no"


@pytest.mark.parametrize(
    ("output", "formula"), [(OR, And((a, b))), (AND, Or((a, b))), (OR, And((a, Not(b))))]
)
def test_a_wrong_kind_is_refuted(output: int, formula: Formula) -> None:
    assert run(output, formula).kind_confirmed == "no"


def test_too_few_pivotal_samples_decide_nothing() -> None:
    x = torch.zeros(40, WIDTH)
    x[:4, A] = 1.0
    x[:2, B] = 1.0
    found = run(AND, And((a, b)), x)
    assert [li.samples for li in found.literals] == [2, 4]
    assert all(li.insufficient and not li.confirmed for li in found.literals)
    assert found.kind_confirmed == "undecided"
    assert summarise([found]).confirmed_share is None
    assert summarise([found]).kind_share is None


def test_samples_on_which_the_formula_is_wrong_are_not_run() -> None:
    """Beforehand the output fires without the formula: no insertion could make it."""
    found = run(OR, a)
    (only,) = found.literals
    x = inputs()
    silent = ((x[:, A] == 0) & (x[:, B] == 0)).sum()
    assert only.insertion.pivotal == silent
    assert only.removal.pivotal == (x[:, A] > 0).sum()


def test_an_input_that_never_fires_cannot_be_inserted() -> None:
    x = inputs()
    x[:, C] = 0.0
    li = run(TWO_OF_THREE, at_least(2, (a, b, c)), x).literals[2]
    assert (li.samples, li.idle_insertion.samples, li.sign) == (0, 0, 1)


def test_the_same_seed_gives_the_same_figures_and_another_only_another_control() -> None:
    first, again, other = (run(OR, Or((a, b)), seed=seed) for seed in (0, 0, 1))
    assert first == again
    assert first != other
    assert first.states == other.states
    for one, two in zip(first.literals, other.literals, strict=True):
        assert (one.removal.flips, one.insertion.change) == (two.removal.flips, two.insertion.change)


def test_gates_without_literals_are_left_out() -> None:
    where = setting(planted(), inputs())
    assert intervene(gate(AND, None), where, seeded(0)) is None
    assert intervene(gate(AND, Const(True)), where, seeded(0)) is None


def test_totals_count_literals_and_gates() -> None:
    found = summarise([run(AND, And((a, b))), run(AND, And((twin, b)))])
    assert (found.gates, found.literals, found.literals_decided, found.literals_confirmed) == (2, 4, 4, 3)
    assert (found.kinds_confirmed, found.kinds_refuted, found.kinds_undecided) == (1, 1, 0)
    assert (found.confirmed_share, found.kind_share, found.effect) == (0.75, 0.5, 0.75)
    assert found.on_observed is not None
    assert found.on_intervened is not None
    assert found.on_observed > 0.9
    assert found.on_intervened < 0.8
    assert found.control is not None
    assert found.control < found.effect / 2


def test_interventions_survive_the_disk_and_conclusions_are_drawn_again(tmp_path: Path) -> None:
    found = (run(AND_NOT, And((a, Not(b)))), run(STEPS, high))
    save_interventions(found, tmp_path)
    assert load_interventions(tmp_path) == found
    path = tmp_path / JSON_FILE
    before = path.read_bytes()
    save_interventions(load_interventions(tmp_path), tmp_path)
    assert path.read_bytes() == before
    path.write_bytes(before.replace(b'"confirmed": true', b'"confirmed": false'))
    assert load_interventions(tmp_path) == found
    assert intervention_to_json(found[0])["kind_confirmed"] == "yes"


@pytest.mark.parametrize(
    "damage",
    [
        lambda t: t.replace("causal/2", "causal/9"),
        lambda t: t.replace('"split"', '"spilt"'),
        lambda t: t.replace('"2/2"', '"no feature"'),
        lambda t: t.replace('"sign": 1', '"sign": "up"'),
        lambda t: t[:-20],
        lambda t: t[: t.index('"gates"')] + '"gates": 3}',
    ],
)
def test_a_damaged_file_is_refused_in_one_line(tmp_path: Path, damage: Callable[[str], str]) -> None:
    save_interventions([run(AND_NOT, And((a, Not(b))))], tmp_path)
    path = tmp_path / JSON_FILE
    path.write_text(damage(path.read_text()))
    with pytest.raises(StudyError, match=JSON_FILE) as caught:
        load_interventions(tmp_path)
    assert "\n" not in str(caught.value)


class Hidden(nn.Module):
    """A classifier without `resume`."""

    def __init__(self, network: ImageClassifier) -> None:
        super().__init__()
        self.hidden, self.readout = network.hidden, network.readout

    def forward(self, images: Tensor) -> Tensor:
        for layer in self.hidden:
            images = layer(images)
        return self.readout(images)


@pytest.mark.parametrize("target", ["hidden.1", "hidden.2", "hidden.2.0", "hidden.2:in", "readout"])
def test_a_stretch_is_the_real_layers_by_resume_and_by_hooks(target: str) -> None:
    classifier = ImageClassifier(12, (7, 6, 5), 3, seeded(0))
    images, other = torch.rand(9, 12, generator=seeded(1)), torch.rand(9, 7, generator=seeded(2))
    source, place = Site.parse("hidden.0"), Site.parse(target)
    wanted = classifier.hidden[1](other)
    if target != "hidden.1":
        wanted = wanted if place.side == "in" else classifier.hidden[2][0](wanted)  # pyright: ignore
    if target in ("hidden.2", "readout"):
        wanted = torch.relu(wanted)
    if target == "readout":
        wanted = classifier.readout(wanted)
    assert isinstance(classifier, Resumable)
    assert not needs_inputs(classifier, source)
    assert needs_inputs(Hidden(classifier), source)
    before = other.clone()
    assert torch.allclose(stretch_between(classifier, source, place)(other, None), wanted, atol=1e-6)
    assert torch.allclose(
        stretch_between(Hidden(classifier), source, place)(other, images), wanted, atol=1e-6
    )
    assert torch.equal(other, before)


def test_a_target_before_the_source_is_refused() -> None:
    classifier = ImageClassifier(12, (7, 6), 3, seeded(0))
    stretch = stretch_between(classifier, Site.parse("hidden.1"), Site.parse("hidden.0"))
    with pytest.raises(DataError, match=r"hidden\.0.*0 times.*hidden\.1"):
        stretch(torch.rand(2, 6), None)


def test_edits_go_along_the_decoder_and_only_there() -> None:
    """A rotated basis: the edit must be f_i D_i, not a component of the activation."""
    x, network = inputs(), planted()
    rotation = torch.linalg.qr(torch.randn(WIDTH, WIDTH, generator=seeded(5)))[0]
    seen: list[tuple[Tensor, np.ndarray]] = []
    plain = setting(network, x)

    def rerun(edited: Tensor, rows: np.ndarray) -> Tensor:
        seen.append((edited, rows))
        return plain.rerun(edited @ rotation.T, rows)

    turned = Setting(
        "heldout", TensorRows(x @ rotation), rotation, plain.encoder, plain.inputs, plain.outputs, rerun
    )
    found = intervene(gate(AND, And((a, b))), turned, seeded(0))
    assert found is not None
    assert found.kind_confirmed == "yes"
    edited, rows = seen[0]
    li = found.literals[0]
    change = (edited - (x @ rotation)[torch.from_numpy(rows)]) @ rotation.T
    removal, control = change[: li.removal.samples], change[li.removal.samples : 2 * li.removal.samples]
    assert li.removal.samples == MAX_SAMPLES
    assert torch.allclose(removal[:, A], -x[torch.from_numpy(rows[:MAX_SAMPLES]), A], atol=1e-5)
    assert removal[:, 1:].abs().max() < 1e-5
    assert torch.allclose(control.norm(dim=1), removal.norm(dim=1), atol=1e-5)
    assert control[:, 1:].abs().max() > 0.1


@given(st.integers(1, 4), st.integers(0, 3), st.integers(0, 2**31))
def test_distinct_rows_are_those_of_numpy(columns: int, most: int, seed: int) -> None:
    counts = np.random.default_rng(seed).integers(0, most + 1, (40, columns))
    rows, codes, sizes = np.unique(counts, axis=0, return_inverse=True, return_counts=True)
    found = distinct_rows(counts)
    assert (found[0] == rows).all()
    assert (found[1] == codes.reshape(-1)).all()
    assert (found[2] == sizes).all()


@pytest.mark.parametrize("architecture", ["batch_topk", "relu", "topk", "jumprelu"])
def test_one_feature_alone_is_that_column_of_all(architecture: str) -> None:
    generator = torch.Generator().manual_seed(0)
    sae = architecture_named(architecture).initial(6, 20, SaeConfig(k=3), generator).eval()
    if isinstance(sae, BatchTopK):
        sae.threshold.fill_(0.4)
    x = torch.randn(50, 6, generator=generator)
    with torch.no_grad():
        whole = sae.encode(x)
        for index in range(20):
            assert torch.allclose(encoded_column(sae, x, index), whole[:, index], atol=1e-5)
