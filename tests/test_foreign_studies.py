"""Studies with dictionaries that somebody else trained: import, train, measure, resume, forget, export."""

import json
import shutil
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from cli_runs import Cli
from safetensors.torch import load_file, save_file
from study_cases import contents
from torch import Tensor, nn

from circuitlogic import pipeline
from circuitlogic.config import StudyConfig, config_from_mapping
from circuitlogic.errors import DataError, UnknownNameError
from circuitlogic.report.view import study_view
from circuitlogic.saes.coders import Transcoder
from circuitlogic.saes.foreign.registry import open_dictionary
from circuitlogic.saes.saelens import load_coder
from circuitlogic.stages.captured import load_activations
from circuitlogic.stages.dictionaries import load_dictionary, load_sae_metrics
from circuitlogic.stages.extracted import load_gates
from circuitlogic.stages.given import forget_dictionary, give_dictionary, given_sites, read_dictionary
from circuitlogic.stages.subject import Subject, own_subject
from circuitlogic.study import Study

CONFIG: StudyConfig = config_from_mapping(
    {
        "saes": {"expansion": 1.5, "k": 4, "epochs": 2, "batch_size": 64},
        "connectors": {"epochs": 2, "batch_size": 64},
        "tune": {"epochs": 2, "batch_size": 64, "edges": 60},
        "extract": {"threshold": 0.05, "bootstrap": 5, "min_firings": 5},
    }
)
D = 16


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    return Cli(capsys)


def subject() -> Subject:
    """Three hidden layers of 16; sites 1, 3, 5."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        widths = [12, D, D, D]
        layers = [m for a, b in pairwise(widths) for m in (nn.Linear(a, b), nn.ReLU())]
        network = nn.Sequential(*layers, nn.Linear(D, 3))
    generator = torch.Generator().manual_seed(1)
    train, heldout = (torch.randn(n, 12, generator=generator) for n in (400, 120))
    return own_subject(
        network, ["1", "3", "5"], lambda: train.split(100), lambda: heldout.split(100), identity="mine"
    )


def saelens(folder: Path, seed: int = 0, d_in: int = D, d_out: int | None = None, **config: Any) -> Path:
    """A dictionary of 20 features, as sae-lens saves it."""
    generator = torch.Generator().manual_seed(seed)
    draw: Callable[..., Tensor] = lambda *shape: torch.randn(*shape, generator=generator)  # noqa: E731
    rows = nn.functional.normalize(draw(20, d_out or d_in))
    tensors = {
        "W_enc": draw(d_in, 20) / 4,
        "b_enc": draw(20) / 9,
        "W_dec": rows,
        "b_dec": draw(d_out or d_in) / 9,
    }
    more = (
        {} if d_out is None else {"d_out": d_out, "architecture": "transcoder", "apply_b_dec_to_input": False}
    )
    folder.mkdir(parents=True)
    save_file(tensors, folder / "sae_weights.safetensors")
    version = {"sae_lens_version": "6.54.12", "hook_name": "blocks.0.hook_mlp_out"}
    values = {"d_in": d_in, "d_sae": 20, "architecture": "standard", "metadata": version, **more, **config}
    (folder / "cfg.json").write_text(json.dumps(values))
    return folder


def with_given(root: Path, source: Path) -> Study:
    """A study with an autoencoder given for sites 3 and 5 and a transcoder from 1 to 3."""
    study = Study.create(root, CONFIG)
    give_dictionary(study, read_dictionary(saelens(source / "a"), "3"))
    give_dictionary(study, read_dictionary(saelens(source / "b", seed=1), "5"))
    give_dictionary(study, read_dictionary(saelens(source / "c", seed=2, d_out=D), "1", "3"))
    return study


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trained and extracted; copy it to change it."""
    folder = tmp_path_factory.mktemp("given")
    with_given(folder / "study", folder / "sources")
    study = pipeline.train_on(folder / "study", CONFIG, subject())
    pipeline.extract(study, subject())
    return folder


