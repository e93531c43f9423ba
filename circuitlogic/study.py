"""The study folder: its config, its manifest with content hashes, whole-or-nothing artefacts, resume.

An artefact is a folder below the study. It is written under a temporary name, renamed into place, and entered in
`manifest.json` with the key of what it was made from and the hash of every file. An artefact whose key has not
changed is not made again; one that is missing from the manifest does not count. An artefact that changes takes
those that were made from it with it, so a study never holds parts that do not belong together.
"""

import hashlib
import json
import os
import platform
import shutil
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import asdict, dataclass, is_dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, cast

from circuitlogic.config import StudyConfig, config_to_toml, load_config
from circuitlogic.errors import StudyError
from circuitlogic.json_files import read_json, write_json
from circuitlogic.whole_files import write_bytes

if TYPE_CHECKING:
    from circuitlogic.graph.store import FeatureGraph

SCHEMA = "circuitlogic/study/1"
CONFIG_FILE = "study.toml"
MANIFEST_FILE = "manifest.json"
ANNOTATIONS = "annotations.json"
"""Labels that somebody wrote down; no artefact: nothing is made from them."""
CONTEXTS = "contexts"
"""Kind of artefact that holds a text study's contexts and automatic labels."""
CAUSAL = "causal"
"""Kind of artefact that holds a split's interventions."""
EVIDENCE = "token_evidence"
"""Artefact that holds what tokens say of a text study's gates."""
SAMPLES = "sample_evidence"
"""Artefact that holds what held-out samples say of every gate."""
_BUILDING = ".building"
_MOST_HASHED = 4 << 20
"""Files of the graph beyond so many bytes are opened unread; `FeatureGraph.open(check=True)` reads them."""
_CHAIN = ("network", "activations", "saes", "connectors", "feature_network", "graph", "gates", "fidelity")
"""Kinds of artefacts, each made from those before it."""
_BRANCHES = {
    "examples": "saes",
    CONTEXTS: "saes",
    "transcoders": "saes",
    "linearity": "feature_network",
    "class_evidence": "gates",
    "causal": "gates",
    "firing_ladder": "gates",
    EVIDENCE: "gates",
    SAMPLES: "gates",
    "sweep": "connectors",
    "controls": "feature_network",
}
"""Kinds beside the chain, with the last kind that they are made from."""
_REPLACES = {"given": "saes"}
"""Kinds that come from outside, with the kind they stand for at a site: `given/SITE` changes `saes/SITE`."""
_PACKAGES = ("circuitlogic", "torch", "numpy", "scipy", "sympy", "networkx")


@dataclass(frozen=True, slots=True)
class Entry:
    """What the manifest knows of one finished artefact."""

    key: str
    """Hash of everything it was made from."""
    files: dict[str, str]
    """SHA-256 of each file, by path below the artefact's folder."""

    @property
    def content(self) -> str:
        """One hash of all files: changes when the artefact does."""
        return _digest(sorted(self.files.items()))


