"""Where a model lies: in a folder here, or on the hub, if that can be reached or the model was fetched before."""

from importlib import import_module
from typing import Any

from circuitlogic.datasets.text import found_path
from circuitlogic.errors import DataError, reason_of

CONFIG_FILE = "config.json"
_SECONDS = 10


def model_place(model: str) -> str:
    """A model's folder, else `model` as it is, a hub id whose configuration can be had.

    Raises:
        DataError: neither.
    """
    try:
        path = found_path(model)
    except DataError:
        if model.count("/") > 1 or model.startswith((".", "~", "/")) or "\\" in model:
            raise DataError(
                f"{model} does not exist: give a model's folder or a hub id (OWNER/NAME)"
            ) from None
        _check_hub(model)
        return model
    if not (path / CONFIG_FILE).is_file():
        raise DataError(
            f"{path} holds no {CONFIG_FILE}: give a model's folder as `save_pretrained` writes it"
        )
    return str(path)


def _check_hub(model: str) -> None:
    """Ask once, where the library itself would ask for a minute and say so in twenty lines.

    Raises:
        DataError: the hub does not give the model's configuration, and it was not fetched before.
    """
    hub: Any = import_module("huggingface_hub")
    try:
        if isinstance(hub.try_to_load_from_cache(model, CONFIG_FILE), str):
            return
        hub.get_hf_file_metadata(hub.hf_hub_url(model, CONFIG_FILE), timeout=_SECONDS)
    except Exception as error:  # noqa: BLE001  # of the library, of its network client, or of the system
        raise DataError(
            f"{model} is no folder here, and the hub does not give it ({_why(hub, error)}): give a model's "
            "folder, or the id of a model that can be fetched or was fetched before"
        ) from None


def _why(hub: Any, error: Exception) -> str:
    if isinstance(error, hub.errors.RepositoryNotFoundError):
        return "there is no such model, or it is not open to you"
    return reason_of(error)
