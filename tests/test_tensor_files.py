"""Tensors and JSON on disk: round trips, whole or not at all, one clear line for what cannot be read."""

import json
from pathlib import Path

import pytest
import torch

from circuitlogic.errors import StudyError
from circuitlogic.json_files import read_json, write_json
from circuitlogic.tensor_files import read_tensors, write_tensors
from circuitlogic.whole_files import write_bytes


def test_tensors_come_back_as_they_were(tmp_path: Path) -> None:
    given = {"x": torch.arange(6).reshape(2, 3), "y": torch.tensor([1.5, -0.0]), "none": torch.zeros(0, 4)}
    write_tensors(tmp_path / "deep" / "t.safetensors", given)
    back = read_tensors(tmp_path / "deep" / "t.safetensors")
    assert list(back) == sorted(given)
    assert all(torch.equal(back[n], given[n]) and back[n].dtype == given[n].dtype for n in given)
    assert list(read_tensors(tmp_path / "deep" / "t.safetensors", ("y",))) == ["y"]


def test_views_shared_tensors_and_parameters_can_be_written(tmp_path: Path) -> None:
    base = torch.arange(12.0).reshape(3, 4)
    parameter = torch.nn.Parameter(base)
    path = tmp_path / "t.safetensors"
    write_tensors(path, {"base": base, "again": base, "turned": base.T, "row": base[1], "p": parameter})
    back = read_tensors(path)
    assert torch.equal(back["turned"], base.T)
    assert torch.equal(back["again"], base)
    assert torch.equal(back["row"], base[1])
    assert torch.equal(back["p"], base)


def test_the_same_tensors_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("1", "2"):
        write_tensors(tmp_path / name, {"b": torch.ones(2), "a": torch.zeros(3)})
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_are_not_finite_are_refused_on_reading(tmp_path: Path, bad: float) -> None:
    write_tensors(tmp_path / "t", {"good": torch.ones(1), "bad": torch.tensor([0.0, bad])})
    with pytest.raises(StudyError, match="'bad' holds NaN or infinity"):
        read_tensors(tmp_path / "t")
    assert torch.equal(read_tensors(tmp_path / "t", ("good",))["good"], torch.ones(1))


def test_a_missing_tensor_is_named_with_what_there_is(tmp_path: Path) -> None:
    write_tensors(tmp_path / "t", {"W": torch.ones(1)})
    with pytest.raises(StudyError, match="lacks the tensor 'b'; it holds W"):
        read_tensors(tmp_path / "t", ("W", "b"))


@pytest.mark.parametrize("content", [b"", b"\x08", b"not safetensors at all", b"\xff" * 64])
def test_damaged_tensor_files_give_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "t").write_bytes(content)
    with pytest.raises(StudyError) as caught:
        read_tensors(tmp_path / "t")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[1]", b"3", b"null", b"\xff\xfe", b'{"a":' * 200_000, b'{"a": ' + b"9" * 5000 + b"}"],
)
def test_what_is_no_json_object_gives_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "j").write_bytes(content)
    with pytest.raises(StudyError) as caught:
        read_json(tmp_path / "j")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("read", [read_json, read_tensors])
def test_a_missing_file_and_a_folder_are_study_errors(tmp_path: Path, read: object) -> None:
    assert callable(read)
    with pytest.raises(StudyError, match="is missing"):
        read(tmp_path / "nothing")
    with pytest.raises(StudyError, match="cannot be read"):
        read(tmp_path)


def test_json_keeps_text_and_order_and_holds_no_nan(tmp_path: Path) -> None:
    write_json(tmp_path / "j", {"z": "é→", "a": [1, 2.5, None]})
    assert read_json(tmp_path / "j") == {"z": "é→", "a": [1, 2.5, None]}
    assert list(read_json(tmp_path / "j")) == ["z", "a"]
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "k", {"x": float("nan")})
    assert not (tmp_path / "k").exists()


def test_a_failed_write_leaves_the_old_file_and_no_litter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_json(tmp_path / "j", {"old": True})

    def full_disk(self: Path, data: bytes) -> int:
        with self.open("wb") as file:
            file.write(data[:3])
        raise OSError("no space left on device")

    monkeypatch.setattr(Path, "write_bytes", full_disk)
    with pytest.raises(OSError, match="no space"):
        write_bytes(tmp_path / "j", json.dumps({"new": True}).encode())
    monkeypatch.undo()
    assert read_json(tmp_path / "j") == {"old": True}
    assert [p.name for p in tmp_path.iterdir()] == ["j"]
