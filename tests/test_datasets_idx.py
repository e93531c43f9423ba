"""IDX files: what is written is read back, and every kind of damage is one line that names the file."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from circuitlogic.datasets.idx import read_images, read_labels, write_idx
from circuitlogic.errors import DataError

IMAGES = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
HEADER = bytes.fromhex("00000803 00000002 00000003 00000004")


def refusal(path: Path, read=read_images) -> str:
    with pytest.raises(DataError) as caught:
        read(path)
    message = str(caught.value)
    assert path.name in message
    assert "\n" not in message
    return message


def test_bytes_of_a_known_file(tmp_path: Path) -> None:
    write_idx(tmp_path / "x", IMAGES)
    assert (tmp_path / "x").read_bytes() == HEADER + bytes(range(24))


def test_labels_of_a_known_file(tmp_path: Path) -> None:
    (tmp_path / "y").write_bytes(bytes.fromhex("00000801 00000003 07 00 09"))
    assert read_labels(tmp_path / "y").tolist() == [7, 0, 9]


@pytest.mark.parametrize("end", ["", ".gz"])
@given(
    images=hnp.arrays(np.uint8, st.tuples(*[st.integers(1, 5)] * 3)),
    labels=hnp.arrays(np.uint8, st.integers(1, 20)),
)
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, end: str, images, labels) -> None:
    folder = tmp_path_factory.mktemp("idx")
    write_idx(folder / f"x{end}", images)
    write_idx(folder / f"y{end}", labels)
    assert np.array_equal(read_images(folder / f"x{end}"), images)
    assert np.array_equal(read_labels(folder / f"y{end}"), labels)


def test_gzip_is_seen_from_the_content_not_the_name(tmp_path: Path) -> None:
    write_idx(tmp_path / "a.gz", IMAGES)
    (tmp_path / "a").write_bytes((tmp_path / "a.gz").read_bytes())
    write_idx(tmp_path / "b", IMAGES)
    (tmp_path / "b.gz").write_bytes((tmp_path / "b").read_bytes())
    assert np.array_equal(read_images(tmp_path / "a"), IMAGES)
    assert np.array_equal(read_images(tmp_path / "b.gz"), IMAGES)


def test_writing_twice_gives_the_same_bytes_and_no_leftovers(tmp_path: Path) -> None:
    for name in ("a.gz", "b.gz"):
        write_idx(tmp_path / name, IMAGES)
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()
    assert (tmp_path / "a.gz").read_bytes()[4:8] == bytes(4), "no time stamp"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.gz", "b.gz"]


@pytest.mark.parametrize("shape", [(2, 3), (0,), (2, 0, 3), (1, 1, 1, 1)])
def test_writer_refuses_other_shapes(tmp_path: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match="not IDX"):
        write_idx(tmp_path / "x", np.zeros(shape, np.uint8))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "expected IDX images, magic 2051"),
        (b"\x00\x00", "expected IDX images, magic 2051"),
        (b"\x89PNG\r\n", "no IDX images or labels (it starts with 89504e47)"),
        (bytes.fromhex("00000801 00000001 05"), "holds IDX labels"),
        (HEADER[:10], "truncated in the header"),
        (HEADER + bytes(23), "promises 2 images of 3x4, 24 bytes, but only 23 follow"),
        (HEADER + bytes(25), "trailing bytes after 2 images of 3x4"),
        (bytes.fromhex("00000803 00000000 0000001c 0000001c"), "empty"),
        (bytes.fromhex("00000803 00000002 00000000 0000001c"), "empty"),
        (bytes.fromhex("00000803 ffffffff ffffffff ffffffff") + bytes(9), "but only 9 follow"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_damaged_images(tmp_path: Path, content: bytes, words: str, packed: bool) -> None:
    path = tmp_path / "train-images"
    path.write_bytes(gzip.compress(content) if packed else content)
    assert words in refusal(path)


def test_images_where_labels_are_expected(tmp_path: Path) -> None:
    write_idx(tmp_path / "x", IMAGES)
    assert "holds IDX images" in refusal(tmp_path / "x", read_labels)


def test_cut_and_flipped_gzip(tmp_path: Path) -> None:
    path = tmp_path / "x.gz"
    write_idx(path, np.random.Generator(np.random.PCG64(0)).integers(0, 256, (20, 8, 8), dtype=np.uint8))
    whole = path.read_bytes()
    for cut in (2, 15, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:cut])
        assert "corrupt or cut short" in refusal(path)
    checksum = len(whole) - 8
    path.write_bytes(whole[:checksum] + bytes([whole[checksum] ^ 1]) + whole[checksum + 1 :])
    assert "corrupt or cut short" in refusal(path)
    path.write_bytes(whole + b"more")
    assert "corrupt or cut short" in refusal(path)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    assert "No such file" in refusal(tmp_path / "absent")
    (tmp_path / "folder").mkdir()
    assert "cannot be read" in refusal(tmp_path / "folder")
