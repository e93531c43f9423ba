"""What a study is asked to do: every setting, its default and its meaning, read and written as TOML."""

import json
import tomllib
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError

from circuitlogic.errors import ConfigError

_STRICT = ConfigDict(extra="forbid")

Architecture = Literal["relu_tied", "relu", "topk", "batch_topk", "jumprelu", "gated"]
Solver = Literal["gradient", "proximal", "gram", "relu"]
Refit = Literal["auto", "none", "linear", "relu"]
EdgeScore = Literal["weight", "effect", "ablation"]
Init = Literal["random", "analytic"]
Select = Literal["effect", "weight"]
Trained = Literal["all", "biases"]
AnchorBy = Literal["site", "feature"]
TunedDictionaries = Literal["frozen", "readout", "later"]


@dataclass(frozen=True, slots=True)
class DataConfig:
    """Where the samples come from."""

    __pydantic_config__ = _STRICT

    dataset: str = "digits"
    """`digits` (embedded), `mnist`, or `idx` (any folder of four IDX files)."""
    path: str | None = None
    """Folder of the data; else CIRCUITLOGIC_DATA, else the user cache, else a download."""
    heldout_fraction: float | None = None
    """Share of the training part that is held out, else a sixth; the official test part is never trained on."""


@dataclass(frozen=True, slots=True)
class TextConfig:
    """What a language model (`network.kind = "hf"`) reads, and what is kept of it."""

    __pydantic_config__ = _STRICT

    files: tuple[str, ...] = ()
    """`.txt`, `.gz`, `.xz`, `.jsonl`, `.parquet`, folders of these, or `dataset:NAME` of the hub."""
    heldout: tuple[str, ...] = ()
    """The same, of documents that only score; unset: `heldout_documents` of `files` must be given."""
    heldout_documents: int = 0
    """So many documents of `files`, drawn by the seed, are held out too."""
    separator: str = "<|endoftext|>"
    """A line that holds only this parts two documents."""
    tokens: int = 200_000
    """About how many tokens to train on, spread over all documents."""
    heldout_tokens: int = 60_000
    splice_tokens: int = 20_000
    """Of the held-out tokens, how many the splice test runs the model on."""
    context: int = 256
    """Tokens per window; a window never crosses from one document into the next."""
    skip_first: int = 1
    """Positions at the start of a window whose activations are not kept: they attend to almost nothing."""
    keep_special: bool = False
    """Keep the activations of special tokens too (begin of text, padding ...)."""
    dtype: Literal["float32", "float16"] = "float32"
    """How activations are kept on disk; they are always computed on in float32."""
    disk_budget: float | None = None
    """Gigabytes that activations may take; more tokens than fit are refused before the capture."""


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """The subject: a ReLU image classifier trained here, or a language model."""

    __pydantic_config__ = _STRICT

    kind: Literal["image_mlp", "hf"] = "image_mlp"
    """`image_mlp`: trained here on images; `hf`: a Hugging Face model that exists (extra `hf`)."""
    model: str | None = None
    """Folder or hub id of the model (`hf`)."""
    random_weights: bool = False
    """Control for `hf`: the same architecture, untrained. What it scores too is no finding."""
    model_dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    """In which the model of `hf` runs."""
    device: str = "cpu"
    """Where the model of `hf` runs: `cpu`, `cuda`, `cuda:1`, `mps`."""
    hidden: tuple[int, ...] = (64, 64, 64)
    """Width of each hidden layer; three hidden layers make the seed's four weight layers."""
    epochs: int = 20
    batch_size: int = 128
    lr: float = 3e-3
    """Peak of the one-cycle learning rate."""
    weight_decay: float = 0.01
    activation_penalty: float = 0.02
    """Weight of the mean squared hidden activation in the loss: fixes a ReLU network's arbitrary scale."""
    shift: int = 1
    """Training images are moved by up to this many pixels in each direction."""


@dataclass(frozen=True, slots=True)
class SaeConfig:
    """One sparse autoencoder per site."""

    __pydantic_config__ = _STRICT

    architecture: Architecture = "batch_topk"
    """`relu_tied`, `relu` and `gated` (L1), `topk`, `batch_topk`, `jumprelu`."""
    expansion: float = 4.0
    """Features per neuron (d_sae / d_site)."""
    expansion_in: float | None = None
    """The same at inputs of modules (`:in`); unset: as `expansion`. Tokens want more features than outputs do."""
    l1: float = 1.0
    """Weight of the mean feature activation in the loss (`relu_tied`, `relu`, `gated`)."""
    k: int = 16
    """Features that may fire per sample (`topk`; on average in `batch_topk`)."""
    l0: float = 0.01
    """Weight of the mean number of firing features in the loss (`jumprelu`)."""
    epochs: int = 10
    batch_size: int = 256
    lr: float = 1e-3
    resample_every: int = 2
    """Epochs between resamplings of features that did not fire; 0 never resamples."""
    later_expansion: float | None = None
    """`expansion` of every site but the first, for dictionaries that match an edge budget; unset: the same."""
    later_k: int | None = None
    """`k` of every site but the first; unset: the same."""
    silent_after: int = 10_000
    """Samples without firing (at most one epoch of them) after which the auxiliary loss of `topk` and
    `batch_topk` pulls a feature towards what is not reconstructed."""


