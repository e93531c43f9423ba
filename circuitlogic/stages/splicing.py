"""Stage 5 for a language model: the splice test of every stretch and of all together, at one threshold."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import chain

import torch
from torch import Tensor

from circuitlogic.activations.paired import PairedActivations
from circuitlogic.activations.sites import Site
from circuitlogic.connectors.feature_pairs import Dictionary
from circuitlogic.connectors.metrics import sparsity_of
from circuitlogic.connectors.model import Connector
from circuitlogic.errors import StudyError
from circuitlogic.networks.next_token import predicts_tokens
from circuitlogic.progress import Progress
from circuitlogic.saes.base import SparseAutoencoder
from circuitlogic.saes.coders import Transcoder
from circuitlogic.saes.statistics import Encoder
from circuitlogic.stages.captured import load_activations
from circuitlogic.stages.connecting import connector_fidelity, load_connectors
from circuitlogic.stages.dictionaries import TUNED, holder, load_ends
from circuitlogic.stages.network_metrics import NetworkMetrics
from circuitlogic.stages.subject import Subject
from circuitlogic.stages.transcoding import READOUT_WAY, TRAINED_WAY, load_transcoder
from circuitlogic.study import Study
from circuitlogic.verify.scores import BEFORE_TUNING, MEAN, ORIGINAL, ZERO, Faithfulness
from circuitlogic.verify.splice import Change, Edit, Spliced, Variant, as_faithfulness, splice

SAE_OUT, SAE_IN, SAE_BOTH = "SAE of the output only", "SAE of the input only", "both SAEs, true layer between"
TRANSCODER = "transcoder of the input"
TRAINED_TRANSCODER = "transcoder, trained for comparison"
READOUT = "linear readout of the input's features"
MADE = {READOUT_WAY: READOUT, TRAINED_WAY: TRAINED_TRANSCODER}
"""How a transcoder of the study's own was made -> its variant."""
SOLVED, CUT, FIRING = "connector", "connector, thresholded", "connector, thresholded, silent below θ"


def measure_splices(
    study: Study, subject: Subject, connectors: tuple[Connector, ...], threshold: float, progress: Progress
) -> NetworkMetrics:
    """Run every variant on held-out text, after really thresholding; none where the model predicts no next tokens.

    Raises:
        StudyError: a dictionary without a decoder, or a study of images.
    """
    if subject.text is None:
        raise StudyError(f"{study.root} is not the study of a language model")
    places = {site.name: site for site in subject.sites}
    train, heldout = load_activations(study, "train"), load_activations(study, "heldout")
    cut = tuple(connector.thresholded(threshold) for connector in connectors)
    ends = load_ends(study)
    parts = [
        _Part(
            number,
            len(ends),
            (places[a.site], places[b.site]),
            (a, b),
            (solved, short),
            train,
            _transcoders(study, a, b),
        )
        for number, ((a, b), solved, short) in enumerate(zip(ends, connectors, cut, strict=True))
    ]
    earlier = _earlier(study, [part.sites for part in parts], threshold, train)
    windows = subject.text.heldout.first(study.config.text.splice_tokens)
    rows: tuple[Faithfulness, ...] = ()
    if predicts_tokens(subject.network, next(iter(windows.batches()))[1][:1]):
        first, *others = chain.from_iterable(part.variants() for part in parts)
        before = chain.from_iterable(part.before_tuning() for part in earlier)
        variants = [first, *before, *others, *_joint(parts)]
        original, *scores = splice(subject.network, windows, variants, progress)
        rows = _rows(variants, original, scores)
    return NetworkMetrics(
        threshold,
        rows,
        tuple(sparsity_of(c, b.statistics.live) for c, (_, b) in zip(cut, ends, strict=True)),
        tuple(connector_fidelity(c, a, b, heldout, "heldout") for c, (a, b) in zip(cut, ends, strict=True)),
    )


def _earlier(
    study: Study, sites: list[tuple[Site, Site]], threshold: float, train: PairedActivations
) -> "list[_Part]":
    """The same stretches as their solver left them, where tuning moved the autoencoders since."""
    if not any(holder(study, target.name) == TUNED for _, target in sites):
        return []
    return [
        _Part(number, len(sites), places, ends, (solved, solved.thresholded(threshold)), train)
        for number, (places, ends, solved) in enumerate(
            zip(sites, load_ends(study, tuned=False), load_connectors(study), strict=True)
        )
    ]


def _rows(variants: list[Variant], original: Spliced, scores: list[Spliced]) -> tuple[Faithfulness, ...]:
    """Every variant against the ablation of its own stretch; the last is the thresholded graph of all."""
    ablated = {
        (variant.part, variant.name.rsplit(": ", 1)[-1]): score.loss
        for variant, score in zip(variants, scores, strict=True)
    }
    first, *others = (
        as_faithfulness(
            variant,
            score,
            original.loss,
            ablated[variant.part, ZERO],
            ablated[variant.part, MEAN],
            "heldout",
        )
        for variant, score in zip(variants, scores, strict=True)
    )
    same = as_faithfulness(Variant(ORIGINAL, ()), original, original.loss, 1.0, 1.0, "heldout")
    return (first, same, *others)


