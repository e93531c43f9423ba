"""Tokens as proof: contexts, labels, the token-only null, the gallery; hostile tokens do no harm anywhere."""

import json
import re
import shutil
from copy import deepcopy
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from cli_runs import Cli
from text_cases import HOSTILE, write_model

from circuitlogic.activations.sites import Site
from circuitlogic.activations.windows import TokenWindows
from circuitlogic.config import NetworkConfig, SaeConfig
from circuitlogic.errors import ConfigError, NothingLeftError, UnknownNameError
from circuitlogic.features import FeatureId
from circuitlogic.logic.formula import And, Literal, Not, Or
from circuitlogic.logic.gate import Gate, GateInput
from circuitlogic.render.text import clean
from circuitlogic.report import gallery
from circuitlogic.report.gallery import every_exhibit, exhibits
from circuitlogic.report.token_book import TokenBook, inputs_shown
from circuitlogic.saes import batch_topk
from circuitlogic.saes.batch_topk import BatchTopK
from circuitlogic.stages.captured import load_activations
from circuitlogic.stages.dictionaries import load_dictionary
from circuitlogic.stages.extracted import load_gates, load_graph
from circuitlogic.stages.labels import load_labels
from circuitlogic.stages.token_contexts import BEFORE, STRONGEST, load_contexts
from circuitlogic.stages.token_labels import automatic_labels, token_names
from circuitlogic.study import ANNOTATIONS, Study
from circuitlogic.verify.splice import Edit, Variant, splice
from circuitlogic.verify.token_baseline import TokenTables
from circuitlogic.verify.token_classes import class_tables

OUT = "gpt_neox.layers.1.mlp.out"


@pytest.fixture
def study(text_folder: Path, tmp_path: Path) -> Study:
    shutil.copytree(text_folder / "study", tmp_path / "study")
    return Study.open(tmp_path / "study")


def test_the_strongest_contexts_are_the_strongest(study: Study) -> None:
    found = load_contexts(study, OUT)
    assert found is not None
    activations = load_activations(study, "heldout").stores[OUT].as_tensor()
    features = load_dictionary(study, OUT).encoder.encode(activations).detach().numpy()
    for index in range(features.shape[1]):
        values = np.sort(features[:, index])[::-1][:STRONGEST]
        values = values[values > 0]
        assert np.allclose(found.values[index, : len(values)], values, atol=1e-4)
        assert (found.rows[index, len(values) : STRONGEST] == -1).all()
        for slot in np.flatnonzero(found.rows[index] >= 0):
            shown = float(found.values[index, slot]) / max(float(values[0]), 1e-9)
            assert float(found.heat[index, slot, BEFORE]) == pytest.approx(shown, abs=2e-3)
        strata = found.values[index, STRONGEST:][found.rows[index, STRONGEST:] >= 0]
        assert (np.diff(strata) >= 0).all()


def test_a_label_is_the_typical_token_or_what_it_comes_after() -> None:
    words = ("said", " quote", " he", " man", "ed")
    ids = [[1, 0, 2, 0], [2, 0, 3, 0]] * 20
    windows = TokenWindows.of(ids, [0] * 40, [[True] * 4] * 40)
    tokens, rows = windows.row_tokens, windows.rows
    behind_quote = np.array([r for r, p in enumerate(rows) if p % 4 == 1 and windows.ids[p - 1] == 1])
    columns = [np.flatnonzero(tokens == 3), behind_quote, np.flatnonzero((tokens == 2) | (tokens == 3))]
    matrix = np.zeros((len(rows), 4))
    for place, fired in enumerate(columns):
        matrix[fired, place] = 1.0
    found = automatic_labels(sp.csc_array(matrix), windows, words, np.zeros(4))
    assert found == {0: "man", 1: "-said after quote", 2: "he | man"}


