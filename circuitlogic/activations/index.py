"""What a store's folder holds: `index.json` beside `shard-00000.npy`, `shard-00001.npy`, ...

The index is written last, so a folder with an index is complete; without one it is not a store.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from circuitlogic.activations.shard import DtypeName
from circuitlogic.errors import StudyError
from circuitlogic.whole_files import write_bytes

SCHEMA = "circuitlogic/activations/1"
INDEX_FILE = "index.json"

_Count = Annotated[int, Field(ge=1)]


class Index(BaseModel):
    """`index.json`."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    schema_version: Literal["circuitlogic/activations/1"] = Field(alias="schema")
    site: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.\-]+$")]
    """The site's name."""
    d: _Count
    """Components of an activation vector."""
    dtype: DtypeName
    """How the values are kept; they are always read as float32."""
    shard_rows: Annotated[list[_Count], Field(min_length=1)]
    """Number of rows of each shard, in order."""


def read_index(folder: Path) -> Index:
    """The index in `folder`.

    Raises:
        StudyError: it is missing or damaged.
    """
    path = folder / INDEX_FILE
    try:
        return Index.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise StudyError(
            f"{folder}: no finished activations ({INDEX_FILE} is missing): capture them again"
        ) from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole file"
        raise StudyError(f"{path}: {where}: {first['msg']}: capture the activations again") from error
    except OSError as error:
        raise StudyError(f"{path}: cannot be read: {error.strerror or error}") from error


def write_index(folder: Path, index: Index) -> None:
    """Write the index into `folder`, whole or not at all."""
    write_bytes(folder / INDEX_FILE, (index.model_dump_json(by_alias=True, indent=1) + "\n").encode())


def remove_store(folder: Path) -> None:
    """Remove a store's files from `folder`, the index first; other files stay."""
    (folder / INDEX_FILE).unlink(missing_ok=True)
    for pattern in ("shard-*.npy", ".shard-*.npy.tmp", f".{INDEX_FILE}.*tmp"):
        for path in sorted(folder.glob(pattern)):
            path.unlink()


def shard_path(folder: Path, number: int) -> Path:
    """Where the shard of that number lies."""
    return folder / f"shard-{number:05d}.npy"
