"""Splits and the digits: what is held out depends on the seed, what is tested does not."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuitlogic.datasets.images import ImageSplit, RawImages, RawSplit, heldout_rows, split_images
from circuitlogic.datasets.registry import (
    Dataset,
    dataset_named,
    dataset_names,
    load_images,
    register_dataset,
)
from circuitlogic.errors import ConfigError, DataError, UnknownNameError


@given(n=st.integers(2, 300), seed=st.integers(0, 2**32), fraction=st.floats(0.01, 0.99))
def test_heldout_rows_partition_the_training_part(n: int, seed: int, fraction: float) -> None:
    count = round(n * fraction)
    if not 0 < count < n:
        with pytest.raises(ConfigError):
            heldout_rows(n, seed, fraction)
        return
    train, heldout = heldout_rows(n, seed, fraction)
    assert len(heldout) == count
    assert sorted([*train, *heldout]) == list(range(n))
    assert np.all(np.diff(train) > 0)
    again = heldout_rows(n, seed, fraction)
    assert np.array_equal(train, again[0])
    assert np.array_equal(heldout, again[1])


def test_heldout_follows_the_seed_and_is_spread_out() -> None:
    _, first = heldout_rows(1000, 0, 0.2)
    _, second = heldout_rows(1000, 1, 0.2)
    assert not np.array_equal(first, second)
    assert 350 < first.mean() < 650


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.5, 2.0, float("nan"), 1e-6])
def test_a_fraction_that_leaves_a_side_empty_is_refused(fraction: float) -> None:
    with pytest.raises(ConfigError, match="between 0 and 1"):
        load_images("digits", heldout_fraction=fraction)


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(ConfigError, match="seed -1"):
        load_images("digits", seed=-1)


def test_scaling_and_rows_stay_together() -> None:
    pixels = np.repeat(np.arange(12, dtype=np.uint8)[:, None], 6, axis=1)
    part = RawSplit(pixels, np.arange(12, dtype=np.int64))
    data = split_images("x", RawImages((2, 3), 12, 11, part, part), 3, 0.25)
    for split, rows in ((data.train, 9), (data.heldout, 3), (data.test, 12)):
        assert split.images.shape == (rows, 6)
        assert np.allclose(split.images[:, 0] * 11, split.labels)
    assert data.test.images.min() == 0.0
    assert data.test.images.max() == 1.0


def test_images_and_labels_of_different_lengths_are_refused() -> None:
    with pytest.raises(DataError, match=r"\(3, 4\).*\(2,\)"):
        ImageSplit(np.zeros((3, 4), np.float32), np.zeros(2, np.int64))


def test_digits_are_whole_and_scaled() -> None:
    data = load_images("digits")
    splits = (data.train, data.heldout, data.test)
    assert data.shape == (8, 8)
    assert data.classes == 10
    assert sum(len(split) for split in splits) == 1797
    assert all(split.images.shape[1] == 64 for split in splits)
    assert min(float(split.images.min()) for split in splits) == 0.0
    assert max(float(split.images.max()) for split in splits) == 1.0


def test_digits_test_part_is_stratified_and_free_of_the_seed() -> None:
    first, second = load_images("digits", seed=0), load_images("digits", seed=7)
    assert np.array_equal(first.test.images, second.test.images)
    assert not np.array_equal(first.heldout.images, second.heldout.images)
    totals = np.bincount(np.concatenate([s.labels for s in (first.train, first.heldout, first.test)]))
    assert np.array_equal(np.bincount(first.test.labels), np.round(totals * 0.2))


def test_digits_test_images_are_in_no_other_split() -> None:
    """All 1,797 images differ, so a shared one would be a row in two splits."""
    data = load_images("digits")
    seen = {row.tobytes() for row in np.concatenate([data.train.images, data.heldout.images])}
    assert sum(row.tobytes() in seen for row in data.test.images) == 0


def test_digits_take_no_path(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="built in"):
        load_images("digits", tmp_path)


def test_registry() -> None:
    assert {"digits", "mnist", "idx"} <= set(dataset_names())
    assert dataset_named("mnist").name == "mnist"
    with pytest.raises(UnknownNameError, match="did you mean mnist"):
        load_images("mnits")
    with pytest.raises(ConfigError, match="registered already"):
        register_dataset(Dataset("mnist", "again", dataset_named("idx").load))
