"""The store on disk: it gives back what was written, in any order asked, or says what is broken."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from circuitlogic.activations.order import POOL_SHARDS, batched_rows
from circuitlogic.activations.paired import PairedActivations, capture_to_disk
from circuitlogic.activations.store import ActivationStore
from circuitlogic.activations.writer import ActivationWriter
from circuitlogic.errors import ConfigError, DataError, StudyError


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


def numbered(n: int, d: int = 3) -> Tensor:
    """Row r holds r*d .. r*d + d-1, so a row tells its number."""
    return torch.arange(float(n * d)).reshape(n, d)


def write(
    folder: Path, rows: Tensor, *, shard_rows: int = 4, pieces: int = 3, dtype="float32"
) -> ActivationStore:
    with ActivationWriter(folder, "hidden.1", rows.shape[1], shard_rows, dtype) as writer:
        for piece in rows.split(pieces):
            writer.append(piece)
    return ActivationStore.open(folder)


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


# --- one store -------------------------------------------------------------------------------------------


@given(n=st.integers(1, 30), shard_rows=st.integers(1, 12), pieces=st.integers(1, 30), half=st.booleans())
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, n: int, shard_rows: int, pieces: int, half: bool
) -> None:
    rows, dtype = numbered(n), "float16" if half else "float32"
    folder = tmp_path_factory.mktemp("store")
    store = write(folder, rows, shard_rows=shard_rows, pieces=pieces, dtype=dtype)
    assert (len(store), store.d, store.site) == (n, 3, "hidden.1")
    assert len(list(folder.glob("shard-*.npy"))) == -(-n // shard_rows)
    dense = rows.numpy()
    for read in (store.as_array(), store.rows(slice(None)), store.as_tensor().numpy()):
        assert read.dtype == np.float32
        assert np.array_equal(read, dense)
    which = generator(n).integers(-n, n, size=2 * n)
    assert np.array_equal(store.rows(which), dense[which])
    assert np.array_equal(store.rows(slice(n, None, -2)), dense[n::-2])


def test_shards_are_plain_npy_files(tmp_path: Path) -> None:
    write(tmp_path, numbered(6))
    assert files(tmp_path) == ["index.json", "shard-00000.npy", "shard-00001.npy"]
    parts = [np.load(tmp_path / f"shard-0000{number}.npy") for number in range(2)]
    assert [len(part) for part in parts] == [4, 2]
    assert np.array_equal(np.concatenate(parts), numbered(6).numpy())


def test_the_same_rows_give_the_same_bytes_however_they_come(tmp_path: Path) -> None:
    write(tmp_path / "a", numbered(10), pieces=1)
    write(tmp_path / "b", numbered(10), pieces=7)
    for name in files(tmp_path / "a"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_one_shard_is_mapped_and_writes_never_reach_the_file(tmp_path: Path) -> None:
    store = write(tmp_path, numbered(3))
    before = (tmp_path / "shard-00000.npy").read_bytes()
    assert isinstance(store.as_array(), np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        store.as_array()[0, 0] = 9
    store.as_tensor()[0, 0] = 9
    store.rows(slice(None))[0, 0] = 9
    assert np.array_equal(store.as_array(), numbered(3).numpy())
    assert (tmp_path / "shard-00000.npy").read_bytes() == before


def test_more_shards_than_maps_are_kept(tmp_path: Path) -> None:
    store = write(tmp_path, numbered(150), shard_rows=1, pieces=150)
    assert np.array_equal(store.as_array(), numbered(150).numpy())
    assert len(store._maps) <= 64


@pytest.mark.parametrize("number", [10, -11, 10**12])
def test_rows_out_of_range(tmp_path: Path, number: int) -> None:
    with pytest.raises(IndexError, match=r"rows 0\.\.9"):
        write(tmp_path, numbered(10)).rows(np.array([0, number]))


def test_a_new_store_replaces_the_old_one_whole(tmp_path: Path) -> None:
    write(tmp_path, numbered(20))
    (tmp_path / "notes.txt").write_text("mine")
    store = write(tmp_path, numbered(5, d=2))
    assert files(tmp_path) == ["index.json", "notes.txt", "shard-00000.npy", "shard-00001.npy"]
    assert np.array_equal(store.as_array(), numbered(5, d=2).numpy())


# --- writing that fails ----------------------------------------------------------------------------------


@pytest.mark.parametrize("written", [0, 2, 9])
def test_interruption_leaves_nothing(tmp_path: Path, written: int) -> None:
    def interrupted() -> None:
        with ActivationWriter(tmp_path, "x", 3, 4) as writer:
            writer.append(numbered(written))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert files(tmp_path) == []


def test_a_writer_that_just_stops_leaves_no_store(tmp_path: Path) -> None:
    """As when the process is killed: no index, whatever shards there are; the next writer clears them."""
    writer = ActivationWriter(tmp_path, "x", 3, 4)
    writer.append(numbered(10))
    with pytest.raises(StudyError, match="no finished activations"):
        ActivationStore.open(tmp_path)
    writer._shard._stream.close()
    assert len(files(tmp_path)) == 3
    assert len(write(tmp_path, numbered(2))) == 2
    assert files(tmp_path) == ["index.json", "shard-00000.npy"]


def test_a_failing_finish_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("circuitlogic.activations.writer.write_index", full)
    with pytest.raises(OSError, match="disk full"):
        write(tmp_path, numbered(10))
    assert files(tmp_path) == []


def test_rows_a_writer_refuses(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="rows of 2 components after rows of 3"):
        ActivationWriter(tmp_path, "x", 3).append(numbered(1, d=2))
    rows = numbered(10)
    rows[7, 1] = torch.nan
    with pytest.raises(DataError, match=r"'hidden\.1': the activation of sample 7 is not finite as float32$"):
        write(tmp_path, rows)
    rows[7, 1] = 70000.0
    with pytest.raises(DataError, match="sample 7 is not finite as float16: store it as float32"):
        write(tmp_path, rows, dtype="float16")
    with pytest.raises(DataError, match="no activations to store"):
        write(tmp_path, numbered(0))
    with pytest.raises(ConfigError, match="0 rows per shard"):
        write(tmp_path, numbered(1), shard_rows=0)


# --- reading what is broken ------------------------------------------------------------------------------


def refusal(folder: Path) -> str:
    with pytest.raises(StudyError) as caught:
        ActivationStore.open(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("cut", [1, 12, 100, 10**6])
def test_truncated_shard(tmp_path: Path, cut: int) -> None:
    write(tmp_path, numbered(6))
    shard = tmp_path / "shard-00001.npy"
    shard.write_bytes(shard.read_bytes()[: -min(cut, shard.stat().st_size)])
    assert "shard-00001.npy" in refusal(tmp_path)


def test_lengthened_missing_foreign_and_swapped_shards(tmp_path: Path) -> None:
    write(tmp_path, numbered(6))
    shard = tmp_path / "shard-00001.npy"
    whole = shard.read_bytes()
    shard.write_bytes(whole + b"\0")
    assert "bytes instead of" in refusal(tmp_path)
    shard.write_bytes(b"something else entirely, long enough for a header")
    assert "cannot be read" in refusal(tmp_path)
    shard.write_bytes((tmp_path / "shard-00000.npy").read_bytes())
    assert "the index says float32 of shape (2, 3)" in refusal(tmp_path)
    np.save(shard, np.array([{"pickled": "object"}], dtype=object))
    assert "the index says" in refusal(tmp_path)
    shard.unlink()
    assert "is missing" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"schema": "circuitlogic/activations/2"}, "schema"),
        ({"d": 0}, "d"),
        ({"d": "3"}, "d"),
        ({"dtype": "object"}, "dtype"),
        ({"site": "../x"}, "site"),
        ({"shard_rows": []}, "shard_rows"),
        ({"shard_rows": [4, -2]}, "shard_rows.1"),
        ({"shard_rows": [4, 10**30]}, "shard-00001.npy"),
        ({"shard_rows": [4, 2, 1]}, "shard-00002.npy"),
        ({"more": 1}, "more"),
    ],
)
def test_a_changed_index(tmp_path: Path, change: dict[str, object], where: str) -> None:
    write(tmp_path, numbered(6))
    index = json.loads((tmp_path / "index.json").read_text())
    (tmp_path / "index.json").write_text(json.dumps(index | change))
    assert where in refusal(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"null"])
def test_an_index_that_is_no_json_object(tmp_path: Path, content: bytes) -> None:
    write(tmp_path, numbered(6))
    (tmp_path / "index.json").write_bytes(content)
    assert "index.json" in refusal(tmp_path)


def test_shards_that_change_while_the_store_is_open(tmp_path: Path) -> None:
    store = write(tmp_path, numbered(6))
    shard = tmp_path / "shard-00001.npy"
    shard.write_bytes(shard.read_bytes()[:-4])
    with pytest.raises(StudyError, match="changed while it was in use"):
        store.as_array()
    shard.unlink()
    with pytest.raises(StudyError, match="changed while it was in use"):
        store.rows(slice(5, 6))


def test_no_folder(tmp_path: Path) -> None:
    assert "no finished activations" in refusal(tmp_path / "absent")


# --- order -----------------------------------------------------------------------------------------------


@given(
    shards=st.lists(st.integers(1, 5), min_size=1, max_size=3 * POOL_SHARDS),
    size=st.integers(1, 20),
    seed=st.none() | st.integers(0, 9),
)
def test_a_pass_visits_each_row_once_in_full_batches(shards: list[int], size: int, seed: int | None) -> None:
    drawn = [
        batch.tolist() for batch in batched_rows(shards, size, None if seed is None else generator(seed))
    ]
    rows = [row for batch in drawn for row in batch]
    assert sorted(rows) == list(range(sum(shards)))
    assert {len(batch) for batch in drawn[:-1]} <= {size}
    assert 1 <= len(drawn[-1]) <= size
    if seed is None:
        assert rows == sorted(rows)
    else:
        again = batched_rows(shards, size, generator(seed))
        assert drawn == [batch.tolist() for batch in again]


def test_passes_differ_and_mix_all_shards_of_a_pool(tmp_path: Path) -> None:
    store = write(tmp_path, numbered(400), shard_rows=50, pieces=400)
    rng = generator()
    first, second = (torch.cat(list(store.batches(64, rng))) for _ in range(2))
    assert not torch.equal(first, second)
    home = (first[:64, 0] / 3 // 50).long()
    assert len(home.unique()) == 8


def test_more_shards_than_a_pool_come_in_random_order() -> None:
    shards = [2] * (4 * POOL_SHARDS)
    first_pools = {
        tuple(sorted({row // 2 for row in next(batched_rows(shards, 2 * POOL_SHARDS, generator(seed)))}))
        for seed in range(5)
    }
    assert len(first_pools) == 5
    assert all(len(pool) == POOL_SHARDS for pool in first_pools)


def test_batches_hold_the_stored_rows(tmp_path: Path) -> None:
    store = write(tmp_path, numbered(10))
    assert torch.equal(torch.cat(list(store.batches(3))), numbered(10))
    shuffled = torch.cat(list(store.batches(3, generator(5))))
    assert torch.equal(shuffled[shuffled[:, 0].argsort()], numbered(10))
    assert not torch.equal(shuffled, numbered(10))
    with pytest.raises(ConfigError, match="batch size 0"):
        next(store.batches(0))


# --- several sites ---------------------------------------------------------------------------------------


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 2))


def test_capture_to_disk_keeps_sites_paired(tmp_path: Path) -> None:
    net, x = network(), numbered(23) / 30
    stores = capture_to_disk(net, ["0:in", "1", "2"], x.split(7), tmp_path, shard_rows=10)
    assert list(stores) == ["0.in", "1", "2"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.in", "1", "2"]
    assert stores["1"].shard_rows == (10, 10, 3)
    paired = PairedActivations.open(tmp_path, ["0.in", "1", "2"])
    assert (len(paired), paired.sites) == (23, ("0.in", "1", "2"))
    order = []
    for batch in paired.batches(6, generator()):
        with torch.no_grad():
            hidden = net[1](net[0](batch["0.in"]))
            assert torch.allclose(batch["1"], hidden, atol=1e-6)
            assert torch.allclose(batch["2"], net[2](hidden), atol=1e-6)
        order += (batch["0.in"][:, 0] * 10).round().int().tolist()
    assert sorted(order) == list(range(23))
    assert order != sorted(order)
    some = paired.rows(np.array([22, 0]))
    assert np.array_equal(some["0.in"], x[[22, 0]].numpy())
    assert some["2"].shape == (2, 2)


def test_a_transformer_on_disk_equals_its_direct_output(tmp_path: Path) -> None:
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval()
    x = torch.randn(6, 5, 8, generator=torch.Generator().manual_seed(0))
    store = capture_to_disk(layer, ["norm2"], x.split(2), tmp_path, shard_rows=7)["norm2"]
    with torch.no_grad():
        assert np.allclose(store.as_array(), layer(x).reshape(30, 8).numpy(), atol=1e-5)


@pytest.mark.parametrize("kind", ["at once", "nan", "interrupt", "width"])
def test_a_capture_that_fails_leaves_no_store_not_even_the_old_one(tmp_path: Path, kind: str) -> None:
    net = nn.Sequential(nn.Identity(), nn.ReLU())
    capture_to_disk(net, ["0", "1"], numbered(8).split(4), tmp_path, shard_rows=3)

    def batches():
        yield numbered(4) * (torch.nan if kind == "at once" else 1)
        if kind == "interrupt":
            raise KeyboardInterrupt
        yield numbered(4, d=2) if kind == "width" else numbered(4) * torch.nan

    with pytest.raises((DataError, KeyboardInterrupt)):
        capture_to_disk(net, ["0", "1"], batches(), tmp_path, shard_rows=3)
    assert files(tmp_path) == []


def test_a_bad_site_leaves_old_stores_alone(tmp_path: Path) -> None:
    capture_to_disk(network(), ["0"], [numbered(4)], tmp_path)
    before = files(tmp_path)
    with pytest.raises(ConfigError):
        capture_to_disk(network(), ["0", "../0"], [numbered(4)], tmp_path)
    assert files(tmp_path) == before


def test_float16_is_close_and_half_as_big(tmp_path: Path) -> None:
    x = torch.randn(100, 3, generator=torch.Generator().manual_seed(0))
    whole = capture_to_disk(network(), ["1"], [x], tmp_path / "a")["1"]
    half = capture_to_disk(network(), ["1"], [x], tmp_path / "b", dtype="float16")["1"]
    assert np.allclose(whole.as_array(), half.as_array(), rtol=1e-3, atol=1e-4)
    sizes = [(store.folder / "shard-00000.npy").stat().st_size - 128 for store in (whole, half)]
    assert sizes == [100 * 5 * 4, 100 * 5 * 2]


def test_stores_that_do_not_belong_together(tmp_path: Path) -> None:
    write(tmp_path / "a", numbered(4))
    write(tmp_path / "b", numbered(5))
    with pytest.raises(StudyError, match="'a' and 'b' have 4 and 5 rows"):
        PairedActivations.open(tmp_path, ["a", "b"])
    with pytest.raises(ConfigError, match="no sites"):
        PairedActivations({})
    with pytest.raises(StudyError, match="no finished activations"):
        PairedActivations.open(tmp_path, ["a", "c"])
