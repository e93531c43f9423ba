"""Owns how a language model's features and gates are shown by their tokens, taken from the study as asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from circuitlogic.activations.windows import TokenWindows
from circuitlogic.features import FeatureId
from circuitlogic.logic.formula import literals_of
from circuitlogic.logic.gate import Gate
from circuitlogic.render.text import shown_token
from circuitlogic.stages.subject import load_card
from circuitlogic.stages.text_subject import KIND, load_document_names, load_vocabulary
from circuitlogic.stages.token_contexts import AFTER, BEFORE, STRONGEST, SiteContexts, load_contexts
from circuitlogic.stages.token_evidence import TokenEvidence, load_token_evidence, token_f1
from circuitlogic.stages.token_rows import load_windows
from circuitlogic.study import Study
from circuitlogic.verify.token_baseline import TokenBaseline

MAX_SIDES = 3
"""Features shown beside the output: the first positive and negative inputs of the formula."""


@dataclass(frozen=True, slots=True)
class ShownToken:
    """One token of a context; cleaned, but still foreign text."""

    text: str
    heat: float
    """The feature's activation as a share of its largest; negative where it is not known."""


@dataclass(frozen=True, slots=True)
class ShownContext:
    """A token in its context."""

    tokens: tuple[ShownToken, ...]
    centre: int
    """Place of the token that it is about."""
    value: float | None
    """The feature's activation there, raw units; None where a gate's verdict is shown instead."""
    document: str
    row: int
    """Of the held-out activations."""


@dataclass(frozen=True, slots=True)
class FeatureTokens:
    """What one feature likes."""

    feature: FeatureId
    label: str
    strongest: tuple[ShownContext, ...]
    strata: tuple[ShownContext, ...]
    """One per sixth of its activation range, weakest first."""
    promoted: tuple[str, ...]
    """Tokens whose logits it raises directly, most first; empty where that is not known."""
    suppressed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GateTokens:
    """A gate proven by tokens, held out."""

    baseline: TokenBaseline
    words: tuple[str, ...]
    """The best set of current tokens."""
    right: tuple[ShownContext, ...]
    false_alarms: tuple[ShownContext, ...]
    missed: tuple[ShownContext, ...]
    false_alarm_count: int
    missed_count: int
    sides: tuple[FeatureTokens, ...]
    """The formula's first inputs, then the output: the seed's triple."""


class TokenBook:
    """Contexts of any feature and gate of a study; every file is read once, when first asked for."""

    def __init__(self, study: Study, labels: Mapping[FeatureId, str]) -> None:
        self._study, self._labels = study, labels
        self._sites: dict[str, SiteContexts | None] = {}

    @property
    def has_tokens(self) -> bool:
        """Whether the study is of a language model and extracted."""
        return load_card(self._study).kind == KIND and bool(self._evidence)

    def of(self, feature: FeatureId, most: int = STRONGEST) -> FeatureTokens | None:
        """The feature's contexts; None if the study has none.

        Raises:
            StudyError: they are damaged.
        """
        if feature.site not in self._sites:
            self._sites[feature.site] = load_contexts(self._study, feature.site)
        site = self._sites[feature.site]
        if site is None or feature.index >= len(site.rows):
            return None
        found = [
            self._context(
                int(row), site.heat[feature.index, slot].tolist(), float(site.values[feature.index, slot])
            )
            if row >= 0
            else None
            for slot, row in enumerate(site.rows[feature.index])
        ]
        return FeatureTokens(
            feature,
            self._labels.get(feature, ""),
            tuple(one for one in found[: min(most, STRONGEST)] if one is not None),
            tuple(one for one in found[STRONGEST:] if one is not None),
            self._words(site.promoted[feature.index].tolist()),
            self._words(site.suppressed[feature.index].tolist()),
        )

    def gate(self, gate: Gate, most: int = 6) -> GateTokens | None:
        """What proves or disproves a gate; None if the study has nothing on it.

        Raises:
            StudyError: it is damaged.
        """
        known = self._evidence.get(gate.feature)
        if known is None:
            return None
        lists = (known.right, known.false_alarms, known.missed)
        right, wrong, missed = (tuple(self._context(row) for row in rows[:most]) for rows in lists)
        sides = (self.of(feature, most) for feature in (*inputs_shown(gate), gate.feature))
        return GateTokens(
            known.baseline,
            self._words(known.baseline.tokens),
            right,
            wrong,
            missed,
            known.false_alarm_count,
            known.missed_count,
            tuple(side for side in sides if side is not None),
        )

    @property
    def baselines(self) -> Mapping[FeatureId, float]:
        """Held-out F1 of the current token alone, by gate; empty if the study has none."""
        return token_f1(self._evidence)

    @cached_property
    def _evidence(self) -> Mapping[FeatureId, TokenEvidence]:
        return load_token_evidence(self._study)

    @cached_property
    def _text(self) -> tuple[TokenWindows, tuple[str, ...], tuple[str, ...]]:
        documents = load_document_names(self._study, "heldout")
        return load_windows(self._study, "heldout"), load_vocabulary(self._study), documents

    @cached_property
    def _places(self) -> Any:
        return self._text[0].rows

    def _words(self, tokens: Sequence[int]) -> tuple[str, ...]:
        vocabulary = self._text[1]
        return tuple(shown_token(vocabulary[t]) for t in tokens if 0 <= t < len(vocabulary))

    def _context(self, row: int, heat: list[float] | None = None, value: float | None = None) -> ShownContext:
        windows, vocabulary, documents = self._text
        place = int(self._places[row])
        start, end = windows.around(place, BEFORE, AFTER)
        heats = [heat[at - place + BEFORE] if heat else -1.0 for at in range(start, end)]
        tokens = tuple(
            ShownToken(shown_token(vocabulary[int(windows.ids[at])]), share)
            for at, share in zip(range(start, end), heats, strict=True)
        )
        document = documents[int(windows.documents[int(windows.windows_at(np.array([place]))[0])])]
        return ShownContext(tokens, place - start, value, document, row)


def inputs_shown(gate: Gate) -> tuple[FeatureId, ...]:
    """The formula's inputs that are shown beside the output: A helps and B hinders, else the strongest."""
    if gate.formula is None:
        return tuple(given.feature for given in gate.inputs[: MAX_SIDES - 1])
    used = {literal.feature for literal in literals_of(gate.formula)}
    inside = [given for given in gate.inputs if given.feature in used]
    signs = [[given for given in inside if (given.weight < 0) is hinders] for hinders in (False, True)]
    shown = [some[0] for some in signs] if all(signs) else inside[: MAX_SIDES - 1]
    return tuple(given.feature for given in shown)


def gate_tokens_json(found: GateTokens) -> dict[str, Any]:
    """As plain JSON values; contexts as token lists."""
    sides = [{**asdict(replace(side)), "feature": str(side.feature)} for side in found.sides]
    return {**asdict(found), "sides": sides}