@dataclass(frozen=True, slots=True)
class ConnectorConfig:
    """One sparse map per pair of consecutive sites."""

    __pydantic_config__ = _STRICT

    solver: Solver = "proximal"
    """`gradient`: the seed's MSE + L1 by gradient descent; `proximal`: soft thresholding, exact zeros; `gram` and
    `relu`: the linear and the ReLU form, each solved to a certified gap, penalties chosen on left-out samples."""
    init: Init = "random"
    """`random`, or `analytic`: W = E2 W D1, b = E2 b + e2."""
    l1: float = 1e-3
    """Weight of the L1 term: of mean |W|, raw (`gradient`), or of the sum of |W|, unit scale (the others)."""
    epochs: int = 8
    batch_size: int = 1024
    lr: float = 3e-3
    penalties: int = 20
    """Penalties tried per output (`gram`, `relu`), to choose one by left-out error; 0: all solve at `l1`."""
    penalty_ratio: float = 3e-3
    """The smallest penalty tried, as a share of the one that leaves no edge."""
    folds: int = 5
    """Parts of the training samples, left out in turn to choose penalties (`relu`: only the first is)."""
    gap: float = 1e-4
    """Certified distance from the optimum, as a share of the objective without edges (`gram`, `relu`)."""
    refit: Refit = "auto"
    """Loss under which weights and biases are solved again on the edges found, without penalty: `linear`, `relu`
    or `none`; `auto`: `relu` after `gram` and `relu`."""
    keep_signs: bool = True
    """A weight that would change its sign in the refit becomes 0."""


@dataclass(frozen=True, slots=True)
class TuneConfig:
    """Pruning and tuning of the whole feature network towards the original's outputs."""

    __pydantic_config__ = _STRICT

    edges: int | None = None
    """Edges to keep per connector; unset: ten per live output feature."""
    select: Select = "effect"
    """Which edges stay: those whose loss would change the objective most, gradually (`effect`), or those of largest
    |weight|, at once (`weight`)."""
    min_edges: int = 0
    """Edges that each output feature keeps, however weak, where the budget allows."""
    train: Trained = "all"
    """`all` weights and biases, or `biases` alone."""
    divergence: float = 1.0
    """Weight of KL(original ‖ feature network); 0 tunes to the features alone."""
    anchor: float = 1.0
    """Weight of the features' error beside the KL divergence; larger keeps features truer."""
    anchor_by: AnchorBy = "site"
    """Errors are shares of the whole `site`'s variance, or of each `feature`'s own, so that rare ones count too."""
    student: float = 1.0
    """Share of samples on which later connectors read predicted features; the rest read the true ones."""
    interventions: float = 0.0
    """Share of each batch made of edited features, with what the real layers make of them."""
    dictionaries: TunedDictionaries = "frozen"
    """`frozen`; `readout`: the last decoder moves too; `later`: so do all autoencoders but the first."""
    dictionary_lr: float = 0.5
    """Learning rate of autoencoders, as a share of `lr`."""
    reconstruction: float = 1.0
    """Weight of the autoencoders' own loss where they move, in units of their site's variance."""
    live_rate: float = 0.05
    """Features of moving autoencoders that fire on a smaller share of samples are pushed to fire; 0: none."""
    live_weight: float = 4.0
    """Weight of that push."""
    copy_weight: float = 1.0
    """Weight of how far true features of moving autoencoders correlate above 0.85 with one input feature."""
    epochs: int = 15
    """0 skips tuning: the connectors stay as their solver left them."""
    batch_size: int = 512
    lr: float = 2e-3


@dataclass(frozen=True, slots=True)
class ExtractConfig:
    """From weights to edges to gates."""

    __pydantic_config__ = _STRICT

    threshold: float = 0.1
    """Edges are connector entries with |weight| above this, between unit-scale features."""
    score: EdgeScore = "weight"
    """By what `top_k` and `edges` rank: `weight`; `effect`, the rms contribution while the target fires;
    `ablation`, the error that removing the edge adds, as a share of the target's variance. On training samples."""
    top_k: int | None = None
    """Keep so many inputs per feature at most, the best by `score`."""
    edges: int | None = None
    """Keep so many edges in all at most, the best by `score`; the threshold cuts what is left."""
    firing: float = 0.1
    """A feature fires above this share of the 95 % quantile of its positive activations."""
    levels: int = 2
    """Magnitude literals per input: 1 = fires only, 2 = also `high`, ..."""
    min_firings: int = 30
    """Features that fire on fewer training samples are not read."""
    bootstrap: int = 200
    """Resamplings behind each F1 interval."""
    check_thresholds: bool = True
    """Read every gate also with half and twice the firing threshold, and flag it if its kind changes."""


