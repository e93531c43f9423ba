"""The connector on its own: units, thresholding, files; and what is counted and measured of it."""

import json
from pathlib import Path

import pytest
import torch
from feature_cases import connector, plain_statistics, seeded
from hypothesis import given
from hypothesis import strategies as st

from circuitlogic.connectors.metrics import feature_fidelity, sparsity_of
from circuitlogic.connectors.model import CONFIG_FILE, WEIGHTS_FILE, Connector
from circuitlogic.errors import StudyError
from circuitlogic.tensor_files import read_tensors, write_tensors


def random_connector(n_out: int = 4, n_in: int = 6, seed: int = 0) -> Connector:
    generator = seeded(seed)
    return Connector(
        "a",
        "b",
        torch.randn(n_out, n_in, generator=generator),
        torch.randn(n_out, generator=generator),
        0.5 + torch.rand(n_in, generator=generator),
        0.5 + torch.rand(n_out, generator=generator),
    )


def test_unit_weights_say_typical_firings_per_typical_firing() -> None:
    """A source of scale 2 through w = 3 gives 6, which is 1.5 firings of a target of scale 4."""
    one = Connector(
        "a", "b", torch.tensor([[3.0]]), torch.tensor([2.0]), torch.tensor([2.0]), torch.tensor([4.0])
    )
    assert one.unit_weight.item() == 1.5
    assert one.unit_bias.item() == 0.5


def test_the_two_units_describe_one_map() -> None:
    made = random_connector()
    features = torch.rand(7, 6, generator=seeded(1))
    unit = torch.relu(features / made.source_scales @ made.unit_weight.T + made.unit_bias)
    assert torch.allclose(unit * made.target_scales, made(features), atol=1e-5)


@given(st.floats(0.0, 3.0), st.floats(0.0, 3.0))
def test_thresholding_only_removes_edges_and_a_higher_threshold_removes_more(one: float, two: float) -> None:
    made = random_connector(seed=3)
    low, high = (made.thresholded(t) for t in sorted((one, two)))
    kept = high.weight != 0
    assert torch.equal(high.weight[kept], made.weight[kept])
    assert not (kept & (low.weight == 0)).any()
    assert (high.unit_weight[kept].abs() > max(one, two)).all()
    assert torch.equal(high.bias, made.bias)


def test_a_weight_at_the_threshold_is_no_edge() -> None:
    made = connector(torch.tensor([[0.25, -0.25, 0.5, -0.5]])).thresholded(0.25)
    assert made.weight.tolist() == [[0.0, 0.0, 0.5, -0.5]]


def test_a_connector_comes_back_from_disk_as_it_was(tmp_path: Path) -> None:
    made = random_connector()
    made.save(tmp_path / "c")
    back = Connector.load(tmp_path / "c")
    assert (back.source, back.target) == ("a", "b")
    for name in ("weight", "bias", "source_scales", "target_scales"):
        assert torch.equal(getattr(back, name), getattr(made, name))
    assert sorted(p.name for p in (tmp_path / "c").iterdir()) == [CONFIG_FILE, WEIGHTS_FILE]


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    random_connector().save(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", [CONFIG_FILE, WEIGHTS_FILE])
@pytest.mark.parametrize("content", [None, b"", b"\x00\xff\x00", b"[]", b"[" * 100_000])
def test_missing_and_damaged_files_are_named(saved: Path, name: str, content: bytes | None) -> None:
    if content is None:
        (saved / name).unlink()
    else:
        (saved / name).write_bytes(content)
    with pytest.raises(StudyError, match=name):
        Connector.load(saved)


def test_a_truncated_weights_file_is_refused(saved: Path) -> None:
    whole = (saved / WEIGHTS_FILE).read_bytes()
    (saved / WEIGHTS_FILE).write_bytes(whole[:-5])
    with pytest.raises(StudyError, match=WEIGHTS_FILE):
        Connector.load(saved)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": "circuitlogic/connector/2"}, "schema"),
        ({"schema": None}, "schema"),
        ({"metadata": None}, "two sites"),
        ({"metadata": {"hook_name": "a"}}, "two sites"),
        ({"metadata": ["a", "b"]}, "two sites"),
    ],
)
def test_a_damaged_card_is_refused(saved: Path, change: dict[str, object], message: str) -> None:
    card = json.loads((saved / CONFIG_FILE).read_text())
    (saved / CONFIG_FILE).write_text(json.dumps({**card, **change}))
    with pytest.raises(StudyError, match=message):
        Connector.load(saved)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"W": torch.zeros(4, 5)}, "W is"),
        ({"W": torch.zeros(24)}, "W is"),
        ({"W": torch.zeros(4, 6, dtype=torch.int64)}, "W is"),
        ({"b": torch.tensor(1.0)}, "is"),
        ({"b": torch.zeros(4, 1)}, "b is"),
        ({"target_scales": torch.ones(3)}, "target_scales is"),
        ({"source_scales": torch.zeros(6)}, "scale"),
        ({"target_scales": -torch.ones(4)}, "scale"),
        ({"W": torch.full((4, 6), torch.nan)}, "NaN"),
        ({"b": torch.full((4,), torch.inf)}, "infinity"),
    ],
)
def test_tensors_that_do_not_fit_are_refused(
    saved: Path, change: dict[str, torch.Tensor], message: str
) -> None:
    write_tensors(saved / WEIGHTS_FILE, {**read_tensors(saved / WEIGHTS_FILE), **change})
    with pytest.raises(StudyError, match=message):
        Connector.load(saved)


