"""Where image files are found, how they must fit together, and what a download may go wrong with."""

import gzip
import hashlib
import io
import os
from collections.abc import Callable
from http.client import IncompleteRead
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest

from circuitlogic.datasets import download, mnist
from circuitlogic.datasets.download import PublishedFile
from circuitlogic.datasets.idx import write_idx
from circuitlogic.datasets.idx_folder import FILE_NAMES
from circuitlogic.datasets.registry import load_images
from circuitlogic.errors import DataError


@pytest.fixture(autouse=True)
def nothing_around(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No variable, an empty cache, no network."""
    monkeypatch.delenv("CIRCUITLOGIC_DATA", raising=False)
    monkeypatch.setattr(mnist, "cache_folder", lambda: tmp_path / "cache")

    def refuse(url: str) -> io.BytesIO:
        raise URLError("no network")

    monkeypatch.setattr(download, "open_url", refuse)


def make_folder(
    folder: Path, *, shape: tuple[int, int] = (28, 28), brightness: int = 255, end: str = ".gz", n: int = 60
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, count in zip(FILE_NAMES, (n, n, 20, 20), strict=True):
        array = np.full((count, *shape), brightness) if "images" in name else np.arange(count) % 10
        write_idx(folder / f"{name}{end}", array.astype(np.uint8))
    return folder


def brightness_of(name: str, path: Path | None = None) -> int:
    return round(float(load_images(name, path).test.images.max()) * 255)


def refusal(name: str, path: Path | None = None) -> str:
    with pytest.raises(DataError) as caught:
        load_images(name, path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("subfolder", ["", "mnist", "MNIST/raw"])
@pytest.mark.parametrize("end", ["", ".gz"])
@pytest.mark.parametrize("name", ["mnist", "idx"])
def test_found_under_a_given_path(tmp_path: Path, subfolder: str, end: str, name: str) -> None:
    make_folder(tmp_path / "given" / subfolder, end=end)
    data = load_images(name, tmp_path / "given")
    assert (data.name, data.shape, data.classes) == (name, (28, 28), 10)
    assert [len(split) for split in (data.train, data.heldout, data.test)] == [50, 10, 20]


def test_path_goes_before_variable_before_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_folder(tmp_path / "cache", brightness=30)
    assert brightness_of("mnist") == 30
    make_folder(tmp_path / "env" / "mnist", brightness=20)
    monkeypatch.setenv("CIRCUITLOGIC_DATA", str(tmp_path / "env"))
    assert brightness_of("mnist") == 20
    assert brightness_of("idx") == 20
    make_folder(tmp_path / "given", brightness=10)
    assert brightness_of("mnist", tmp_path / "given") == 10


def test_a_given_path_without_files_is_refused_even_if_the_cache_has_them(tmp_path: Path) -> None:
    make_folder(tmp_path / "cache")
    (tmp_path / "given").mkdir()
    assert "holds none of the IDX files" in refusal("mnist", tmp_path / "given")
    assert "is not a folder" in refusal("mnist", tmp_path / "nowhere")


def test_a_variable_without_files_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_folder(tmp_path / "cache", brightness=30)
    monkeypatch.setenv("CIRCUITLOGIC_DATA", str(tmp_path))
    assert brightness_of("mnist") == 30


def test_a_missing_one_of_four_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_folder(tmp_path / "given")
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    assert "t10k-labels-idx1-ubyte missing" in refusal("mnist", folder)
    monkeypatch.setenv("CIRCUITLOGIC_DATA", str(folder))
    assert "t10k-labels-idx1-ubyte missing" in refusal("idx")


def test_the_other_spelling_is_found(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "given", end="")
    for name in FILE_NAMES:
        (folder / name).rename(folder / name.replace("-idx", ".idx"))
    assert len(load_images("mnist", folder).test) == 20


def test_idx_takes_any_size_and_mnist_only_its_own(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "given", shape=(5, 7))
    data = load_images("idx", folder)
    assert data.shape == (5, 7)
    assert data.train.images.shape == (50, 35)
    assert "use dataset 'idx'" in refusal("mnist", folder)


def test_idx_without_a_folder_says_what_to_give() -> None:
    message = refusal("idx")
    assert "CIRCUITLOGIC_DATA" in message
    assert all(name in message for name in FILE_NAMES)


def test_counts_sizes_and_labels_must_fit(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "given", end="")
    write_idx(folder / FILE_NAMES[1], np.zeros(59, np.uint8))
    assert "59 labels for the 60 images" in refusal("idx", folder)
    make_folder(folder, end="")
    write_idx(folder / FILE_NAMES[2], np.zeros((20, 9, 9), np.uint8))
    assert "images of 9x9, but the training images are 28x28" in refusal("idx", folder)
    make_folder(folder, end="")
    write_idx(folder / FILE_NAMES[3], np.full(20, 10, np.uint8))
    assert "label 10 of sample 0 is out of range: allowed 0..9" in refusal("idx", folder)
    make_folder(folder, end="")
    write_idx(folder / FILE_NAMES[1], np.append(np.zeros(59), 11).astype(np.uint8))
    assert "label 11 of sample 59 is out of range: allowed 0..9" in refusal("mnist", folder)


# --- downloads -------------------------------------------------------------------------------------------


class Mirrors:
    """Stands for the network: serves bytes by address and counts what was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        make_folder(folder)
        self.files = {f"{name}.gz": (folder / f"{name}.gz").read_bytes() for name in FILE_NAMES}
        self.asked: list[str] = []
        self.broken: dict[str, Callable[[bytes], io.BytesIO]] = {}
        published = tuple(
            PublishedFile(name, len(content), hashlib.md5(content).hexdigest())
            for name, content in self.files.items()
        )
        monkeypatch.setattr(mnist, "PUBLISHED", published)
        monkeypatch.setattr(download, "open_url", self.open)

    def open(self, url: str) -> io.BytesIO:
        self.asked.append(url)
        content = self.files[url.rpartition("/")[2]]
        for start, act in self.broken.items():
            if url.startswith(start):
                return act(content)
        return io.BytesIO(content)


@pytest.fixture
def mirrors(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Mirrors:
    return Mirrors(monkeypatch, tmp_path / "served")


class Dropping(io.BytesIO):
    """A connection that is lost after the first piece."""

    def read(self, _: int | None = -1, /) -> bytes:
        if self.tell():
            raise IncompleteRead(b"", 5)
        return super().read(3)


def raising(error: Exception) -> Callable[[bytes], io.BytesIO]:
    def act(_: bytes) -> io.BytesIO:
        raise error

    return act


FAILURES: dict[str, tuple[Callable[[bytes], io.BytesIO], str]] = {
    "offline": (raising(URLError("no route")), "no route"),
    "slow": (raising(TimeoutError("timed out")), "timed out"),
    "silent": (raising(TimeoutError()), "TimeoutError"),
    "dropped": (Dropping, "IncompleteRead"),
    "short": (lambda content: io.BytesIO(content[:-1]), "the size is"),
    "long": (lambda content: io.BytesIO(content + b"x"), "more than"),
    "changed": (lambda content: io.BytesIO(content[:-1] + bytes([content[-1] ^ 1])), "MD5"),
}


def test_downloads_once_into_the_cache(mirrors: Mirrors, tmp_path: Path) -> None:
    assert len(load_images("mnist").test) == 20
    assert [url.rpartition("/")[0] + "/" for url in mirrors.asked] == [mnist.MIRRORS[0]] * 4
    assert {p.name: p.read_bytes() for p in (tmp_path / "cache").iterdir()} == mirrors.files
    load_images("mnist")
    assert len(mirrors.asked) == 4


@pytest.mark.parametrize("failure", FAILURES)
def test_a_bad_mirror_is_passed_over(mirrors: Mirrors, tmp_path: Path, failure: str) -> None:
    mirrors.broken[mnist.MIRRORS[0]] = FAILURES[failure][0]
    assert len(load_images("mnist").test) == 20
    assert len(mirrors.asked) == 8
    assert {p.name: p.read_bytes() for p in (tmp_path / "cache").iterdir()} == mirrors.files


@pytest.mark.parametrize("failure", FAILURES)
def test_no_good_mirror_is_one_line_and_leaves_nothing(
    mirrors: Mirrors, tmp_path: Path, failure: str
) -> None:
    mirrors.broken["https://"] = FAILURES[failure][0]
    message = refusal("mnist")
    assert FAILURES[failure][1] in message
    assert str(tmp_path / "cache") in message
    assert all(f"{name}.gz" in message for name in FILE_NAMES)
    assert "CIRCUITLOGIC_DATA" in message
    assert not list((tmp_path / "cache").iterdir())


def test_a_download_that_broke_off_goes_on_with_the_missing_files(mirrors: Mirrors) -> None:
    third = mnist.PUBLISHED[2].name
    for mirror in mnist.MIRRORS:
        mirrors.broken[mirror + third] = raising(URLError("lost"))
    refusal("mnist")
    mirrors.broken.clear()
    mirrors.asked.clear()
    load_images("mnist")
    assert [url.rpartition("/")[2] for url in mirrors.asked] == [file.name for file in mnist.PUBLISHED[2:]]


def test_interrupting_a_download_leaves_no_part(mirrors: Mirrors, tmp_path: Path) -> None:
    class Interrupted(io.BytesIO):
        def read(self, _: int | None = -1, /) -> bytes:
            raise KeyboardInterrupt

    mirrors.broken["https://"] = Interrupted
    with pytest.raises(KeyboardInterrupt):
        load_images("mnist")
    assert not list((tmp_path / "cache").iterdir())


def test_a_cache_that_cannot_be_made_is_one_line(mirrors: Mirrors, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file in the way")
    assert "put train-images-idx3-ubyte.gz" in refusal("mnist")
    assert not mirrors.asked


def test_checksums_are_not_asked_of_a_users_own_files(mirrors: Mirrors, tmp_path: Path) -> None:
    make_folder(tmp_path / "cache", brightness=77)
    assert brightness_of("mnist") == 77
    assert not mirrors.asked


@pytest.mark.parametrize("url", ["http://example.org/x", "file:///etc/passwd"])
def test_only_https_is_opened(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.undo()
    with pytest.raises(DataError, match="https"):
        download.open_url(url)


def test_https_is_opened_with_a_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    asked: list[tuple[str, float]] = []

    def urlopen(url: str, timeout: float) -> io.BytesIO:
        asked.append((url, timeout))
        return io.BytesIO(b"body")

    monkeypatch.setattr("urllib.request.urlopen", urlopen)
    with download.open_url("https://example.org/x") as stream:
        assert stream.read() == b"body"
    assert asked == [("https://example.org/x", download.TIMEOUT_SECONDS)]
    assert 1 <= download.TIMEOUT_SECONDS <= 60


def test_the_cache_is_the_users_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert mnist.cache_folder().parts[-1] == "mnist"
    assert "circuitlogic" in mnist.cache_folder().parts


def test_the_mirrors_and_sizes_are_of_the_published_files() -> None:
    assert all(mirror.startswith("https://") and mirror.endswith("/") for mirror in mnist.MIRRORS)
    assert [file.name for file in mnist.PUBLISHED] == [f"{name}.gz" for name in FILE_NAMES]


# --- the real files --------------------------------------------------------------------------------------

REAL = os.environ.get("CIRCUITLOGIC_DATA", "")
needs_mnist = pytest.mark.skipif(
    not list(Path(REAL).glob("mnist/train-images-idx3-ubyte.gz")) if REAL else True,
    reason="CIRCUITLOGIC_DATA names no folder with mnist/train-images-idx3-ubyte.gz",
)


@needs_mnist
def test_real_mnist() -> None:
    data = load_images("mnist", Path(REAL), seed=0)
    assert [len(split) for split in (data.train, data.heldout, data.test)] == [50_000, 10_000, 10_000]
    assert data.test.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert (data.shape, data.classes) == ((28, 28), 10)
    counts = np.bincount(np.concatenate([data.train.labels, data.heldout.labels]))
    assert counts.tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    mean = np.average([data.train.images.mean(), data.heldout.images.mean()], weights=[5, 1])
    assert mean == pytest.approx(0.1307, abs=1e-4)


@needs_mnist
def test_real_files_are_the_published_ones() -> None:
    for file in mnist.PUBLISHED:
        content = (Path(REAL) / "mnist" / file.name).read_bytes()
        assert (len(content), hashlib.md5(content).hexdigest()) == (file.size, file.md5)
        assert gzip.decompress(content)[:2] == b"\0\0"
