"""What an answer says: its order, what limits leave, why it is empty, and every form it can take."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
from graph_plans import edges_of, names, small

from circuitlogic.errors import ConfigError, UnknownNameError
from circuitlogic.features import FeatureId
from circuitlogic.graph import queries
from circuitlogic.graph.columns import EdgeArrays
from circuitlogic.graph.store import FeatureGraph
from circuitlogic.graph.walks import engine


@pytest.fixture(params=["plain", "compiled"], scope="module", autouse=True)
def walking(request: pytest.FixtureRequest) -> Iterator[str]:
    """Every question is asked of both engines."""
    with engine(request.param):
        yield request.param


def test_answers_come_nearest_then_strongest_first() -> None:
    plainly = queries.ancestors(small(), FeatureId("c", 0))
    assert [str(f) for f in plainly.features] == ["c/0", "a/0", "b/0", "a/1"]
    answer = plainly.ranked()
    assert [str(f) for f in answer.features] == ["c/0", "b/0", "a/0", "a/1"]
    assert answer.depth is not None
    assert answer.depth.tolist() == [0, 1, 1, 2]
    assert answer.influence is not None
    assert answer.influence.tolist() == pytest.approx([1, 0.5, 0.45, 1.5])


def test_limit_keeps_the_most_influential_and_says_how_many_are_missing() -> None:
    answer = queries.ancestors(small(), "c/0", limit=2)
    assert names(answer) == {"c/0", "b/0", "a/1"}
    assert edges_of(answer) == {("b/0", "c/0"), ("a/1", "b/0")}
    assert answer.left_out == 1
    assert queries.ancestors(small(), "c/0", limit=3).left_out == 0


def test_sites_filter_the_answer_but_not_the_way() -> None:
    answer = queries.ancestors(small(), "c/0", sites=["a"])
    assert names(answer) == {"c/0", "a/0", "a/1"}
    assert edges_of(answer) == {("a/0", "c/0")}


def test_common_counts_from_the_nearer_and_feels_the_weaker() -> None:
    answer = queries.common(small(), "b/0", "c/0")
    assert names(answer) == {"b/0", "c/0", "a/0", "a/1"}
    assert answer.depth is not None
    assert answer.influence is not None
    told = {
        str(f): (d, pytest.approx(i))
        for f, d, i in zip(answer.features, answer.depth.tolist(), answer.influence.tolist(), strict=True)
    }
    assert told == {"b/0": (0, 1.0), "c/0": (0, 1.0), "a/0": (1, 0.45), "a/1": (1, 1.5)}
    assert queries.common(small(), "b/0", "c/0", limit=1).left_out == 1


@pytest.mark.parametrize(
    ("ask", "line"),
    [
        (lambda g: queries.ancestors(g, "b/1", min_weight=0.4), "nothing above 0.40; strongest 0.38"),
        (lambda g: queries.ancestors(g, "b/1", min_weight=0.38), "nothing above 0.38; strongest 0.38"),
        (lambda g: queries.ancestors(g, "b/1", sign="+"), "b/1 has no positive inputs"),
        (lambda g: queries.ancestors(g, "a/0"), "a/0 has no inputs"),
        (lambda g: queries.descendants(g, "c/0"), "c/0 has no outputs"),
        (lambda g: queries.descendants(g, "b/0", sites=["b"]), "b/0 has outputs, but none at b"),
        (lambda g: queries.neighbors(g, "c/1"), "c/1 has no inputs or outputs"),
        (lambda g: queries.path(g, "c/0", "a/0"), "edges only go forward, and c does not come before a"),
        (lambda g: queries.path(g, "a/0", "a/0"), "a/0 is the same feature at both ends"),
        (lambda g: queries.path(g, "a/0", "b/1"), "no path from a/0 to b/1"),
        (
            lambda g: queries.path(g, "a/0", "c/0", min_weight=0.6),
            "every edge above 0.6; the strongest path needs",
        ),
        (lambda g: queries.between(g, "a/1", "b/1", sign="+"), "no positive path from a/1 to b/1"),
        (lambda g: queries.common(g, "c/0", "c/1"), "c/1 has no inputs"),
        (
            lambda g: queries.common(g, "b/0", "b/1", min_weight=0.5),
            "b/1: nothing above 0.50; strongest 0.38",
        ),
        (lambda g: queries.find(g, kind="xor"), "no feature has gate kind 'xor'; there are: 'not' 1, 'or' 2"),
        (lambda g: queries.find(g, label="tail"), "no feature has label 'tail'"),
        (lambda g: queries.roots(g, min_weight=9.0), "nothing above 9.00; strongest 3.00"),
    ],
)
def test_an_empty_answer_says_why(ask: object, line: str) -> None:
    answer = ask(small())  # type: ignore[operator]
    assert answer.is_empty
    assert "\n" not in answer.explanation
    assert line in answer.explanation


def test_find_meets_every_condition() -> None:
    graph = small()
    assert names(queries.find(graph, label="loop")) == {"a/0", "b/0"}
    assert names(queries.find(graph, label="loop", kind="or")) == {"b/0"}
    assert names(queries.find(graph, kind="or", sites=["c"])) == {"c/0"}
    assert names(queries.find(graph, min_fan_in=2)) == {"b/0", "c/0"}
    assert names(queries.find(graph, min_fan_in=2, min_weight=0.45)) == {"b/0"}
    assert names(queries.find(graph)) == {str(graph.feature(i)) for i in range(6)}


@pytest.mark.parametrize(
    ("ask", "error", "line"),
    [
        (
            lambda g: queries.ancestors(g, "B/0"),
            UnknownNameError,
            "unknown feature 'B/0': did you mean c/0, b/0, a/0?",
        ),
        (lambda g: queries.ancestors(g, "b/2"), UnknownNameError, "b has features 0..1"),
        (lambda g: queries.ancestors(g, FeatureId("b", -1)), UnknownNameError, "b has features 0..1"),
        (lambda g: queries.ancestors(g, "b"), ConfigError, "write SITE/INDEX"),
        (lambda g: queries.ancestors(g, f"b/{'1' * 5_000}"), ConfigError, "write SITE/INDEX"),
        (lambda g: queries.ancestors(g, "b/0", depth=0), ConfigError, "depth 0"),
        (lambda g: queries.ancestors(g, "b/0", limit=-1), ConfigError, "limit -1"),
        (lambda g: queries.ancestors(g, "b/0", sign="plus"), ConfigError, "sign 'plus'"),
        (lambda g: queries.ancestors(g, "b/0", min_weight=float("nan")), ConfigError, "min_weight nan"),
        (lambda g: queries.ancestors(g, "b/0", sites=["z"]), UnknownNameError, "unknown site 'z'"),
        (lambda g: queries.path(g, "a/0", "c/0", k=0), ConfigError, "k 0"),
        (lambda g: queries.find(g, sites=["z"]), UnknownNameError, "unknown site 'z'"),
    ],
)
def test_nonsense_is_refused_in_one_line(ask: object, error: type[Exception], line: str) -> None:
    with pytest.raises(error) as caught:
        ask(small())  # type: ignore[operator]
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


def test_graphs_and_answers_print_as_one_line() -> None:
    graph = small()
    assert repr(graph) == "FeatureGraph(3 sites, 6 features, 5 edges above 0)"
    assert repr(graph.ancestors("c/0", limit=2)) == "SubGraph(3 features about c/0, 1 left out)"
    assert repr(graph.path("a/0", "b/1")) == (
        "SubGraph(2 features about a/0 and b/1: no path from a/0 to b/1)"
    )


def test_frames_and_arrays_tell_the_same_story() -> None:
    answer = queries.ancestors(small(), "c/0").ranked()
    frames, arrays = answer.to_pandas(), answer.to_arrays()
    assert frames.nodes.index.tolist() == ["c/0", "b/0", "a/0", "a/1"]
    assert frames.nodes.loc["b/0", "label"] == "big <b>LOOP</b>"
    assert frames.nodes["depth"].tolist() == [0, 1, 1, 2]
    rows = frames.nodes.index[arrays.ends[0]].tolist(), frames.nodes.index[arrays.ends[1]].tolist()
    assert rows == (frames.edges["source"].tolist(), frames.edges["target"].tolist())
    assert set(zip(*rows, strict=True)) == edges_of(answer)
    assert arrays.site.tolist() == [2, 1, 0, 0]
    assert arrays.index.tolist() == [0, 0, 0, 1]


@pytest.mark.parametrize("sizes", [(), (3,)])
def test_graphs_without_edges_have_answers_in_every_form(sizes: tuple[int, ...]) -> None:
    graph = FeatureGraph.from_edges(("a",) * len(sizes), sizes, EdgeArrays.empty())
    for answer in (queries.whole(graph), queries.find(graph, label="x"), queries.roots(graph)):
        assert len(answer.to_networkx()) == len(answer.to_pandas().nodes) == answer.nodes.size
        assert answer.to_pandas().edges.columns.tolist() == ["source", "target", "weight", "raw_weight"]
        assert answer.to_arrays().ends.shape == (2, 0)
    assert queries.roots(graph).explanation == "the graph has no edges"
    frame = queries.whole(graph).to_pandas().nodes
    assert frame["label"].tolist() == [""] * sum(sizes)
    assert frame["bias"].isna().all()


def test_asking_imports_no_heavy_library() -> None:
    code = (
        "import sys, circuitlogic.graph.queries, circuitlogic.graph.exporters\n"
        "print(sorted({'networkx', 'pandas', 'pyarrow', 'pydantic', 'torch', 'sympy', 'numba'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