def test_connectors_are_learnt_between_given_dictionaries(trained: Path) -> None:
    study = Study.open(trained / "study")
    assert given_sites(study) == ("1", "3", "5")
    activations = load_activations(study, "heldout")
    x = activations.stores["3"].as_tensor()
    theirs = open_dictionary(trained / "sources" / "a").load()
    ours = load_dictionary(study, "3")
    assert torch.equal(ours.encoder.encode(x), theirs.encode(x))
    assert ours.statistics.scales.shape == (20,)
    assert load_gates(study)
    error = (theirs(x) - x).square().sum() / (x - x.mean(0)).square().sum()
    assert load_sae_metrics(study, "3").fvu == pytest.approx(float(error.detach()), rel=1e-4)


def test_a_transcoder_is_measured_on_what_it_predicts(trained: Path) -> None:
    study = Study.open(trained / "study")
    heldout = load_activations(study, "heldout")
    x, y = (heldout.stores[site].as_tensor() for site in ("1", "3"))
    coder = load_dictionary(study, "1").encoder
    assert isinstance(coder, Transcoder)
    metrics = load_sae_metrics(study, "1")
    error = (coder(x) - y).square().sum() / (y - y.mean(0)).square().sum()
    assert metrics.fvu == pytest.approx(float(error.detach()), rel=1e-4)
    assert metrics.l0 == pytest.approx(float((coder.encode(x) > 0).float().sum(1).mean()))


def test_training_again_changes_nothing_and_another_dictionary_only_what_depends_on_it(
    trained: Path, tmp_path: Path
) -> None:
    root = tmp_path / "study"
    shutil.copytree(trained / "study", root)
    before = contents(Study.open(root))
    give_dictionary(Study.open(root), read_dictionary(trained / "sources" / "a", "3"))
    assert contents(pipeline.train_on(root, CONFIG, subject())) == before
    give_dictionary(Study.open(root), read_dictionary(saelens(tmp_path / "new", seed=7), "3"))
    left = Study.open(root).artefacts()
    assert "saes/3" not in left
    assert {"saes/1", "saes/5", "network", "activations/train"} <= set(left)
    assert not any(name.startswith(("connectors/", "graph", "gates")) for name in left)
    after = contents(pipeline.train_on(root, CONFIG, subject()))
    assert after["saes/5"] == before["saes/5"]
    assert after["saes/3"] != before["saes/3"]


def test_same_dictionaries_same_bytes_even_without_the_source(trained: Path, tmp_path: Path) -> None:
    with_given(tmp_path / "study", tmp_path / "sources")
    shutil.rmtree(tmp_path / "sources")
    study = pipeline.train_on(tmp_path / "study", CONFIG, subject())
    again, first = contents(study), contents(Study.open(trained / "study"))
    assert again == {name: first[name] for name in again}


def test_given_dictionaries_can_be_given_on(trained: Path, tmp_path: Path) -> None:
    folder = trained / "study" / "given" / "1"
    study = Study.create(tmp_path / "next", CONFIG)
    give_dictionary(study, read_dictionary(folder, "1", "3"))
    for file in ("cfg.json", "sae_weights.safetensors"):
        assert (tmp_path / "next" / "given" / "1" / file).read_bytes() == (folder / file).read_bytes()


def test_unfolded_scaling_is_folded_in_on_the_studys_activations(tmp_path: Path) -> None:
    study = Study.create(tmp_path / "study", CONFIG)
    source = saelens(tmp_path / "a", normalize_activations="expected_average_only_in")
    give_dictionary(study, read_dictionary(source, "3"))
    pipeline.train_on(tmp_path / "study", CONFIG, subject())
    study = Study.open(tmp_path / "study")
    x = load_activations(study, "train").stores["3"].as_tensor()
    scale = D**0.5 / x.norm(dim=1).mean()
    theirs, ours = open_dictionary(source).load(), load_dictionary(study, "3").encoder
    torch.testing.assert_close(ours.encode(x), theirs.encode(x * scale))
    torch.testing.assert_close(load_coder(study.folder("saes/3"))(x), theirs(x * scale) / scale)


