"""The comparison with other libraries on a small graph: answers agree, the report says what was measured."""

import json
from pathlib import Path

import pytest
from cli_runs import Cli

from circuitlogic.benchmarks.graphbench.hubs import Shape, hub_edges


def test_edges_are_drawn_by_the_seed_and_sorted() -> None:
    shape = Shape(features=64, edges=2_000)
    one, again, other = (hub_edges(shape, seed) for seed in (0, 0, 1))
    assert one.source.tolist() == again.source.tolist() != other.source.tolist()
    key = one.target.astype(int) * 10_000 + one.source
    assert (key[1:] > key[:-1]).all()


def test_every_library_gives_the_same_answers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--edges", 20_000, "--features", 256, "--rounds", 2, "--quiet"]
    files = tmp_path / "graph.json", tmp_path / "graph.md"
    ran = Cli(capsys)("bench", "graph", *words, "--json", files[0], "--out", files[1])
    assert ran.code == 0, ran.err
    document = json.loads(files[0].read_text())
    assert {"circuitlogic", "circuitlogic, no Numba", "NetworkX", "SciPy CSR"} <= document["answers"][
        "deep"
    ].keys()
    text = files[1].read_text()
    assert "circuitlogic bench graph --edges 20000 --seed 0 --rounds 2" in text
    for target in document["targets"]:
        assert f"| {target['quantity']} | {target['target']} | {target['measured']} |" in text