class Study:
    """One analysis on disk."""

    def __init__(self, root: Path, config: StudyConfig, entries: dict[str, Entry]) -> None:
        self.root = root
        self.config = config
        self._entries = entries

    @classmethod
    def create(cls, root: Path, config: StudyConfig) -> "Study":
        """Make the study folder, or take up an existing one with a new config; finished artefacts stay.

        Raises:
            ConfigError: a setting that cannot be written down.
            StudyError: `root` holds something else, or a study of another schema version.
        """
        text = config_to_toml(config)
        entries: dict[str, Entry] = {}
        if (root / MANIFEST_FILE).exists():
            entries = _read_manifest(root)
        elif (root / CONFIG_FILE).exists():
            entries = {}
        elif root.exists() and (not root.is_dir() or any(root.iterdir())):
            raise StudyError(f"{root} exists and is not a study: give an empty or a new folder")
        root.mkdir(parents=True, exist_ok=True)
        study = cls(root, config, entries)
        shutil.rmtree(root / _BUILDING, ignore_errors=True)
        write_bytes(root / CONFIG_FILE, text.encode())
        study._write_manifest()
        return study

    @classmethod
    def open(cls, root: Path) -> "Study":
        """Open an existing study.

        Raises:
            StudyError: there is none, it is damaged, or it is of another schema version.
        """
        if not (root / MANIFEST_FILE).exists():
            if not root.exists():
                raise StudyError(f"{root} does not exist: run `circuitlogic train` to make a study")
            raise StudyError(f"{root} is not a study: it has no {MANIFEST_FILE}")
        entries = _read_manifest(root)
        if not (root / CONFIG_FILE).exists():
            raise StudyError(f"{root} is damaged: it has no {CONFIG_FILE}")
        return cls(root, load_config(root / CONFIG_FILE), entries)

    def key(self, *parts: object) -> str:
        """A key over settings (dataclasses, scalars, sequences) and artefacts (by `content`)."""
        return _digest([_plain(part) for part in parts])

    def is_done(self, artefact: str, key: str) -> bool:
        """Whether `artefact` was made with this key and its files are as they were."""
        entry = self._entries.get(artefact)
        return entry is not None and entry.key == key and not self._changed(artefact, entry)

    def has(self, artefact: str) -> bool:
        """Whether `artefact` is finished, whatever it was made from."""
        return artefact in self._entries

    def entry(self, artefact: str) -> Entry:
        """The manifest's entry.

        Raises:
            StudyError: the artefact is not finished; says which command makes it.
        """
        if artefact not in self._entries:
            raise StudyError(f"{self.root} has no {artefact} yet: run `{_maker(artefact, self.root)}`")
        return self._entries[artefact]

    @property
    def graph(self) -> "FeatureGraph":
        """The feature graph, memory-mapped, its nodes bearing kind and fidelity of their gates once those are read.

        Raises:
            StudyError: missing or damaged.
        """
        from circuitlogic.extract.gate_index import read_gate_index
        from circuitlogic.graph.store import FeatureGraph

        graph = FeatureGraph.open(self.folder("graph", most_hashed=_MOST_HASHED))
        if not self.has("gates"):
            return graph
        index = read_gate_index(self.folder("gates"))
        return graph.with_gates(index.kinds, index.fidelity)

    def folder(self, artefact: str, most_hashed: int | None = None) -> Path:
        """Where a finished artefact lies. Of files beyond `most_hashed` bytes only the presence is checked.

        Raises:
            StudyError: it is not finished, or one of its files is gone or damaged; says which command mends it.
        """
        folder = self.root / artefact
        for name in self._changed(artefact, self.entry(artefact), most_hashed):
            what = "is damaged" if (folder / name).is_file() else "is missing"
            raise StudyError(f"{folder / name} {what}: run `{_maker(artefact, self.root)}` to make it again")
        return folder

    def artefacts(self) -> tuple[str, ...]:
        """Names of all finished artefacts, sorted."""
        return tuple(sorted(self._entries))

    @contextmanager
    def making(self, artefact: str, key: str) -> Generator[Path]:
        """Yield an empty folder to fill; on success it becomes the artefact, on any exception it is gone."""
        building = self.root / _BUILDING / artefact
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir(parents=True)
        try:
            yield building
            files = {p.relative_to(building).as_posix(): _hash_file(p) for p in _files(building)}
            self._install(artefact, building, files)
        finally:
            shutil.rmtree(building, ignore_errors=True)
            self._remove_empty(building.parent)
        self._entries[artefact] = Entry(key, files)
        self._write_manifest()

    def forget(self, artefact: str) -> None:
        """Remove an artefact."""
        if self._entries.pop(artefact, None) is not None:
            self._write_manifest()
        shutil.rmtree(self.root / artefact, ignore_errors=True)

    def damaged(self) -> tuple[str, ...]:
        """Files whose content no longer has the hash that the manifest gives, as paths below the study."""
        return tuple(
            f"{artefact}/{name}"
            for artefact, entry in sorted(self._entries.items())
            for name in self._changed(artefact, entry)
        )

    def _changed(self, artefact: str, entry: Entry, most_hashed: int | None = None) -> list[str]:
        """Files of an artefact that are gone or (up to `most_hashed` bytes) no longer have their hash, sorted."""
        folder = self.root / artefact
        return [
            name
            for name, digest in sorted(entry.files.items())
            if not (folder / name).is_file()
            or (
                (most_hashed is None or (folder / name).stat().st_size <= most_hashed)
                and _hash_file(folder / name) != digest
            )
        ]

    def _install(self, artefact: str, building: Path, files: dict[str, str]) -> None:
        target = self.root / artefact
        before = self._entries.get(artefact)
        unchanged = before is not None and before.files == files
        gone = [artefact, *([] if unchanged else self._made_from(artefact))]
        for name in gone:
            self._entries.pop(name, None)
        self._write_manifest()
        for name in gone:
            shutil.rmtree(self.root / name, ignore_errors=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(building, target)

    def _made_from(self, artefact: str) -> list[str]:
        """Finished artefacts of later kinds."""
        kind, replaced = _kind(artefact), _REPLACES.get(_kind(artefact))
        if replaced is not None:
            stood_for = f"{replaced}/{artefact.partition('/')[2]}"
            return [*([stood_for] if stood_for in self._entries else []), *self._made_from(stood_for)]
        later = _CHAIN[_CHAIN.index(kind) + 1 :] if kind in _CHAIN else ()
        branches = [b for b, last in _BRANCHES.items() if last in later or last == kind]
        return [name for name in self._entries if _kind(name) in (*later, *branches)]

    def _remove_empty(self, folder: Path) -> None:
        while folder != self.root and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
            folder = folder.parent

    def _write_manifest(self) -> None:
        artefacts = {name: asdict(entry) for name, entry in sorted(self._entries.items())}
        write_json(
            self.root / MANIFEST_FILE, {"schema": SCHEMA, "made_with": _versions(), "artefacts": artefacts}
        )


def _read_manifest(root: Path) -> dict[str, Entry]:
    path = root / MANIFEST_FILE
    manifest = read_json(path)
    if manifest.get("schema") != SCHEMA:
        raise StudyError(
            f"{path} has schema {manifest.get('schema')!r}; this version of circuitlogic reads {SCHEMA!r}"
        )
    try:
        entries = {
            str(name): Entry(str(value["key"]), {str(k): str(v) for k, v in value["files"].items()})
            for name, value in manifest["artefacts"].items()
        }
    except (KeyError, TypeError, AttributeError):
        raise StudyError(f"{path} is damaged: its list of artefacts cannot be read") from None
    for name in (name for artefact, entry in entries.items() for name in (artefact, *entry.files)):
        if not name or "\\" in name or "\0" in name or not _stays_inside(PurePosixPath(name)):
            raise StudyError(f"{path} is damaged: {name!r} is no path inside the study")
    return entries


def _stays_inside(path: PurePosixPath) -> bool:
    return not path.is_absolute() and path.parts != () and ".." not in path.parts


def _kind(artefact: str) -> str:
    return artefact.split("/")[0]


def _maker(artefact: str, root: Path) -> str:
    if _kind(artefact) in _REPLACES:
        return f"circuitlogic import DICTIONARY --into {root} --site {artefact.partition('/')[2]}"
    extracted = ("graph", "gates", "fidelity", "examples", CONTEXTS, EVIDENCE, SAMPLES, "class_evidence")
    commands = dict.fromkeys(extracted, "extract") | {"sweep": "sweep", "controls": "verify --controls"}
    return f"circuitlogic {commands.get(_kind(artefact), 'train --out')} {root}"


def _files(folder: Path) -> Iterable[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _hash_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _plain(part: object) -> Any:
    if is_dataclass(part) and not isinstance(part, type):
        return asdict(part)
    if isinstance(part, list | tuple):
        return [_plain(p) for p in cast(Iterable[object], part)]
    return part


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
