"""What is measured of each feature once: its scale, its threshold, how often it fires."""

from pathlib import Path

import numpy as np
import pytest
import torch
from feature_cases import identity_sae, seeded, sparse_features, stored

from circuitlogic.errors import StudyError
from circuitlogic.logic.columns import firing_threshold
from circuitlogic.saes import statistics
from circuitlogic.saes.statistics import FeatureStatistics, feature_statistics
from circuitlogic.tensor_files import read_tensors, write_tensors


def measured(folder: Path, values: torch.Tensor, firing: float = 0.1) -> FeatureStatistics:
    store = stored(folder, {"a": values}).stores["a"]
    return feature_statistics(identity_sae(store.d), store, firing)


def test_known_answers(tmp_path: Path) -> None:
    """One feature at 1 to 5 on five of ten samples (95 % quantile 4.8), one that is always 2, one that is dead."""
    graded = torch.tensor([0.0, 5, 0, 1, 0, 4, 2, 0, 3, 0])
    found = measured(tmp_path, torch.stack([graded, torch.full((10,), 2.0), torch.zeros(10)], 1), firing=0.5)
    assert found.thresholds.tolist() == pytest.approx([2.4, 1.0, 0.0])
    assert found.scales.tolist() == [4.0, 2.0, 1.0]
    assert found.firings.tolist() == [3.0, 10.0, 0.0]
    assert found.rates.tolist() == pytest.approx([0.3, 1.0, 0.0])
    assert found.live.tolist() == [True, True, False]


def test_a_feature_that_is_on_once_is_live(tmp_path: Path) -> None:
    values = torch.zeros(50, 1)
    values[17] = 0.3
    found = measured(tmp_path, values)
    assert found.live.all()
    assert found.scales.item() == pytest.approx(0.3)
    assert found.thresholds.item() == pytest.approx(0.03)


def test_the_threshold_is_the_one_gates_are_read_with(tmp_path: Path) -> None:
    values = sparse_features(997, 8, seed=1, rate=0.3)
    values[:, 5] = torch.rand(997, generator=seeded(2))
    found = measured(tmp_path, values, firing=0.2)
    expected = [firing_threshold(column.astype(np.float64), 0.2) for column in values.T.numpy()]
    assert found.thresholds.tolist() == pytest.approx(expected, rel=1e-5)


def test_raw_units_scale_scales_and_thresholds_only(tmp_path: Path) -> None:
    values = sparse_features(300, 4, seed=3)
    factor = torch.tensor([0.25, 1.0, 2.0, 64.0])
    plain, scaled = measured(tmp_path / "1", values), measured(tmp_path / "2", values * factor)
    assert torch.allclose(scaled.scales, plain.scales * factor)
    assert torch.allclose(scaled.thresholds, plain.thresholds * factor)
    assert torch.equal(scaled.firings, plain.firings)


def test_large_dictionaries_take_quantiles_from_fewer_samples(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Quantiles of the first 5,000 samples only, counts of all."""
    values = torch.ones(6000, 2)
    values[5000:] = 100.0
    monkeypatch.setattr(statistics, "_BATCH", 1000)
    monkeypatch.setattr(statistics, "_SAMPLED_ENTRIES", 9_999)
    found = measured(tmp_path, values, firing=0.5)
    assert found.thresholds.tolist() == [0.5, 0.5]
    assert found.firings.tolist() == [6000.0, 6000.0]
    assert found.scales[0].item() == pytest.approx(105 / 6)


def test_statistics_come_back_from_disk(tmp_path: Path) -> None:
    made = measured(tmp_path / "a", sparse_features(100, 5, seed=4))
    made.save(tmp_path / "s")
    back = FeatureStatistics.load(tmp_path / "s")
    for name in ("scales", "rates", "thresholds", "firings"):
        assert torch.equal(getattr(back, name), getattr(made, name))


@pytest.mark.parametrize(
    "change",
    [
        {"rates": torch.ones(4)},
        {"scales": torch.ones(1, 5)},
        {"firings": torch.ones(5, dtype=torch.int64)},
        {"scales": torch.zeros(5)},
        {"thresholds": torch.full((5,), torch.nan)},
    ],
)
def test_damaged_statistics_are_refused(tmp_path: Path, change: dict[str, torch.Tensor]) -> None:
    measured(tmp_path / "a", sparse_features(100, 5, seed=4)).save(tmp_path / "s")
    write_tensors(tmp_path / "s", {**read_tensors(tmp_path / "s"), **change})
    with pytest.raises(StudyError):
        FeatureStatistics.load(tmp_path / "s")