def test_a_dash_says_where_a_word_goes_on() -> None:
    assert token_names((" said", " he", "ed", "Mr", "\n", " ", '."')) == (
        *("said", "he", "-ed", "Mr", "line break", "space", '‘."’'),
    )
    assert token_names(("loved to ", "the ", "ro", "said, ", "Lily")) == (
        *("loved to", "the", "ro-", "said,", "Lily-"),
    )
    assert token_names(("said", "##ed")) == ("said", "##ed")


def test_the_token_baseline_is_the_best_set_of_tokens() -> None:
    train = np.array([0, 0, 1, 1, 2, 2, 3, 3] * 5)
    heldout = np.array([0, 1, 2, 3] * 10)
    tables = TokenTables(train, heldout, 4)
    words = tables.baseline(np.flatnonzero(train <= 1), heldout <= 1)
    assert (words.f1, words.size, set(words.tokens)) == (1.0, 2, {0, 1})
    half = np.zeros(len(train), dtype=np.bool_)
    half[::8] = True
    context = tables.baseline(np.flatnonzero(half), np.arange(40) % 8 == 0)
    assert context.f1 == pytest.approx(2 / 3)
    nothing = tables.baseline(np.zeros(0, dtype=np.int64), heldout < 0)
    assert (nothing.f1, nothing.size) == (0.0, 0)


def test_a_feature_of_place_or_of_the_token_before_is_no_more_than_that() -> None:
    generator = np.random.default_rng(0)
    words = [generator.integers(1, 4, 20).tolist() for _ in range(120)]
    parts = [TokenWindows.of(some, list(range(60)), [[True] * 20] * 60) for some in (words[:60], words[60:])]
    early = [(part.row_tokens == 1) & (part.row_places >= 3) & (part.row_places < 7) for part in parts]
    before = [np.r_[False, part.ids[:-1] == 2] & (part.row_places > 0) for part in parts]
    after = [(part.row_tokens == 1) & prior for part, prior in zip(parts, before, strict=True)]
    for truth, name, other in ((early, "place", "previous"), (after, "previous", "place")):
        scores = {
            kind: class_tables(parts[0], parts[1], kind).baseline(np.flatnonzero(truth[0]), truth[1]).f1
            for kind in (name, other)
        }
        assert scores[name] == 1.0
        assert scores[other] < 0.8


def test_splicing_in_the_truth_changes_nothing_and_zero_is_zero(tmp_path: Path) -> None:
    from circuitlogic.networks.hf import load_language_model

    model = load_language_model(NetworkConfig(kind="hf", model=str(write_model(tmp_path / "m"))), 0)
    generator = np.random.default_rng(0)
    windows = [generator.integers(1, 20, n).tolist() for n in (12, 12, 7)]
    table = TokenWindows.of(windows, [0, 1, 2], [[i >= 2 for i in range(len(w))] for w in windows])
    into, out = (Site(s, "gpt_neox.layers.1.mlp", s) for s in ("in", "out"))
    layer = deepcopy(model.network.get_submodule("gpt_neox.layers.1.mlp"))
    variants = [
        Variant("same", (Edit(out, out, lambda _, y: y),)),
        Variant("the layer itself", (Edit(into, out, lambda x, _: layer(x)),)),
        Variant("zero", (Edit(out, out, lambda _, y: torch.zeros_like(y)),)),
    ]
    with torch.no_grad():
        original, same, itself, zero = splice(model.network, table, variants)
    assert original.tokens == sum(len(w) - 3 for w in windows)
    assert same == original
    assert itself.loss == pytest.approx(original.loss, abs=1e-6)
    assert zero.loss == pytest.approx(_loss_with_zero(model.network, windows), abs=1e-5)
    assert zero.kl > 0.0


