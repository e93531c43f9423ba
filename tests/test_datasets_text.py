"""Text as documents: formats, separators, budgets, and everything that can be wrong with a file."""

import gzip
import json
import lzma
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuitlogic.datasets.text import (
    LONGEST_LINE,
    documents_of,
    fingerprint,
    found_path,
    measured,
    text_sources,
    window_quotas,
)
from circuitlogic.errors import DataError

SEPARATOR = "<|endoftext|>"
TWO = "one\ntwo\n<|endoftext|>\nthree\n<|endoftext|>\n"


def read(path: Path) -> list[str]:
    return ["".join(lines) for lines in documents_of(str(path), SEPARATOR)]


def write(folder: Path, name: str, text: str) -> Path:
    path, raw = folder / name, text.encode()
    packed = {".gz": gzip.compress, ".xz": lzma.compress}.get(path.suffix, bytes)(raw)
    path.write_bytes(packed)
    return path


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz", "a.txt.xz", "a.md"])
def test_plain_and_packed_files_hold_the_same_documents(name: str, tmp_path: Path) -> None:
    assert read(write(tmp_path, name, TWO)) == ["one\ntwo\n", "three\n"]


def test_tables_hold_a_document_per_row(tmp_path: Path) -> None:
    rows = ["one\ntwo", "three", ""]
    lines = "".join(json.dumps(row if i else {"text": row}) + "\n" for i, row in enumerate(rows))
    assert read(write(tmp_path, "a.jsonl", lines)) == rows[:2]
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(arrow.table({"text": rows}), tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet") == rows[:2]


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.jsonl.xz", "A.JSONL", "A.TXT"])
def test_the_end_of_a_name_is_read_through_packing_and_in_capitals(name: str, tmp_path: Path) -> None:
    lines = TWO if name == "A.TXT" else '"one\\ntwo\\n"\n{"text": "three\\n"}\n'
    path = write(tmp_path, name, lines)
    assert text_sources([str(path)]) == (str(path),)
    assert read(path) == ["one\ntwo\n", "three\n"]


def test_columns_that_hold_no_text_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(arrow.table({"text": [1, 2]}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match="column `text` holds int64, not strings"):
        measured([str(tmp_path / "a.parquet")], SEPARATOR)
    for row, words in (
        ({"story": "x"}, "no column `text`; its columns are story"),
        ({"text": 3}, "no strings"),
    ):
        hub = SimpleNamespace(load_dataset=lambda *_a, _row=row, **_k: [_row])
        monkeypatch.setattr("circuitlogic.datasets.text_readers.import_module", lambda _name, _hub=hub: _hub)
        with pytest.raises(DataError, match=words):
            measured(["dataset:someone/some"], SEPARATOR)


def test_documents_that_nobody_reads_are_passed_over(tmp_path: Path) -> None:
    path = write(tmp_path, "a.txt", TWO)
    firsts = [next(lines) for lines in documents_of(str(path), SEPARATOR)]
    assert firsts == ["one\n", "three\n"]


def test_empty_documents_do_not_count_and_the_last_needs_no_separator(tmp_path: Path) -> None:
    path = write(tmp_path, "a.txt", "<|endoftext|>\n<|endoftext|>\none\n<|endoftext|>\n \n<|endoftext|>\nend")
    assert [d.characters for d in measured([str(path)], SEPARATOR)] == [3, 3]


def test_a_giant_line_comes_in_parts(tmp_path: Path) -> None:
    text = "word " * 10_000
    path = write(tmp_path, "a.txt", text)
    parts = list(next(documents_of(str(path), SEPARATOR)))
    assert "".join(parts) == text
    assert max(map(len, parts)) <= LONGEST_LINE
    path = write(tmp_path, "b.txt", "x" * 20_000)
    parts = list(next(documents_of(str(path), SEPARATOR)))
    assert [len(part) for part in parts] == [LONGEST_LINE, LONGEST_LINE, 20_000 - 2 * LONGEST_LINE]


def test_only_a_line_feed_ends_a_line(tmp_path: Path) -> None:
    path = write(tmp_path, "a.txt", "a\u2028b\x0cc\rd\ne\n")
    assert list(next(documents_of(str(path), SEPARATOR))) == ["a\u2028b\x0cc\rd\n", "e\n"]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.txt", b"fine\n\xff\xfe\n", "line 2 is not UTF-8"),
        ("a.gz", b"no gzip", "cannot be read"),
        ("a.gz", gzip.compress(b"cut short" * 99, mtime=0)[:-9], "cannot be read"),
        ("a.xz", b"no xz", "cannot be read"),
        ("a.jsonl", b'{"text": 1}\n', "line 1 holds no text"),
        ("a.jsonl", b"{\n", "line 1 is not JSON"),
        ("a.parquet", b"no parquet", "cannot be read as Parquet"),
        ("a.txt", b"", "is empty"),
        ("a.txt", b"\n \n", "is empty"),
    ],
)
def test_a_bad_file_is_refused_by_name_in_one_line(
    name: str, content: bytes, words: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=words) as error:
        measured([str(path)], SEPARATOR)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_folders_and_missing_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "inner").mkdir()
    files = [write(tmp_path / "inner", name, "x\n") for name in ("b.txt", "a.txt", "c.png")]
    assert text_sources([str(tmp_path / "inner")]) == (str(files[1]), str(files[0]))
    (tmp_path / "inner" / "more" / ".git").mkdir(parents=True)
    deeper = write(tmp_path / "inner" / "more", "d.txt", "x\n")
    write(tmp_path / "inner" / "more" / ".git", "e.txt", "x\n")
    assert text_sources([str(tmp_path / "inner")]) == (str(files[1]), str(files[0]), str(deeper))
    with pytest.raises(DataError, match="names must end in"):
        text_sources([str(files[2])])
    with pytest.raises(DataError, match="does not exist"):
        text_sources(["nowhere.txt"])
    monkeypatch.setenv("CIRCUITLOGIC_DATA", str(tmp_path))
    assert found_path("inner/a.txt") == files[1]
    assert fingerprint([str(files[0])]) == fingerprint([str(files[1])])


@given(st.lists(st.integers(1, 50), min_size=1, max_size=20), st.integers(1, 300))
def test_a_budget_is_spread_evenly_and_never_exceeded(lengths: list[int], budget: int) -> None:
    quotas = window_quotas(lengths, budget)
    assert sum(quotas) == min(budget, sum(lengths))
    assert all(0 <= q <= n for q, n in zip(quotas, lengths, strict=True))
    short_changed = [q for q, n in zip(quotas, lengths, strict=True) if q < n]
    assert not short_changed or max(quotas) - min(short_changed) <= 1
