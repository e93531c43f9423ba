"""Edge scores by hand, selections that only ever remove, and a study extracted by rank."""

from pathlib import Path

import pytest
import torch
from feature_cases import connector, pairs_of, plain_statistics, sparse_features
from hypothesis import given, settings
from hypothesis import strategies as st
from study_cases import tiny_config, use_tiny_data

from circuitlogic import pipeline
from circuitlogic.connectors.model import Connector
from circuitlogic.errors import ConfigError, UnknownNameError
from circuitlogic.extract.edge_scores import score_named
from circuitlogic.extract.select_edges import select_edges
from circuitlogic.json_files import read_json
from circuitlogic.report.view import study_view
from circuitlogic.stages.extracted import load_graph
from circuitlogic.stages.feature_network import SELECTED, load_selected, load_tuned, selection_words
from circuitlogic.stages.network_metrics import FIDELITY, load_metrics

SCORES = ("weight", "effect", "ablation")


def random_chain(seed: int) -> tuple[list[Connector], list[torch.Tensor]]:
    generator = torch.Generator().manual_seed(seed)
    made = []
    for n_out, n_in in ((5, 7), (4, 5)):
        weight = torch.randn(n_out, n_in, generator=generator)
        made.append(connector(weight * (torch.rand(n_out, n_in, generator=generator) < 0.6)))
    # Few distinct scores, so that ties are common.
    return made, [torch.randint(0, 4, c.weight.shape, generator=generator).double() for c in made]


def edges_of(chain: tuple[Connector, ...] | list[Connector]) -> set[tuple[int, int, int]]:
    return {(n, *place) for n, c in enumerate(chain) for place in c.weight.nonzero().tolist()}


@given(st.integers(0, 10_000), st.integers(1, 6), st.integers(1, 30), st.floats(0, 1))
@settings(max_examples=40, deadline=None)
def test_fewer_edges_or_a_higher_threshold_only_remove(seed: int, top_k: int, edges: int, cut: float) -> None:
    chain, scores = random_chain(seed)
    chosen = select_edges(chain, scores, top_k, edges)
    assert edges_of(chosen) <= edges_of(chain)
    assert len(edges_of(chosen)) <= edges
    assert all(int(c.weight.count_nonzero(1).max()) <= top_k for c in chosen)
    for fewer in (
        select_edges(chain, scores, max(top_k - 1, 1), edges),
        select_edges(chain, scores, top_k, max(edges - 3, 1)),
        [c.thresholded(cut) for c in chosen],
    ):
        assert edges_of(fewer) <= edges_of(chosen)


@given(st.integers(0, 10_000), st.integers(1, 40))
@settings(max_examples=30, deadline=None)
def test_the_edges_kept_are_the_best(seed: int, edges: int) -> None:
    chain, scores = random_chain(seed)
    kept = select_edges(chain, scores, None, edges)
    inside = [s for new, s in zip(kept, scores, strict=True) for s in s[new.weight != 0].tolist()]
    outside = [
        s
        for old, new, own in zip(chain, kept, scores, strict=True)
        for s in own[(old.weight != 0) & (new.weight == 0)].tolist()
    ]
    assert len(inside) == min(edges, len(edges_of(chain)))
    assert not outside or min(inside) >= max(outside)


def test_without_a_number_nothing_is_removed_and_ties_go_to_the_first() -> None:
    chain, scores = random_chain(0)
    assert edges_of(select_edges(chain, scores, None, None)) == edges_of(chain)
    level = [torch.ones_like(s) for s in scores]
    assert edges_of(select_edges(chain, level, None, 4)) == set(sorted(edges_of(chain))[:4])


def test_scores_of_a_hand_made_connector(tmp_path: Path) -> None:
    """Two inputs of size 1 on 4 samples; y = ReLU(a - 2b), unit scales."""
    a, b = torch.tensor([1.0, 1.0, 0.0, 0.0]), torch.tensor([0.0, 1.0, 1.0, 0.0])
    source = torch.stack([a, b], 1)
    made = connector(torch.tensor([[1.0, -2.0]]))
    pairs = pairs_of(tmp_path, source, made(source))
    effect, ablation = (score_named(name)(made, pairs)[0] for name in ("effect", "ablation"))
    assert score_named("weight")(made, pairs)[0].tolist() == [1.0, 2.0]
    # The target fires on the first sample only, where a = 1 and b = 0.
    assert effect.tolist() == [1.0, 0.0]
    # Without a, the first sample is lost; without b, the second fires wrongly: an error of 1 on 4 samples each.
    assert ablation.tolist() == pytest.approx([0.25 / 0.1875, 0.25 / 0.1875])


@pytest.mark.parametrize("name", SCORES)
def test_where_there_is_no_edge_the_score_is_zero_and_permuting_inputs_permutes(
    tmp_path: Path, name: str
) -> None:
    source = sparse_features(300, 6, seed=1)
    made = connector(torch.tensor([[1.0, 0.0, -0.5, 0.0, 0.3, 0.0], [0.0, 0.7, 0.0, 0.2, 0.0, 0.0]]))
    order = [3, 1, 5, 0, 2, 4]
    turned = connector(made.weight[:, order])
    target = made(source) + 0.1
    plain = score_named(name)(made, pairs_of(tmp_path / "1", source, target))
    moved = score_named(name)(turned, pairs_of(tmp_path / "2", source[:, order], target))
    assert not plain[made.weight == 0].any()
    assert torch.allclose(plain[:, order], moved, rtol=1e-4, atol=1e-6)


def test_an_unknown_score_suggests_the_right_one() -> None:
    with pytest.raises(UnknownNameError, match="ablation"):
        score_named("ablatoin")
    assert plain_statistics(2).live.all()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        use_tiny_data(patch)
        return pipeline.train(tmp_path_factory.mktemp("ranked") / "study", tiny_config()).root


def test_extracting_by_rank_selects_stores_and_measures_the_same_edges(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_tiny_data(monkeypatch)
    study = pipeline.Study.open(root)
    every = pipeline.extract(study, threshold=0.0)
    assert edges_of(load_selected(study)) == edges_of(load_tuned(study))
    assert selection_words(study) == ""
    ranked = pipeline.extract(study, threshold=0.0, score="ablation", edges=20)
    assert sum(s.edges for s in ranked.sparsity) == 20 < sum(s.edges for s in every.sparsity)
    assert len(edges_of(load_selected(study))) == 20
    assert len(load_graph(study).edges()) == 20
    assert read_json(study.folder(SELECTED) / "choice.json") == {
        "score": "ablation",
        "top_k": None,
        "edges": 20,
    }
    assert SELECTED in study.artefacts()
    assert selection_words(study) == study_view(study).header.selection == "the best 20 edges by ablation"
    assert load_metrics(study, FIDELITY).sparsity == ranked.sparsity
    assert pipeline.verify(study).sparsity == ranked.sparsity
    narrow = pipeline.extract(study, threshold=0.0, top_k=1)
    assert all(s.in_degree_max <= 1 for s in narrow.sparsity)
    assert selection_words(study) == "at most 1 input a feature by weight"
    with pytest.raises(ConfigError, match="at least 1"):
        pipeline.extract(study, edges=0)