@pytest.mark.parametrize(
    ("site", "target", "sizes", "error", "words"),
    [
        ("3", None, {"d_in": 17}, DataError, "reads 17 components, the site has 16"),
        ("1", "3", {"d_out": 5}, DataError, "predicts 5 components, 3 has 16"),
        ("5", "3", {"d_out": D}, DataError, "which the last site's must"),
        ("7", None, {}, UnknownNameError, "unknown site '7'.*import --forget"),
        ("1", "9", {"d_out": D}, UnknownNameError, "'9'"),
    ],
)
def test_dictionaries_that_do_not_fit_are_refused_in_training(
    tmp_path: Path, site: str, target: str | None, sizes: dict[str, int], error: type[Exception], words: str
) -> None:
    study = Study.create(tmp_path / "study", CONFIG)
    give_dictionary(study, read_dictionary(saelens(tmp_path / "a", **sizes), site, target))
    with pytest.raises(error, match=words):
        pipeline.train_on(tmp_path / "study", CONFIG, subject())
    assert not (tmp_path / "study" / "activations").exists()


def test_an_overflow_on_real_activations_is_one_line(tmp_path: Path) -> None:
    source = saelens(tmp_path / "a")
    tensors = load_file(source / "sae_weights.safetensors")
    save_file(
        {**tensors, "W_enc": tensors["W_enc"] * 1e20, "W_dec": tensors["W_dec"] * 1e20},
        source / "sae_weights.safetensors",
    )
    study = Study.create(tmp_path / "study", CONFIG)
    give_dictionary(study, read_dictionary(source, "3"))
    with pytest.raises(DataError, match="given for 3 overflows"):
        pipeline.train_on(tmp_path / "study", CONFIG, subject())


def test_import_on_the_command_line(cli: Cli, study_copy: Path, tmp_path: Path) -> None:
    width = 24
    found = cli("import", saelens(tmp_path / "a", d_in=width), "--into", study_copy, "--site", "hidden.1")
    assert (found.code, found.out) == (0, f"{study_copy / 'given' / 'hidden.1'}\n")
    assert "trained at blocks.0.hook_mlp_out" in found.err
    quick = ["--set", "tune.epochs=1", "--set", "connectors.epochs=1", "--set", "extract.bootstrap=0"]
    assert cli("train", "--out", study_copy, "--quiet", *quick).code == 0
    assert load_dictionary(Study.open(study_copy), "hidden.1").statistics.scales.shape == (20,)
    again = (
        f"circuitlogic import {study_copy.name}/given/hidden.1 --into {study_copy.name}-again --site hidden.1"
    )
    assert study_view(Study.open(study_copy)).header.commands[0] == again
    assert cli("import", "--forget", "--into", study_copy, "--site", "hidden.1").code == 0
    assert given_sites(Study.open(study_copy)) == ()


def test_a_site_whose_dictionary_is_taken_out_trains_its_own(trained: Path, tmp_path: Path) -> None:
    root = tmp_path / "study"
    shutil.copytree(trained / "study", root)
    forget_dictionary(Study.open(root), "3")
    study = pipeline.train_on(root, CONFIG, subject())
    assert load_dictionary(study, "3").statistics.scales.shape == (24,)
    assert load_dictionary(study, "5").statistics.scales.shape == (20,)


def test_import_before_the_study_is_trained(cli: Cli, tmp_path: Path) -> None:
    source, root = saelens(tmp_path / "a"), tmp_path / "study"
    assert cli("import", source, "--into", root, "--site", "layers.3.mlp:out").code == 0
    assert given_sites(Study.open(root)) == ("layers.3.mlp.out",)


def test_an_import_says_what_it_replaces(cli: Cli, tmp_path: Path) -> None:
    one, other, root = saelens(tmp_path / "a"), saelens(tmp_path / "b", seed=1), tmp_path / "study"
    into = ("--into", root, "--site", "layers.3.mlp:out")
    for source, replaces in ((one, False), (one, False), (other, True), (one, True)):
        found = cli("import", source, *into)
        assert found.code == 0
        assert ("replaces the dictionary of layers.3.mlp.out" in found.err) == replaces, found.err