def _loss_with_zero(network: torch.nn.Module, windows: list[list[int]]) -> float:
    """By hand: the layer's output is zero from the third token on."""

    def blank(_module: object, _args: object, output: torch.Tensor) -> torch.Tensor:
        kept = output.clone()
        kept[:, 2:] = 0.0
        return kept

    handle = network.get_submodule("gpt_neox.layers.1.mlp").register_forward_hook(blank)
    losses: list[torch.Tensor] = []
    with torch.no_grad():
        for window in windows:
            ids = torch.tensor([window])
            logits = network(ids).logits[0, 2:-1]
            losses.append(torch.nn.functional.cross_entropy(logits, ids[0, 3:], reduction="none"))
    handle.remove()
    return float(torch.cat(losses).mean())


def test_wide_dictionaries_learn_as_narrow_ones_do(monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.randn(64, 12, generator=torch.Generator().manual_seed(0))
    silent = torch.arange(48) < 9
    found: list[tuple[torch.Tensor, ...]] = []
    for wide in (10_000, 1):
        monkeypatch.setattr(batch_topk, "WIDE", wide)
        sae = BatchTopK.initial(12, 48, SaeConfig(k=3), torch.Generator().manual_seed(1)).train()
        for _ in range(2):  # the second time with a threshold
            sae.zero_grad()
            parts = sae.training_loss(x, silent)
            parts.total.backward()
        gradients = [p.grad for p in sae.parameters() if p.grad is not None]
        found.append((parts.total.detach(), parts.sparsity.detach(), parts.fired, sae.threshold, *gradients))
    for dense, sparse in zip(*found, strict=True):
        assert torch.allclose(dense.float(), sparse.float(), atol=1e-6)


def test_labels_are_kept_and_taken_back(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    cli = Cli(capsys)
    feature = str(load_gates(study)[0].feature)
    automatic = load_labels(study).get(feature, "")
    assert cli("label", study.root, feature, HOSTILE[1]).code == 0
    assert load_graph(study).labels()[FeatureId.parse(feature)] == HOSTILE[1]
    assert cli("extract", study.root, "--quiet").code == 0
    assert load_labels(study)[feature] == HOSTILE[1]
    rows = cli("label", study.root, feature, "--json").document["rows"]
    assert rows == [{"feature": feature, "label": HOSTILE[1], "by": "written"}]
    removed = cli("label", study.root, feature, "--remove")
    assert removed.code == 0
    assert "1 label removed from" in removed.err
    assert load_labels(study).get(feature, "") == automatic
    (study.root / "l.json").write_text(json.dumps({feature: "from a file"}))
    assert cli("label", study.root, "--from", study.root / "l.json").code == 0
    assert load_labels(study)[feature] == "from a file"
    for arguments, words in (
        ((feature, "x" * 201), "at most 200"),
        ((f"{OUT}/99999", "x"), "unknown feature"),
        (("nowhere/1", "x"), "unknown site"),
        (("nowhere/1",), "unknown site"),
        ((feature, "x", "--remove"), "only one"),
        ((feature, "   "), "is blank"),
        (("--remove",), "name the feature"),
    ):
        ran = cli("label", study.root, *arguments)
        assert ran.code in (1, 2)
        assert words in ran.err
    (study.root / ANNOTATIONS).write_text("[]")
    assert cli("show", study.root).code == 1


class _Page(HTMLParser):
    """Collects what runs or loads."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags += [tag, *(name for name, _ in attrs if name.startswith("on"))]


def test_hostile_tokens_do_no_harm(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    cli = Cli(capsys)
    best = next(g for g in load_gates(study) if g.formula is not None)
    label = "".join(HOSTILE)
    assert cli("label", study.root, best.feature, label).code == 0
    assert cli("report", study.root).code == 0
    page = (study.root / "report" / "index.html").read_text(encoding="utf-8")
    parsed = _Page()
    parsed.feed(page)
    assert parsed.tags.count("script") == 1
    assert not [tag for tag in parsed.tags if tag.startswith("on")]
    assert "&lt;script&gt;" in page
    assert "{{7*7}}" in page
    for text in (page, (study.root / "report" / "report.md").read_text(encoding="utf-8")):
        assert "\u202e" not in text
        assert "\x07" not in text
    markdown = (study.root / "report" / "report.md").read_text(encoding="utf-8")
    assert "<script>" not in re.sub(r"`[^`\n]*`", "", markdown)
    shown = cli("show", study.root, best.feature)
    assert shown.code == 0
    assert "\u202e" not in shown.out
    assert "\x07" not in shown.out
    assert "[/INST]" in shown.out
    document = cli("show", study.root, best.feature, "--json").document
    assert document["label"] == clean(label, 200) != label
    assert {"right", "false_alarms", "missed", "sides", "baseline"} <= set(document["tokens"])
    assert document["counter_examples"]["missed_total"] == document["tokens"]["missed_count"]
    for one in document["tokens"]["right"][:4]:
        assert f"✓ {one['row']:>6} " in shown.out


def test_the_books_contexts_agree_with_the_verdict(study: Study) -> None:
    book = TokenBook(study, {})
    outputs = load_activations(study, "heldout").stores[OUT].as_tensor()
    features = load_dictionary(study, OUT).encoder.encode(outputs).detach().numpy()
    seen = 0
    for gate in load_gates(study):
        found = book.gate(gate)
        if found is None:
            continue
        fires = features[:, gate.feature.index] > gate.threshold
        assert all(fires[one.row] for one in (*found.right, *found.missed))
        assert not any(fires[one.row] for one in found.false_alarms)
        assert found.sides[-1].feature == gate.feature
        seen += len(found.right)
    assert seen > 0


def test_the_triple_shows_what_helps_before_what_hinders() -> None:
    features = [FeatureId("in", index) for index in range(4)]
    inputs = tuple(
        GateInput(feature, weight, weight, 0.0, 0.1)
        for feature, weight in zip(features, (-0.9, 0.7, 0.5, 0.1), strict=True)
    )
    of = And((Not(Literal(features[0])), Literal(features[1]), Literal(features[2])))
    gate = Gate(FeatureId("out", 0), "inhibited-and", of, inputs, 0.0, 0.0, 1.0, None)
    assert inputs_shown(gate) == (features[1], features[0])
    helping = replace(gate, formula=Or((Literal(features[2]), Literal(features[1]))))
    assert inputs_shown(helping) == (features[1], features[2])
    assert inputs_shown(replace(gate, formula=None)) == (features[0], features[1])


def test_a_study_in_which_nothing_was_read_has_no_exhibits(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert every_exhibit(study) == exhibits(study)
    monkeypatch.setattr(gallery, "load_gates", lambda _: ())
    assert every_exhibit(study) == ()


def test_find_ranks_and_writes(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    cli = Cli(capsys)
    found = exhibits(study)
    assert found
    assert all(one.token_f1 is not None for one in found)
    rows = cli("find", study.root, "--json").document["rows"]
    assert [row["feature"] for row in rows] == [str(one.row.gate.feature) for one in found][: len(rows)]
    target = study.root / "gallery.md"
    assert cli("find", study.root, "--out", target).code == 0
    text = target.read_text(encoding="utf-8")
    assert "current token alone" in text
    assert "interventions: not run" in text
    assert cli("find", study.root, "--out", target).code == 1
    ran = cli("find", study.root, "--out", study.root / "gallery.html")
    assert (ran.code, "ends in .md" in ran.err) == (2, True)
    assert not (study.root / "gallery.html").exists()
    with pytest.raises(ConfigError, match="verify"):
        exhibits(study, min_directions=1)
    with pytest.raises(UnknownNameError, match="and-not"):
        exhibits(study, "andnot")
    with pytest.raises(NothingLeftError):
        exhibits(study, min_f1=1.1)
    assert cli("verify", study.root, "--causal", "--quiet").code == 0
    assert all(one.directions is not None for one in exhibits(Study.open(study.root)))
    assert cli("find", study.root, "--out", target, "--force").code == 0
    assert "removal:" in target.read_text(encoding="utf-8")