@dataclass(frozen=True, slots=True)
class StudyConfig:
    """Everything one study was asked to do."""

    __pydantic_config__ = _STRICT

    seed: int = 0
    """Seed of every random choice: same seed, same bytes."""
    sites: tuple[str, ...] | None = None
    """Modules whose outputs (or, with `:in`, inputs) are decomposed, in order, `*` matches any part of a path;
    unset: every hidden layer."""
    data: DataConfig = field(default_factory=DataConfig)
    text: TextConfig = field(default_factory=TextConfig)
    network: NetworkConfig = field(default_factory=NetworkConfig)
    saes: SaeConfig = field(default_factory=SaeConfig)
    connectors: ConnectorConfig = field(default_factory=ConnectorConfig)
    tune: TuneConfig = field(default_factory=TuneConfig)
    extract: ExtractConfig = field(default_factory=ExtractConfig)

    def __post_init__(self) -> None:
        _check_ranges(self)


# Lowest value allowed for each number, by dotted name; strict ones are marked by a leading ">".
_LOWEST: dict[str, str] = {
    "seed": "0",
    "data.heldout_fraction": ">0",
    "text.heldout_documents": "0",
    "text.tokens": "1",
    "text.heldout_tokens": "1",
    "text.splice_tokens": "1",
    "text.context": "2",
    "text.skip_first": "0",
    "text.disk_budget": ">0",
    "network.epochs": "1",
    "network.batch_size": "1",
    "network.lr": ">0",
    "network.weight_decay": "0",
    "network.activation_penalty": "0",
    "network.shift": "0",
    "saes.expansion": ">0",
    "saes.expansion_in": ">0",
    "saes.silent_after": "1",
    "saes.l1": "0",
    "saes.k": "1",
    "saes.l0": "0",
    "saes.epochs": "1",
    "saes.batch_size": "1",
    "saes.lr": ">0",
    "saes.resample_every": "0",
    "saes.later_expansion": ">0",
    "saes.later_k": "1",
    "connectors.l1": "0",
    "connectors.epochs": "1",
    "connectors.batch_size": "1",
    "connectors.lr": ">0",
    "connectors.penalties": "0",
    "connectors.penalty_ratio": ">0",
    "connectors.folds": "2",
    "connectors.gap": ">0",
    "tune.edges": "1",
    "tune.min_edges": "0",
    "tune.divergence": "0",
    "tune.anchor": "0",
    "tune.student": "0",
    "tune.interventions": "0",
    "tune.dictionary_lr": ">0",
    "tune.reconstruction": "0",
    "tune.live_rate": "0",
    "tune.live_weight": "0",
    "tune.copy_weight": "0",
    "tune.epochs": "0",
    "tune.batch_size": "1",
    "tune.lr": ">0",
    "extract.threshold": "0",
    "extract.top_k": "1",
    "extract.edges": "1",
    "extract.firing": "0",
    "extract.levels": "1",
    "extract.min_firings": "1",
    "extract.bootstrap": "0",
}

# What a number must stay below, where that is not infinity.
_BELOW: dict[str, float] = {
    "data.heldout_fraction": 1.0,
    "connectors.penalty_ratio": 1.0,
    "seed": 2.0**63,
    "tune.student": 1.0 + 1e-9,
    "tune.interventions": 1.0,
    "tune.live_rate": 1.0,
}


def _check_ranges(config: StudyConfig) -> None:
    for name, rule in _LOWEST.items():
        value: Any = config
        for part in name.split("."):
            value = getattr(value, part)
        if value is None:
            continue
        strict, low, high = rule.startswith(">"), float(rule.lstrip(">")), _BELOW.get(name, float("inf"))
        if not low < value < high if strict else not low <= value < high:
            bound = f"above {low:g}" if strict else f"at least {low:g}"
            limit = f" and below {high:g}" if high < float("inf") else ""
            raise ConfigError(f"{name} = {_short(value)} is not allowed: it must be {bound}{limit}")
    if not config.network.hidden or min(config.network.hidden) < 1:
        raise ConfigError(
            f"network.hidden = {list(config.network.hidden)} is not allowed: give positive widths"
        )


_ADAPTER = TypeAdapter(StudyConfig)


