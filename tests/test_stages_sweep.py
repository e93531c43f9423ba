"""The sweep and the controls of a study: kept, read back, resumed, and drawn for a person."""

import shutil
from pathlib import Path

import pytest
from study_cases import contents, tiny_config, use_tiny_data

from circuitlogic import pipeline
from circuitlogic.cli.entry import main
from circuitlogic.errors import ConfigError
from circuitlogic.render.images import png_data_uri
from circuitlogic.report.write import write_report
from circuitlogic.stages.controls import CONTROLS, load_controls
from circuitlogic.stages.dictionaries import load_dictionary, load_sae_metrics, site_settings
from circuitlogic.stages.feature_network import load_feature_network
from circuitlogic.stages.subject_kinds import stored_subject
from circuitlogic.stages.sweep import NUMBERS, PICTURE, SUMMARY, load_sweep
from circuitlogic.study import Study

JOINT: dict[str, object] = {
    "dictionaries": "later",
    "interventions": 0.2,
    "anchor_by": "feature",
    "min_edges": 1,
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = tiny_config(tune=JOINT, saes={"later_expansion": 1.25, "later_k": 2})
    with pytest.MonkeyPatch.context() as patch:
        use_tiny_data(patch)
        made = pipeline.train(tmp_path_factory.mktemp("sweep") / "study", config)
        pipeline.extract(made)
    return made.root


@pytest.fixture
def study(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    use_tiny_data(monkeypatch)
    shutil.copytree(trained, tmp_path / "study")
    return Study.open(tmp_path / "study")


def test_later_sites_take_their_own_settings() -> None:
    saes = tiny_config(saes={"later_expansion": 1.25, "later_k": 2}).saes
    first, later = site_settings(saes, "hidden.0", 0), site_settings(saes, "hidden.1", 1)
    assert (first.expansion, first.k) == (1.5, 3)
    assert (later.expansion, later.k) == (1.25, 2)


def test_moved_dictionaries_are_what_the_study_reads(study: Study) -> None:
    network = load_feature_network(study, stored_subject(study))
    for site, moved in (("hidden.0", False), ("hidden.1", True), ("hidden.2", True)):
        was, now = (load_dictionary(study, site, tuned=tuned) for tuned in (False, True))
        same = bool((was.statistics.scales == now.statistics.scales).all())
        assert same is not moved
        assert (load_sae_metrics(study, site, tuned=False) != load_sae_metrics(study, site)) is moved
    names = [d.site for d in network.dictionaries]
    assert names == ["hidden.0", "hidden.1", "hidden.2"]


def test_a_sweep_is_kept_read_back_and_extended(study: Study) -> None:
    points = pipeline.sweep(study, [10, 30])
    assert [p.budget for p in points] == [10, 30]
    for point in points:
        assert all(edges <= point.budget for edges in point.metrics.variants[-1].edges)
    before = contents(study)
    again = pipeline.sweep(study, [30, 20])
    after = contents(study)
    assert again[1] == points[1]
    assert after["sweep/10"] == before["sweep/10"]
    assert [p.budget for p in load_sweep(study)] == [10, 20, 30]
    for name in (PICTURE, NUMBERS):
        assert (study.folder(SUMMARY) / name).stat().st_size > 0
    with pytest.raises(ConfigError, match="positive numbers"):
        pipeline.sweep(study, [0])


def test_both_reports_show_the_sweep(study: Study, tmp_path: Path) -> None:
    write_report(study, tmp_path / "before")
    points = pipeline.sweep(study, [10, 30])
    write_report(study, tmp_path / "after")
    for name in ("report.md", "index.html"):
        before, after = ((tmp_path / when / name).read_text("utf-8") for when in ("before", "after"))
        assert "Accuracy against edges" not in before
        assert "Accuracy against edges" in after
        for point in points:
            edges = " + ".join(str(count) for count in point.metrics.variants[-1].edges)
            assert edges not in before
            assert edges in after
    page = (tmp_path / "after" / "index.html").read_text("utf-8")
    picture = (study.folder(SUMMARY) / PICTURE).read_bytes()
    assert png_data_uri(picture) in page
    assert (tmp_path / "after" / "img" / "sweep.png").read_bytes() == picture


def test_controls_stand_beside_the_study(study: Study) -> None:
    found = pipeline.controls(study)
    assert [c.name for c in found] == ["neurons by effect", "neurons by weight", "randomised weights"]
    assert load_controls(study) == found
    assert all(max(c.metrics.variants[-1].edges) <= 60 for c in found)
    key = study.entry(CONTROLS)
    assert pipeline.controls(study) == found
    assert study.entry(CONTROLS) == key


def test_commands_show_sweep_guards_and_controls(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sweep", str(study.root), "--edges", "10,20", "-q"]) == 0
    shown = capsys.readouterr().out
    assert "10 per connector" in shown
    assert "curve.png" in shown
    assert main(["verify", str(study.root), "--controls", "-q"]) == 0
    shown = capsys.readouterr().out
    for word in ("Guards", "FVU before", "neurons by effect", "randomised weights"):
        assert word in shown
    assert main(["verify", str(study.root), "--causal", "--controls", "-q"]) == 2
    assert "--controls means nothing with --causal" in capsys.readouterr().err
