"""The study folder: opening, whole-or-nothing artefacts, keys, damage."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from study_cases import files_below

from circuitlogic import pipeline
from circuitlogic.config import DataConfig, StudyConfig
from circuitlogic.errors import ConfigError, StudyError
from circuitlogic.study import CONFIG_FILE, MANIFEST_FILE, Study


def _make(study: Study, artefact: str, key: str = "k", text: str = "content") -> None:
    with study.making(artefact, key) as folder:
        (folder / "deep").mkdir()
        (folder / "deep" / "a.txt").write_text(text)


def _manifest(root: Path) -> dict[str, object]:
    return json.loads((root / MANIFEST_FILE).read_text())


def test_created_study_opens_again(tmp_path: Path) -> None:
    config = StudyConfig(seed=5)
    created = Study.create(tmp_path / "a" / "b", config)
    opened = Study.open(tmp_path / "a" / "b")
    assert opened.config == created.config == config
    assert opened.artefacts() == ()


def test_taken_up_study_keeps_artefacts_and_takes_the_new_config(tmp_path: Path) -> None:
    _make(Study.create(tmp_path, StudyConfig(seed=1)), "graph")
    again = Study.create(tmp_path, StudyConfig(seed=2))
    assert again.artefacts() == ("graph",)
    assert Study.open(tmp_path).config.seed == 2


def test_folder_with_other_files_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    before = files_below(tmp_path)
    with pytest.raises(StudyError, match="exists and is not a study"):
        Study.create(tmp_path, StudyConfig())
    assert files_below(tmp_path) == before


def test_file_in_place_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("")
    with pytest.raises(StudyError, match="exists and is not a study"):
        Study.create(tmp_path / "f", StudyConfig())
    with pytest.raises(StudyError, match="is not a study"):
        Study.open(tmp_path / "f")


def test_setting_that_cannot_be_written_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        Study.create(tmp_path / "new", StudyConfig(data=DataConfig(path="\ud800")))
    assert not (tmp_path / "new").exists()


def test_open_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="does not exist: run `circuitlogic train`"):
        Study.open(tmp_path / "none")
    with pytest.raises(StudyError, match=f"no {MANIFEST_FILE}"):
        Study.open(tmp_path)
    Study.create(tmp_path, StudyConfig())
    (tmp_path / CONFIG_FILE).unlink()
    with pytest.raises(StudyError, match=f"no {CONFIG_FILE}"):
        Study.open(tmp_path)


def test_another_schema_is_refused_and_not_overwritten(tmp_path: Path) -> None:
    Study.create(tmp_path, StudyConfig())
    (tmp_path / MANIFEST_FILE).write_text(
        json.dumps({**_manifest(tmp_path), "schema": "circuitlogic/study/99"})
    )
    before = files_below(tmp_path)
    for attempt in (Study.open, lambda root: Study.create(root, StudyConfig(seed=3))):
        with pytest.raises(StudyError, match="circuitlogic/study/99"):
            attempt(tmp_path)
    assert files_below(tmp_path) == before


def _entry(files: object) -> dict[str, object]:
    return {"x": {"key": "k", "files": files}}


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: "{",
        lambda _: "[]",
        lambda _: '"x"',
        lambda m: json.dumps({**m, "artefacts": 3}),
        lambda m: json.dumps({**m, "artefacts": {"graph": {}}}),
        lambda m: json.dumps({**m, "artefacts": {"graph": []}}),
        lambda m: json.dumps({**m, "artefacts": _entry(["a"])}),
        lambda m: json.dumps({k: v for k, v in m.items() if k != "artefacts"}),
        lambda m: json.dumps({k: v for k, v in m.items() if k != "schema"}),
        lambda m: json.dumps({**m, "artefacts": _entry({"../../secret": "0"})}),
        lambda m: json.dumps({**m, "artefacts": _entry({"/etc/passwd": "0"})}),
        lambda m: json.dumps({**m, "artefacts": _entry({"a\0b": "0"})}),
        lambda m: json.dumps({**m, "artefacts": {"../x": {"key": "k", "files": {}}}}),
        lambda m: json.dumps({**m, "artefacts": {".": {"key": "k", "files": {}}}}),
        lambda m: json.dumps({**m, "artefacts": {"": {"key": "k", "files": {}}}}),
    ],
)
def test_damaged_manifest_is_one_line(tmp_path: Path, damage: Callable[[dict[str, object]], str]) -> None:
    Study.create(tmp_path, StudyConfig())
    (tmp_path / MANIFEST_FILE).write_text(damage(_manifest(tmp_path)))
    with pytest.raises(StudyError, match=r"manifest\.json") as caught:
        Study.open(tmp_path)
    assert str(caught.value).isprintable()


def test_damaged_config_is_refused(tmp_path: Path) -> None:
    Study.create(tmp_path, StudyConfig())
    (tmp_path / CONFIG_FILE).write_text("seed = -1")
    with pytest.raises(ConfigError, match=r"study\.toml: seed = -1"):
        Study.open(tmp_path)


def _make_half(study: Study, artefact: str, failure: type[BaseException]) -> None:
    with study.making(artefact, "new") as folder:
        (folder / "half").write_text("half")
        raise failure


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt, SystemExit, MemoryError])
@pytest.mark.parametrize("earlier", [False, True])
def test_making_is_whole_or_nothing(tmp_path: Path, failure: type[BaseException], earlier: bool) -> None:
    study = Study.create(tmp_path, StudyConfig())
    if earlier:
        _make(study, "saes/hidden.0", "old")
    before = files_below(tmp_path)
    with pytest.raises(failure):
        _make_half(study, "saes/hidden.0", failure)
    assert files_below(tmp_path) == before
    for seen in (study, Study.open(tmp_path)):
        assert seen.is_done("saes/hidden.0", "old") is earlier
        assert not seen.is_done("saes/hidden.0", "new")


def test_what_a_kill_left_is_cleared_away(tmp_path: Path) -> None:
    _make(Study.create(tmp_path, StudyConfig()), "graph")
    before = files_below(tmp_path)
    (tmp_path / ".building" / "saes" / "x").mkdir(parents=True)
    (tmp_path / ".building" / "saes" / "x" / "half").write_text("half")
    Study.create(tmp_path, StudyConfig())
    assert files_below(tmp_path) == before


def test_failed_rename_keeps_no_claim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = Study.create(tmp_path, StudyConfig())
    _make(study, "graph", "old")
    with monkeypatch.context() as patch:
        patch.setattr("circuitlogic.study.os.replace", _refuse)
        with pytest.raises(OSError, match="disk full"):
            _make(study, "graph", "new")
    reopened = Study.open(tmp_path)
    assert not reopened.is_done("graph", "new")
    _make(reopened, "graph", "new")
    assert Study.open(tmp_path).damaged() == ()


def _refuse(source: object, target: object) -> None:
    raise OSError(f"disk full: {source} {target}")


def test_artefact_is_done_only_for_its_key_and_with_its_files(tmp_path: Path) -> None:
    study = Study.create(tmp_path, StudyConfig())
    _make(study, "graph", "k1")
    assert study.is_done("graph", "k1")
    assert not study.is_done("graph", "k2")
    assert not study.is_done("gates", "k1")
    (tmp_path / "graph" / "deep" / "a.txt").unlink()
    assert not study.is_done("graph", "k1")


def test_missing_parts_name_the_command(tmp_path: Path) -> None:
    study = Study.create(tmp_path, StudyConfig())
    with pytest.raises(StudyError, match=r"has no graph yet: run `circuitlogic extract "):
        study.folder("graph")
    with pytest.raises(StudyError, match=r"has no saes/hidden\.0 yet: run `circuitlogic train --out "):
        study.entry("saes/hidden.0")
    _make(study, "gates")
    (tmp_path / "gates" / "deep" / "a.txt").unlink()
    with pytest.raises(
        StudyError, match=r"a\.txt is missing: run `circuitlogic extract .*` to make it again"
    ):
        study.folder("gates")


def test_every_flipped_byte_is_found(tmp_path: Path) -> None:
    study = Study.create(tmp_path, StudyConfig())
    _make(study, "graph", text="abc")
    _make(study, "gates", text="abc")
    assert study.damaged() == ()
    file = tmp_path / "graph" / "deep" / "a.txt"
    for position in range(3):
        content = bytearray(b"abc")
        content[position] ^= 1
        file.write_bytes(bytes(content))
        assert study.damaged() == ("graph/deep/a.txt",)
    file.unlink()
    assert Study.open(tmp_path).damaged() == ("graph/deep/a.txt",)


def test_content_follows_the_files_only(tmp_path: Path) -> None:
    study = Study.create(tmp_path, StudyConfig())
    _make(study, "a", "k1", "same")
    _make(study, "b", "k2", "same")
    _make(study, "c", "k1", "other")
    assert study.entry("a").content == study.entry("b").content != study.entry("c").content


def test_keys_tell_settings_apart(tmp_path: Path) -> None:
    study = Study.create(tmp_path, StudyConfig())
    parts: list[tuple[object, ...]] = [
        ("a", 1), ("a", 2), ("a", "1"), ("a", None), (["a", 1],), ("a", StudyConfig()),
        ("a", StudyConfig(seed=1)), ("a", (1, 2)), ("a", 1.0),
    ]  # fmt: skip
    keys = [study.key(*part) for part in parts]
    assert len(set(keys)) == len(parts)
    assert keys == [study.key(*part) for part in parts]
    assert study.key("a", (1, 2)) == study.key("a", [1, 2])


def test_forget(tmp_path: Path) -> None:
    study = Study.create(tmp_path, StudyConfig())
    _make(study, "graph")
    study.forget("graph")
    study.forget("graph")
    assert not study.has("graph")
    assert not (tmp_path / "graph").exists()
    assert Study.open(tmp_path).artefacts() == ()


_ALL = (
    "activations/train", "connectors/a__b", "examples/a", "feature_network", "fidelity", "gates", "graph",
    "network", "saes/a",
)  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "left"),
    [
        ("network", {"network"}),
        ("activations/train", {"network", "activations/train"}),
        ("saes/a", {"network", "activations/train", "saes/a"}),
        ("connectors/a__b", {"network", "activations/train", "saes/a", "connectors/a__b", "examples/a"}),
        ("feature_network", set(_ALL) - {"graph", "gates", "fidelity"}),
        ("graph", set(_ALL) - {"gates", "fidelity"}),
        ("examples/a", set(_ALL)),
        ("fidelity", set(_ALL)),
    ],
)
def test_a_changed_artefact_takes_along_what_was_made_from_it(
    tmp_path: Path, changed: str, left: set[str]
) -> None:
    study = Study.create(tmp_path, StudyConfig())
    for name in sorted(_ALL, key=_rank):
        _make(study, name)
    assert study.artefacts() == _ALL
    _make(study, changed, "another key", "content")
    assert study.artefacts() == _ALL, "the same content changes nothing"
    _make(study, changed, "another key", "other content")
    assert set(study.artefacts()) == set(Study.open(tmp_path).artefacts()) == left
    on_disk = {name for name in _ALL if (tmp_path / name).exists()}
    assert on_disk == left


def _rank(name: str) -> int:
    order = ["network", "activations", "saes", "examples", "connectors", "feature_network", "graph", "gates"]
    kind = name.split("/")[0]
    return order.index(kind) if kind in order else len(order)


def test_a_damaged_artefact_is_refused_with_its_remedy_and_made_again(study_copy: Path) -> None:
    weights = study_copy / "saes" / "hidden.1" / "sae_weights.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-7])
    study = Study.open(study_copy)
    with pytest.raises(StudyError, match=r"sae_weights\.safetensors is damaged: run `circuitlogic train"):
        study.folder("saes/hidden.1")
    pipeline.train(study_copy, study.config)
    assert weights.read_bytes() == whole
    assert Study.open(study_copy).damaged() == ()