_DEMO: dict[str, dict[str, object]] = {
    "network": {"hidden": (32, 32, 32), "epochs": 80, "batch_size": 64, "shift": 0},
    "saes": {"expansion": 2.0, "k": 4, "epochs": 80, "batch_size": 64},
    "connectors": {"epochs": 60, "batch_size": 64},
    "tune": {"epochs": 100, "batch_size": 64},
}


def config_from_mapping(values: dict[str, Any], origin: str = "the configuration") -> StudyConfig:
    """Check `values` (nested tables as in TOML) and build the config.

    Raises:
        ConfigError: an unknown setting (near names are suggested), a wrong type, a value out of range.
    """
    try:
        # By way of JSON, because pydantic's strict mode takes lists for tuples only from there.
        return _ADAPTER.validate_json(json.dumps(values, default=str), strict=True)
    except ValidationError as error:
        raise ConfigError(f"{origin}: {_first_problem(error)}") from None
    except (ConfigError, ValueError, RecursionError) as error:
        raise ConfigError(f"{origin}: {error}") from None


def _first_problem(error: ValidationError) -> str:
    problem = error.errors(include_url=False)[0]
    name = ".".join(str(part) for part in problem["loc"])
    if problem["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        known = setting_names()
        near = get_close_matches(name, known, n=2, cutoff=0.5)
        return f"unknown setting {name!r}" + (f": did you mean {' or '.join(near)}?" if near else "")
    if problem["type"] == "json_invalid":
        return "a text is not valid Unicode"
    if problem["type"] == "dataclass_type":
        return f"{name} = {_short(problem['input'])}: it must be a table, [{name}]"
    return f"{name} = {_short(problem['input'])}: {problem['msg'].lower()}"


def _short(value: object) -> str:
    """`value` as a message shows it."""
    try:
        text = repr(value)
    except ValueError:
        return "a number of thousands of digits"
    return text if len(text) <= 80 else f"{text[:77]}..."


def setting_names() -> list[str]:
    """Dotted names of all settings."""
    return [name for name, _ in _leaves(StudyConfig())]


def _leaves(config: Any, prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for f in fields(config):
        value = getattr(config, f.name)
        if is_dataclass(value):
            found += _leaves(value, f"{prefix}{f.name}.")
        else:
            found.append((prefix + f.name, value))
    return found


def demo_config(seed: int = 0) -> StudyConfig:
    """Settings of `circuitlogic demo`: the embedded digits, small enough for half a minute."""
    return config_from_mapping({"seed": seed, **_DEMO})


def load_config(path: Path) -> StudyConfig:
    """Read a TOML config file.

    Raises:
        ConfigError: the file is missing, is not TOML, or holds a wrong setting.
    """
    return config_from_mapping(read_toml(path), origin=str(path))


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file, unchecked.

    Raises:
        ConfigError: the file is missing or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read config {path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from None


def with_settings(values: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    """`values` with dotted `settings` laid over them; settings that are None are skipped.

    Raises:
        ConfigError: `values` holds something else where a table belongs.
    """
    merged: dict[str, Any] = {k: dict(v) if isinstance(v, dict) else v for k, v in values.items()}
    for name, value in settings.items():
        if value is None:
            continue
        table, _, leaf = name.rpartition(".")
        if not table:
            merged[leaf] = value
        else:
            held = merged.setdefault(table, {})
            if not isinstance(held, dict):
                raise ConfigError(f"{table} = {_short(held)}: it must be a table, [{table}]")
            held[leaf] = value
    return merged


def config_to_toml(config: StudyConfig) -> str:
    """The config as TOML text that `load_config` reads back to an equal config. None is left out.

    Raises:
        ConfigError: a text is not valid Unicode.
    """
    values = asdict(config)
    lines = [
        f"{k} = {_toml_value(v)}" for k, v in values.items() if not isinstance(v, dict) and v is not None
    ]
    for name, table in values.items():
        if isinstance(table, dict):
            lines += ["", f"[{name}]"]
            lines += [f"{k} = {_toml_value(v)}" for k, v in table.items() if v is not None]
    return "\n".join(lines) + "\n"


def _toml_value(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return _toml_text(value)
        case list() | tuple():
            return "[" + ", ".join(_toml_value(v) for v in value) + "]"
        case _:
            return repr(value)


def _toml_text(value: str) -> str:
    """A basic string: quotes, backslashes and everything that is not printable are escaped."""
    if any(0xD800 <= ord(c) < 0xE000 for c in value):
        raise ConfigError(f"setting {_short(value)} is not valid Unicode")
    escaped = (c if c.isprintable() else f"\\U{ord(c):08X}" for c in value)
    return '"' + "".join(f"\\{c}" if c in ('"', "\\") else c for c in escaped) + '"'
