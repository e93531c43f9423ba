"""Runs the comparison: every library built and asked in one process, interleaved, CPU time, medians."""

import gc
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

import numpy as np

from circuitlogic.benchmarks.graphbench.hubs import Shape, hub_edges
from circuitlogic.benchmarks.graphbench.libraries import BY_TARGET, PEERS, Library, Ours, installed
from circuitlogic.benchmarks.graphbench.questions import Question, questions
from circuitlogic.benchmarks.graphbench.resident import resident_after, resident_bytes
from circuitlogic.errors import CheckFailedError
from circuitlogic.graph.columns import EdgeArrays
from circuitlogic.graph.store import FeatureGraph
from circuitlogic.graph.walks import Engine, compiled_kernels, engine
from circuitlogic.progress import SILENT, Progress

_SLOW = 0.5
"""Seconds from which on a call is slow: it waits for no cache, and is repeated less often."""
COMPILED, PLAIN = "circuitlogic", "circuitlogic, no Numba"


@dataclass(frozen=True, slots=True)
class Settings:
    """What is run."""

    shape: Shape = field(default_factory=Shape)
    seed: int = 0
    rounds: int = 9
    """Of each kind of question, each round with other features."""
    slow_rounds: int = 3
    """Of these for slow calls."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One question to one library."""

    milliseconds: float
    """CPU time of one call about a feature not asked about before, median over the rounds."""
    again: float
    """The same when the same question was asked just before: its lists are in the processor's cache."""
    nodes: int
    """Nodes in the answer (paths: 0): mean of a round, median over the rounds."""


@dataclass(frozen=True, slots=True)
class Bench:
    """All figures."""

    settings: Settings
    edges: int
    build: Mapping[str, float]
    """CPU seconds from edge arrays to a graph that can be asked."""
    megabytes: Mapping[str, float]
    """Growth of the process while it was built; of ours, of a fresh process that opens it and asks 100 times."""
    save_seconds: float
    parquet_seconds: float
    """Share of saving that goes into the Parquet copies."""
    open_milliseconds: float
    edges_milliseconds: float
    """The full cone's edges as arrays, on top of its nodes."""
    influence_milliseconds: float
    """The influence of each of the full cone's features, on top."""
    questions: tuple[Question, ...]
    answers: Mapping[str, Mapping[str, Asked]]
    """Question -> library -> figures."""
    absent: tuple[str, ...]
    """Peers that are not installed here."""
    load: float | None
    """Processes that wanted to run, mean of the last 15 minutes; None where the system does not say."""
    cores: int


def run_graphbench(settings: Settings, progress: Progress = SILENT) -> Bench:
    """Build, ask, compare.

    Raises:
        CheckFailedError: a library gave another answer than ours.
    """
    progress.note("drawing the graph")
    edges = hub_edges(settings.shape, settings.seed)
    asked = questions(settings.shape, edges, settings.rounds, settings.seed)
    _warm_up(settings.shape)
    build: dict[str, float] = {}
    megabytes: dict[str, float] = {}
    graph, times = _timed_build(settings, edges)
    build |= times
    names = tuple(map(str, graph.features(np.arange(len(graph)))))
    libraries: dict[str, Library] = {PLAIN: Ours(graph, names, "plain")}
    if compiled_kernels() is not None:
        libraries = {COMPILED: Ours(graph, names, "compiled"), **libraries}
    ours = dict(libraries)
    for name in (name for name in PEERS if name != BY_TARGET):
        _build(name, settings.shape, edges, libraries, (build, megabytes), progress)
    stored = _on_disk(graph, asked, names)
    megabytes[COMPILED] = stored.resident / 1e6
    walked = _walked(libraries, asked[-2])
    answers = {q.name: _ask(q, libraries, settings, progress) for q in asked}
    libraries.clear()  # two graphs of NetworkX do not fit into every machine
    _build(BY_TARGET, settings.shape, edges, ours, (build, megabytes), progress)
    for question in asked:
        second = _ask(question, ours, settings, progress, settings.rounds)
        answers[question.name] |= {name: second[name] for name in second.keys() & {BY_TARGET}}
    return Bench(
        settings=settings,
        edges=len(edges),
        build=build,
        megabytes=megabytes,
        save_seconds=stored.save,
        parquet_seconds=stored.parquet,
        open_milliseconds=stored.open,
        edges_milliseconds=walked[0],
        influence_milliseconds=walked[1],
        questions=asked,
        answers=answers,
        absent=tuple(name for name, (package, _) in PEERS.items() if not installed(package)),
        load=os.getloadavg()[2] if hasattr(os, "getloadavg") else None,
        cores=os.cpu_count() or 1,
    )


def _build(
    name: str,
    shape: Shape,
    edges: EdgeArrays,
    libraries: dict[str, Library],
    figures: tuple[dict[str, float], dict[str, float]],
    progress: Progress,
) -> None:
    """Build one peer, if it is installed; adds to CPU seconds and megabytes."""
    package, make = PEERS[name]
    if not installed(package):
        return
    progress.note(f"building {name}")
    gc.collect()
    before, begun = resident_bytes(), process_time()
    libraries[name] = make(shape, edges)
    figures[0][name] = process_time() - begun
    figures[1][name] = (resident_bytes() - before) / 1e6


