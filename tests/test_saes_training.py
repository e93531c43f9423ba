"""Training an SAE: it finds a planted dictionary, is reproducible, revives dead features, refuses bad data."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from sae_cases import SETTINGS, planted, recovery

from circuitlogic.activations.store import ActivationStore
from circuitlogic.activations.writer import ActivationWriter
from circuitlogic.config import SaeConfig
from circuitlogic.errors import ConfigError, DataError
from circuitlogic.saes.base import SparseAutoencoder
from circuitlogic.saes.metrics import sae_metrics
from circuitlogic.saes.registry import architecture_named
from circuitlogic.saes.resampling import resample
from circuitlogic.saes.rows import rows_of
from circuitlogic.saes.saelens import save_sae
from circuitlogic.saes.training import TrainedSae, train_sae
from circuitlogic.saes.training_run import learning_rate_share


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny matrices: threads would only wait for each other on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


QUICK = SaeConfig(expansion=2.0, k=2, epochs=3, batch_size=64, lr=5e-3, resample_every=1)


@cache
def trained(name: str) -> TrainedSae:
    return train_sae(planted(4000, 0)[0], planted(500, 1)[0], SETTINGS[name], seed=0)


@pytest.mark.parametrize("name", SETTINGS)
def test_the_planted_dictionary_is_recovered(name: str) -> None:
    result, directions = trained(name), planted(1, 0)[1]
    untrained = torch.randn(32, 16, generator=torch.Generator().manual_seed(0))
    assert recovery(untrained, directions) < 0.7
    assert recovery(result.sae.W_dec.detach(), directions) > 0.9
    assert result.metrics.fvu < 0.2
    assert result.metrics.l0 < 4.5


@pytest.mark.parametrize("name", SETTINGS)
def test_the_history_tells_how_it_went(name: str) -> None:
    result = trained(name)
    assert [record.epoch for record in result.history] == list(range(1, SETTINGS[name].epochs + 1))
    last = result.history[-1]
    assert last.fvu < result.history[0].fvu
    assert (last.mse, last.l1, last.fvu, last.l0) == (
        result.metrics.mse,
        result.metrics.l1,
        result.metrics.fvu,
        result.metrics.l0,
    )
    assert result.metrics == sae_metrics(result.sae, planted(500, 1)[0], planted(4000, 0)[0])
    assert not result.sae.training


@pytest.mark.parametrize("name", ["relu", "topk", "batch_topk", "jumprelu"])
def test_trained_decoder_rows_have_unit_norm(name: str) -> None:
    norms = trained(name).sae.W_dec.detach().norm(dim=1)
    torch.testing.assert_close(norms, torch.ones_like(norms))


def test_batch_topk_fires_about_k_features_per_held_out_sample() -> None:
    assert trained("batch_topk").metrics.l0 == pytest.approx(SETTINGS["batch_topk"].k, rel=0.15)
    assert float(trained("batch_topk").sae.stored_form().threshold.min()) > 0.0  # type: ignore[union-attr]


def test_topk_never_fires_more_than_k() -> None:
    features = trained("topk").sae.encode(planted(500, 1)[0])
    assert int((features > 0).sum(dim=1).max()) == SETTINGS["topk"].k


@pytest.mark.parametrize("name", ["relu_tied", "relu"])
def test_a_larger_l1_gives_smaller_features_and_a_larger_error(name: str) -> None:
    data, held = planted(1000, 0)[0], planted(200, 1)[0]
    weak, strong = (
        train_sae(data, held, replace(QUICK, architecture=name, l1=l1), 0).metrics for l1 in (0.01, 3.0)
    )
    assert strong.l1 < 0.5 * weak.l1
    assert strong.mse > weak.mse


def test_a_larger_l0_weight_lets_fewer_features_fire() -> None:
    data, held = planted(1000, 0)[0], planted(200, 1)[0]
    weak, strong = (
        train_sae(data, held, replace(QUICK, architecture="jumprelu", l0=l0), 0).metrics for l0 in (0.0, 0.1)
    )
    assert strong.l0 < 0.5 * weak.l0


@pytest.mark.parametrize("name", SETTINGS)
def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(name: str, tmp_path: Path) -> None:
    data, held = planted(600, 0)[0], planted(100, 1)[0]
    config = replace(QUICK, architecture=name)
    files = []
    for run, seed in enumerate((3, 3, 4)):
        torch.manual_seed(run)
        result = train_sae(data, held, config, seed)
        save_sae(result.sae, tmp_path / str(run))
        files.append(((tmp_path / str(run) / "sae_weights.safetensors").read_bytes(), result.history))
    assert files[0] == files[1]
    assert files[0][0] != files[2][0]


def stored(folder: Path, rows: torch.Tensor, shard_rows: int) -> ActivationStore:
    with ActivationWriter(folder, "hidden.0", rows.shape[1], shard_rows) as writer:
        writer.append(rows)
    return ActivationStore.open(folder)


def test_a_store_on_disk_trains_as_the_tensor_does(tmp_path: Path) -> None:
    data, held = planted(600, 0)[0], planted(100, 1)[0]
    store = stored(tmp_path / "a", data, 200)
    from_tensor = train_sae(data, held, QUICK, 0)
    from_disk = train_sae(store, stored(tmp_path / "b", held, 64), QUICK, 0)
    assert from_disk.history == from_tensor.history
    assert torch.equal(from_disk.sae.W_enc, from_tensor.sae.W_enc)


@pytest.mark.parametrize("name", SETTINGS)
def test_resampling_revives_features_that_never_fire(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = architecture_named(name)
    healthy = kind.initial

    def half_dead(*args: Any) -> SparseAutoencoder:
        sae = healthy(*args)
        with torch.no_grad():
            sae.b_enc[::2] = -100.0
        return sae

    monkeypatch.setattr(kind, "initial", half_dead)
    data, held = planted(2000, 0)[0], planted(200, 1)[0]
    config = replace(SETTINGS[name], epochs=9)
    without = train_sae(data, held, replace(config, resample_every=0), 0)
    revived = train_sae(data, held, replace(config, resample_every=2), 0)
    assert without.metrics.dead >= 0.5
    assert sum(record.resampled for record in without.history) == 0
    assert revived.history[1].resampled >= 16
    assert revived.metrics.dead < 0.3
    assert revived.metrics.fvu < 0.85 * without.metrics.fvu


def test_resampling_takes_bad_samples_directions_and_forgets_the_optimisers_moments() -> None:
    data = planted(500, 0)[0]
    config = replace(QUICK, architecture="relu", resample_every=0, epochs=1)
    sae = train_sae(data, data, config, 0).sae
    with torch.no_grad():
        sae.b_enc[3] = sae.b_enc[7] = -100.0
    optimizer = torch.optim.Adam(sae.parameters(), lr=1e-3)
    sae.training_loss(data).total.backward()
    optimizer.step()
    moments = optimizer.state[sae.W_enc]["exp_avg"].clone()
    dead = torch.tensor([3, 7])
    residual = (data - sae(data)).detach()
    generator = torch.Generator().manual_seed(0)
    assert torch.equal(resample(sae, optimizer, rows_of(data, "training"), dead, generator), dead)
    cosine = torch.nn.functional.normalize(residual) @ sae.W_dec.detach()[dead].T
    torch.testing.assert_close(cosine.max(dim=0).values, torch.ones(2))
    assert bool(((sae.encode(data) > 0).sum(dim=0)[dead] > 0).all())
    after = optimizer.state[sae.W_enc]["exp_avg"]
    assert not after[:, dead].any()
    kept = torch.ones(sae.d_sae, dtype=torch.bool)
    kept[dead] = False
    assert torch.equal(after[:, kept], moments[:, kept])


def test_nothing_is_resampled_where_nothing_is_dead_or_nothing_is_wrong() -> None:
    sae = train_sae(torch.zeros(20, 4), torch.zeros(5, 4), replace(QUICK, k=1), 0).sae
    optimizer = torch.optim.Adam(sae.parameters())
    with torch.no_grad():
        sae.b_dec.zero_()
    rows, generator = rows_of(torch.zeros(20, 4), "training"), torch.Generator()
    assert len(resample(sae, optimizer, rows, torch.tensor([0, 1]), generator)) == 0
    rows = rows_of(torch.ones(20, 4), "training")
    assert len(resample(sae, optimizer, rows, torch.tensor([], dtype=torch.long), generator)) == 0


def test_nothing_is_resampled_in_the_last_third() -> None:
    data, held = planted(300, 0)[0], planted(50, 1)[0]
    config = replace(QUICK, architecture="relu", l1=50.0, epochs=6, lr=0.05)
    resampled = [record.resampled for record in train_sae(data, held, config, 0).history]
    assert sum(resampled[:4]) > 0
    assert resampled[4:] == [0, 0]
    assert max(record.dead for record in train_sae(data, held, config, 0).history[4:]) > 0.0


def test_the_learning_rate_falls_over_the_last_three_tenths() -> None:
    shares = [learning_rate_share(step, 100) for step in range(100)]
    assert shares[:71] == [1.0] * 71
    assert shares[85] == pytest.approx(0.5)
    assert shares[99] == pytest.approx(1 / 30)
    assert all(a > b for a, b in pairwise(shares[70:]))
    assert learning_rate_share(0, 1) == 1.0


def test_progress_sees_every_epoch() -> None:
    seen: list[tuple[str, int | None]] = []

    class Recorder:
        def track(self, steps: Iterable[Any], description: str, total: int | None = None) -> Iterator[Any]:
            seen.append((description, total))
            yield from steps

        def note(self, message: str) -> None: ...

    train_sae(planted(64, 0)[0], planted(10, 1)[0], QUICK, 0, Recorder(), "SAE of hidden.0")
    assert seen == [("SAE of hidden.0", 3)]


def test_one_sample_and_one_feature_are_enough() -> None:
    one = torch.ones(1, 2)
    result = train_sae(one, one, SaeConfig(architecture="topk", expansion=0.5, k=1, epochs=1), 0)
    assert result.sae.d_sae == 1
    assert result.metrics.samples == 1


@pytest.mark.parametrize(
    ("data", "held", "reason"),
    [
        (torch.full((9, 4), torch.nan), torch.ones(9, 4), "the training activations hold NaN"),
        (torch.ones(9, 4), torch.full((9, 4), torch.inf), "the heldout activations hold NaN"),
        (torch.ones(0, 4), torch.ones(9, 4), r"the training activations have shape \(0, 4\)"),
        (torch.ones(9, 4), torch.ones(0, 4), r"the heldout activations have shape \(0, 4\)"),
        (torch.ones(9, 4), torch.ones(9, 5), "the heldout activations have 5 components instead of 4"),
    ],
)
def test_bad_data_is_refused_in_one_line(data: torch.Tensor, held: torch.Tensor, reason: str) -> None:
    with pytest.raises(DataError, match=reason) as caught:
        train_sae(data, held, QUICK, 0)
    assert "\n" not in str(caught.value)


def test_a_loss_that_overflows_is_an_error_with_advice() -> None:
    huge = torch.full((64, 4), 1e30) * torch.randn(64, 4, generator=torch.Generator().manual_seed(0))
    with pytest.raises(DataError, match=r"the SAE's loss became inf at step 1: lower saes\.lr or scale"):
        train_sae(huge, torch.ones(4, 4), replace(QUICK, architecture="relu"), 0)


def test_settings_that_do_not_fit_the_site_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"saes\.k = 16 is more than the 8 features"):
        train_sae(torch.ones(9, 4), torch.ones(9, 4), SaeConfig(expansion=2.0), 0)