def test_imports_that_make_no_sense_leave_nothing_behind(cli: Cli, study_copy: Path, tmp_path: Path) -> None:
    coder, root = saelens(tmp_path / "a"), tmp_path / "new"
    across = saelens(tmp_path / "b", d_out=D)
    for code, words, line in (
        (2, "--site is missing", ["import", coder, "--into", root]),
        (2, "give a DICTIONARY", ["import", "--into", root, "--site", "a"]),
        (
            2,
            "name the site that it predicts with --target",
            ["import", across, "--into", root, "--site", "a"],
        ),
        (
            2,
            "--target b is for a transcoder",
            ["import", coder, "--into", root, "--site", "a", "--target", "b"],
        ),
        (1, "does not exist", ["import", tmp_path / "none", "--into", root, "--site", "a"]),
        (2, "is not a site", ["import", coder, "--into", root, "--site", "../x"]),
        (1, "did you mean hidden.1", ["import", coder, "--into", study_copy, "--site", "hiden.1"]),
        (
            1,
            "reads 16 components, the site has 24",
            ["import", coder, "--into", study_copy, "--site", "hidden.1"],
        ),
        (1, "unknown given dictionary", ["import", "--forget", "--into", study_copy, "--site", "hidden.1"]),
    ):
        ran = cli(*line)
        assert (ran.code, ran.out) == (code, ""), ran.err
        assert words in ran.err
        assert ran.err.count("\n") == 1
        assert not root.exists()
    assert given_sites(Study.open(study_copy)) == ()


def test_a_dictionary_is_exported_in_saelens_layout(
    cli: Cli, small_study_folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "dictionary"
    line = ["export", small_study_folder, "--format", "saelens", "--site", "hidden.1", "-o", out]
    ran = cli(*line)
    assert (ran.code, ran.out) == (0, f"{out / 'cfg.json'}\n{out / 'sae_weights.safetensors'}\n")
    config = json.loads((out / "cfg.json").read_text())
    assert (config["architecture"], config["metadata"]["hook_name"]) == ("jumprelu", "hidden.1")
    x = load_activations(Study.open(small_study_folder), "heldout").stores["hidden.1"].as_tensor()
    ours = load_dictionary(Study.open(small_study_folder), "hidden.1").encoder
    assert torch.equal(load_coder(out).encode(x), ours.encode(x))
    assert "exists" in cli(*line).err
    assert cli(*line, "--force").code == 0


def test_exports_that_make_no_sense_are_one_line(cli: Cli, small_study_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for words, rest in (
        ("belong together", ["--format", "saelens"]),
        ("belong together", ["--format", "json", "--site", "hidden.1"]),
        ("did you mean hidden.1", ["--format", "saelens", "--site", "hiden.1"]),
    ):
        ran = cli("export", small_study_folder, "-o", out, *rest)
        assert ran.code in (1, 2)
        assert words in ran.err
        assert not out.exists()
    out.write_text("")
    ran = cli("export", small_study_folder, "-o", out, "--format", "saelens", "--site", "hidden.1")
    assert "is a file: give a folder" in ran.err


def test_inspect_tells_what_a_dictionary_is(cli: Cli, tmp_path: Path) -> None:
    ran = cli("inspect", saelens(tmp_path / "all" / "b", d_out=5), "--json").document
    assert (ran["what"], ran["architecture"], ran["d_in"], ran["d_out"]) == ("transcoder", "relu", D, 5)
    assert (ran["site"], ran["written_by"]) == ("blocks.0.hook_mlp_out", "sae-lens 6.54.12")
    assert ran["tensors"]["W_dec"]["shape"] == [20, 5]
    lines = cli("inspect", tmp_path / "all" / "b").out.splitlines()
    assert any(line.split("  ")[0] == "normalisation" and line.endswith("none") for line in lines)
    assert cli("inspect", tmp_path / "all", "--json").document["dictionaries"] == {"b": "saelens"}