def _warm_up(shape: Shape) -> None:
    """Compile what will be timed; a user pays that once per machine, not per graph."""
    small = Shape(shape.sites, 64, 2_000)
    with engine("compiled"):
        graph = FeatureGraph.from_edges(small.names, small.sizes, hub_edges(small, 0))
        last = f"{small.names[-1]}/0"
        answer = graph.ancestors(last, min_weight=0.1, depth=2)
        graph.path(f"{small.names[0]}/0", last)
        answer.to_arrays()
        answer.ranked()


def _timed_build(settings: Settings, edges: EdgeArrays) -> tuple[FeatureGraph, dict[str, float]]:
    """The graph, and CPU seconds by engine: median of three for the one that users get."""
    shape, times = settings.shape, dict[str, float]()

    def built(walking: Engine) -> tuple[FeatureGraph, float]:
        with engine(walking):
            begun = process_time()
            graph = FeatureGraph.from_edges(shape.names, shape.sizes, edges)
            return graph, process_time() - begun

    graph, times[PLAIN] = built("plain")
    if compiled_kernels() is not None:
        times[COMPILED] = median(built("compiled")[1] for _ in range(3))
    return graph, times


@dataclass(frozen=True, slots=True)
class _Stored:
    save: float
    parquet: float
    open: float
    resident: int


def _on_disk(graph: FeatureGraph, asked: tuple[Question, ...], names: tuple[str, ...]) -> _Stored:
    """Saving, opening, and the memory of an opened graph after 100 questions of the three thresholded kinds."""
    from circuitlogic.graph.parquet import write_edges, write_nodes

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "graph"
        begun = process_time()
        graph.save(folder)
        save = process_time() - begun
        begun = process_time()
        for name, writer in (("n", write_nodes), ("e", write_edges)):
            with (Path(scratch) / name).open("wb") as stream:
                chosen = np.arange(len(graph)) if name == "n" else graph.edges()
                writer(graph, chosen, stream)  # pyright: ignore[reportArgumentType]
        parquet = process_time() - begun
        opened = median(_cpu(lambda: FeatureGraph.open(folder)) for _ in range(9))
        kinds = asked[:2]
        starts = kinds[0].starts
        wanted = [
            (names[starts[i // 2 % len(starts)]], kinds[i % 2].depth, kinds[i % 2].above) for i in range(100)
        ]
        return _Stored(save, parquet, opened * 1e3, resident_after(folder, wanted))


def _walked(libraries: Mapping[str, Library], question: Question) -> tuple[float, float]:
    """Edges and influences of full cones, in milliseconds."""
    ours = next(library for library in libraries.values() if isinstance(library, Ours))
    edges: list[float] = []
    influence: list[float] = []
    for start in question.starts[:5]:
        with engine(ours.walking):
            answer = ours.graph.ancestors(ours.names[start])
            edges.append(_cpu(lambda answer=answer: answer.edges))
            influence.append(_cpu(lambda answer=answer: answer.influence))
    return median(edges) * 1e3, median(influence) * 1e3


def _ask(
    question: Question,
    libraries: Mapping[str, Library],
    settings: Settings,
    progress: Progress,
    skip: int = 0,
) -> dict[str, Asked]:
    """Round by round, in each round every library, so that a busy machine slows them all.

    In each round a library is asked about features new to it, and then about the same ones again; the first
    `skip` rounds' features are left out.
    """
    first: dict[str, list[float]] = {name: [] for name in libraries}
    again: dict[str, list[float]] = {name: [] for name in libraries}
    nodes: list[int] = []
    for turn in progress.track(range(skip, skip + settings.rounds), question.text, settings.rounds):
        expected: tuple[int, float] | None = None
        for name, library in libraries.items():
            slow = bool(first[name]) and median(first[name]) > _SLOW
            if slow and len(first[name]) >= settings.slow_rounds:
                continue
            answer, seconds = _one(question, library, turn)
            first[name].append(seconds)
            again[name].append(_one(question, library, turn)[1] if seconds < _SLOW else seconds)
            expected = expected or answer
            if answer[0] != expected[0] or not np.isclose(answer[1], expected[1]):
                raise CheckFailedError(f"{name} answers {question.text!r} with {answer}, not {expected}")
        nodes.append(0 if expected is None else expected[0])
    return {
        name: Asked(median(first[name]) * 1e3, median(again[name]) * 1e3, int(median(nodes)))
        for name in first
    }


def _one(question: Question, library: Library, turn: int) -> tuple[tuple[int, float], float]:
    """Answers of one batch as (mean nodes, sum of node numbers or of strengths), and CPU seconds per call."""
    places = [(turn * question.batch + i) % len(question.starts) for i in range(question.batch)]
    starts = [library.names[question.starts[at]] for at in places]
    goals = [library.names[question.goals[at]] for at in places] if question.goals else []
    found: list[Any]
    with engine(library.walking if isinstance(library, Ours) else "auto"):
        begun = process_time()
        if goals:
            found = [library.strength(*ends) for ends in zip(starts, goals, strict=True)]
        else:
            found = [library.ancestors(start, question.above, question.depth) for start in starts]
        seconds = (process_time() - begun) / len(places)
    if goals:
        return (0, float(sum(found))), seconds
    nodes = sum(len(one) for one in found) // len(found)
    return (nodes, float(sum(int(one.sum()) for one in found))), seconds


def _cpu(call: Callable[[], object]) -> float:
    """CPU seconds of one call."""
    begun = process_time()
    call()
    return process_time() - begun