def test_sparsity_by_hand() -> None:
    """Live outputs 0, 1, 3 with 2, 0, 1 edges: the dead output's edge counts as an edge, not as a degree."""
    weight = torch.tensor([[1.0, -0.05, 0.0], [0.0, 0.0, 0.0], [0.2, 0.0, 0.0], [0.0, 0.0, -0.4]])
    scales = torch.tensor([1.0, 1.0, 1.0, 8.0])
    made = Connector("a", "b", weight, torch.zeros(4), torch.ones(3), scales)
    found = sparsity_of(made, torch.tensor([True, True, False, True]))
    assert (found.entries, found.edges, found.above_raw, found.above_unit) == (12, 4, 3, 2)
    assert (found.in_degree_mean, found.in_degree_median, found.in_degree_max) == (1.0, 1.0, 2)
    assert found.reached == 2
    assert found.l1 == pytest.approx(1.65 / 12)


def test_the_median_in_degree_of_an_even_number_of_outputs_lies_between() -> None:
    found = sparsity_of(connector(torch.tensor([[1.0, 1.0], [0.0, 1.0]])), torch.tensor([True, True]))
    assert found.in_degree_median == 1.5


def test_nothing_live_means_no_degrees() -> None:
    found = sparsity_of(connector(torch.eye(2)), torch.tensor([False, False]))
    assert (found.in_degree_mean, found.in_degree_median, found.in_degree_max, found.reached) == (
        0.0,
        0.0,
        0,
        0,
    )


def on_for(samples: int, firing: int, value: float = 1.0) -> torch.Tensor:
    """A feature that has `value` on the first `firing` samples."""
    return torch.cat([torch.full((firing,), value), torch.zeros(samples - firing)])


def test_fidelity_by_hand() -> None:
    """Feature 0: half its 40 firings predicted, 10 false ones. Feature 1 fires too rarely to count as live."""
    true = torch.stack([on_for(100, 40), on_for(100, 5)], 1)
    said = torch.zeros(100, 2)
    said[20:50, 0] = 1.0
    found = feature_fidelity([(None, true, said)], plain_statistics(2, thresholds=0.5), "heldout")
    assert (found.split, found.samples, found.live) == ("heldout", 100, 1)
    assert found.mse == pytest.approx((30 + 5) / 200)
    assert found.fvu == pytest.approx(35 / (40 * 0.6 + 5 * 0.95))
    assert found.firing_f1_median == pytest.approx(2 * 20 / (40 + 30))
    assert found.r2_median == pytest.approx(1 - 30 / 24)
    assert found.firing_f1_share_80 == 0.0
    assert found.copy_rate == 0.0


def test_a_perfect_prediction_and_how_batches_are_cut_does_not_matter() -> None:
    true = torch.rand(200, 3, generator=seeded(0))
    source = torch.rand(200, 4, generator=seeded(1))
    statistics = plain_statistics(3, thresholds=0.5)
    found = feature_fidelity([(source, true, true)], statistics, "x")
    assert (found.mse, found.fvu, found.r2_median) == (0.0, 0.0, 1.0)
    assert (found.firing_f1_median, found.firing_f1_share_80) == (1.0, 1.0)
    noisy = true + 0.1 * source[:, :3]
    whole = feature_fidelity([(source, true, noisy)], statistics, "x")
    parts = feature_fidelity(
        zip(source.split(37), true.split(37), noisy.split(37), strict=True), statistics, "x"
    )
    assert parts.fvu == pytest.approx(whole.fvu)
    assert parts.r2_median == pytest.approx(whole.r2_median)
    assert parts.firing_f1_median == pytest.approx(whole.firing_f1_median)


def test_predicting_the_mean_explains_nothing() -> None:
    true = torch.rand(500, 2, generator=seeded(2))
    found = feature_fidelity([(None, true, true.mean(0).expand_as(true))], plain_statistics(2), "x")
    assert found.fvu == pytest.approx(1.0, abs=1e-6)
    assert found.r2_median == pytest.approx(0.0, abs=1e-6)


def test_the_copy_rate_counts_outputs_that_follow_one_input() -> None:
    """Of four live outputs one is 3 times an input, one is its negative, one a sum of two, one new."""
    source = torch.rand(1000, 5, generator=seeded(3))
    true = torch.stack(
        [
            3 * source[:, 0],
            1 - source[:, 1],
            source[:, 2] + source[:, 3],
            torch.rand(1000, generator=seeded(4)),
        ],
        1,
    )
    found = feature_fidelity([(source, true, true)], plain_statistics(4), "x")
    assert found.live == 4
    assert found.copy_rate == 0.25