class _Part:
    """One stretch, and what can be put in its place."""

    def __init__(
        self,
        number: int,
        of: int,
        sites: tuple[Site, Site],
        dictionaries: tuple[Dictionary, Dictionary],
        connectors: tuple[Connector, Connector],
        train: PairedActivations,
        transcoders: Mapping[str, Transcoder] | None = None,
    ) -> None:
        self._transcoders = transcoders or {}
        self._number = number if of > 1 else None
        self._prefix = f"{sites[1].module}: " if of > 1 else ""
        self.sites, self._connectors = sites, connectors
        self._encoder, self._decoder = dictionaries[0].encoder, _decoding(dictionaries[1])
        self._thresholds = dictionaries[1].statistics.thresholds
        rows = train.stores[dictionaries[1].site].rows(slice(0, 65_536))
        self._mean = torch.from_numpy(rows).mean(0)

    def variants(self) -> list[Variant]:
        """The best that the dictionaries allow first, the thresholded connector last."""
        inner = ((SAE_IN, SAE_BOTH) if self.has_both else ()) + self.direct
        return [self.variant(name) for name in (SAE_OUT, *inner, MEAN, ZERO, SOLVED, FIRING, CUT)]

    def before_tuning(self) -> list[Variant]:
        """The variants that tuning changes, of a stretch that is not tuned."""
        names = (SAE_OUT, *((SAE_BOTH,) if self.has_both else ()), CUT)
        found = [self.variant(name) for name in names]
        return [replace(one, name=f"{one.name}{BEFORE_TUNING}") for one in found]

    @property
    def has_both(self) -> bool:
        """Whether the source's dictionary gives back what it encodes."""
        return isinstance(self._encoder, SparseAutoencoder)

    @property
    def direct(self) -> tuple[str, ...]:
        """What predicts the target straight from the source's features, without the target's dictionary."""
        return tuple(self._transcoders)

    def variant(self, name: str) -> Variant:
        """One of them."""
        edges = {SOLVED: self._connectors[0], FIRING: self._connectors[1], CUT: self._connectors[1]}.get(name)
        count = () if edges is None else (int((edges.weight != 0).sum()),)
        return Variant(f"{self._prefix}{name}", self.edits(name), count, self._number)

    def edits(self, name: str) -> tuple[Edit, ...]:
        """What a variant changes."""
        source, target = self.sites
        out = Edit(target, target, _through(self._decoder))
        whole: dict[str, Callable[[], tuple[Edit, ...]]] = {
            SAE_OUT: lambda: (out,),
            SAE_IN: lambda: (Edit(source, source, _through(self._encoder)),),
            SAE_BOTH: lambda: (Edit(source, source, _through(self._encoder)), out),
            MEAN: lambda: (Edit(target, target, lambda _, y: self._mean.expand_as(y)),),
            ZERO: lambda: (Edit(target, target, lambda _, y: torch.zeros_like(y)),),
            SOLVED: lambda: (Edit(source, target, self._connected(self._connectors[0], False)),),
            CUT: lambda: (Edit(source, target, self._connected(self._connectors[1], False)),),
            FIRING: lambda: (Edit(source, target, self._connected(self._connectors[1], True)),),
        }
        if name in self._transcoders:
            coder = self._transcoders[name]
            return (Edit(source, target, lambda x, _: coder(x)),)
        return whole[name]()

    def _connected(self, connector: Connector, silent: bool) -> Change:
        """Encode the source, run the connector, decode at the target; no neuron in between."""
        encoder, decoder = self._encoder, self._decoder

        def change(x: Tensor, _y: Tensor) -> Tensor:
            features = connector(encoder.encode(x))
            if silent:
                features = torch.where(features > self._thresholds, features, 0.0)
            return decoder.decode(features)

        return change


def _joint(parts: list[_Part]) -> list[Variant]:
    """All stretches replaced at once; nothing where there is one."""
    if len(parts) < 2:
        return []
    both = (SAE_BOTH,) if all(part.has_both for part in parts) else ()
    direct = parts[0].direct if len({part.direct for part in parts}) == 1 else ()
    names = (SAE_OUT, *both, *direct, MEAN, ZERO, SOLVED, FIRING, CUT)
    return [
        Variant(
            f"all together: {name}",
            tuple(chain.from_iterable(part.edits(name) for part in parts)),
            tuple(chain.from_iterable(part.variant(name).edges for part in parts)),
        )
        for name in names
    ]


def _decoding(dictionary: Dictionary) -> SparseAutoencoder:
    if not isinstance(dictionary.encoder, SparseAutoencoder):
        raise StudyError(f"the dictionary of {dictionary.site} has no decoder: it cannot be spliced in")
    return dictionary.encoder


def _through(encoder: Encoder) -> Change:
    if not isinstance(encoder, SparseAutoencoder):
        raise StudyError(f"{type(encoder).__name__} does not give back what it encodes")
    return lambda _, y: encoder(y)


def _transcoders(study: Study, source: Dictionary, target: Dictionary) -> dict[str, Transcoder]:
    """By the variant's name: the coder that was given for the source, or the study's own."""
    if isinstance(source.encoder, Transcoder):
        return {TRANSCODER: source.encoder}
    found = {name: load_transcoder(study, way, source.site, target.site) for way, name in MADE.items()}
    return {name: one.coder for name, one in found.items() if one is not None}
