"""Every setting, its default and its meaning."""

from dataclasses import dataclass, field
from typing import Literal

from pydantic import ConfigDict

from circuitlogic.config.families import WordFamily
from circuitlogic.config.ranges import check_ranges

_STRICT = ConfigDict(extra="forbid")

Architecture = Literal["relu_tied", "relu", "topk", "batch_topk", "jumprelu", "gated"]
Solver = Literal["gradient", "proximal", "gram", "relu"]
Refit = Literal["auto", "none", "linear", "relu"]
EdgeScore = Literal["weight", "effect", "ablation"]
Init = Literal["random", "analytic"]
Select = Literal["effect", "weight"]
Trained = Literal["all", "biases"]
AnchorBy = Literal["site", "feature", "unexplained"]
TranscoderKind = Literal["none", "readout", "trained"]
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
    """About how many tokens to train on, spread over all documents. Counted in whole windows: where documents are
    shorter than `context`, each takes a window that it does not fill, and fewer tokens come out."""
    heldout_tokens: int = 60_000
    """The same for the held-out documents."""
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
    families: tuple[WordFamily, ...] = ()
    """What `bench lm` looks for: tables of `name`, `words`, and `unless`, texts that must not be part of the `near`
    tokens before. Nothing is trained or read differently for it."""


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
    refit_gap: float = 1e-6
    """As `gap`, of the `relu` refit: 0.01 takes a quarter of the time."""
    keep_signs: bool = True
    """A weight that would change its sign in the refit becomes 0."""


@dataclass(frozen=True, slots=True)
class TranscoderConfig:
    """Transcoders of each stretch of a language model, from its input's features straight to its output."""

    __pydantic_config__ = _STRICT

    kind: TranscoderKind = "none"
    """`readout`: the input's dictionary with the best linear decoder; `trained`: beside it one whose encoder is
    trained for this too, with the epochs and learning rate of `saes`. The splice test compares both with the
    connector."""
    ridge: float = 1e-4
    """Penalty on squared decoder weights, as a share of the mean variance of a feature."""


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
    splice: float = 0.0
    """Of a language model: weight of KL(original ‖ the model with the layer spliced in) over the next tokens, as a
    share of zero ablation's. Batches are then of whole windows, of about `batch_size` tokens."""
    anchor: float = 1.0
    """Weight of the features' error beside the KL divergence; larger keeps features truer."""
    anchor_by: AnchorBy = "site"
    """Errors are shares of the whole `site`'s variance, or of each `feature`'s own, so that rare ones count too;
    `unexplained` is the latter where features that move gain nothing by varying less, down to never firing."""
    student: float = 1.0
    """Share of samples on which later connectors read predicted features; the rest read the true ones."""
    interventions: float = 0.0
    """Share of each batch made of edited features, with what the real layers make of them."""
    dictionaries: TunedDictionaries = "frozen"
    """`frozen`; `readout`: the last decoder moves too; `later`: so do all autoencoders but the first. A language
    model's connectors are tuned only with `later`: each with the autoencoder of its layer's output."""
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
    price: float = 0.002
    """What each literal of a formula must gain in F1: a higher price gives shorter formulas."""
    max_literals: int = 9
    """Longest formula that is searched for; beyond it only counts with vetoes are tried."""
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
    transcoders: TranscoderConfig = field(default_factory=TranscoderConfig)
    tune: TuneConfig = field(default_factory=TuneConfig)
    extract: ExtractConfig = field(default_factory=ExtractConfig)

    def __post_init__(self) -> None:
        check_ranges(self)
