"""Which values of settings are allowed, beyond their types."""

from typing import Any

from circuitlogic.errors import ConfigError

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
    "connectors.refit_gap": ">0",
    "transcoders.ridge": "0",
    "tune.edges": "1",
    "tune.min_edges": "0",
    "tune.divergence": "0",
    "tune.splice": "0",
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
    "extract.price": ">0",
    "extract.max_literals": "1",
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
    "extract.max_literals": 11,
    "tune.live_rate": 1.0,
}


def check_ranges(config: Any) -> None:
    """Check every number of a `StudyConfig`, and settings that do not go together.

    Raises:
        ConfigError: says which setting, what it is and what it may be.
    """
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
            raise ConfigError(f"{name} = {shortened(value)} is not allowed: it must be {bound}{limit}")
    if not config.network.hidden or min(config.network.hidden) < 1:
        raise ConfigError(
            f"network.hidden = {list(config.network.hidden)} is not allowed: give positive widths"
        )
    if config.transcoders.kind != "none" and config.network.kind != "hf":
        raise ConfigError(
            f"transcoders.kind = {config.transcoders.kind!r} is for language models (network.kind = 'hf'): "
            "set it to 'none' here"
        )
    _check_splice(config)


def _check_splice(config: Any) -> None:
    """`tune.splice` needs a language model whose layers are tuned on its own text."""
    tune = config.tune
    if tune.splice == 0:
        return
    if config.network.kind != "hf":
        raise ConfigError(
            "tune.splice is for language models (network.kind = 'hf'): set it to 0 here and use tune.divergence"
        )
    if tune.dictionaries != "later":
        raise ConfigError(
            f"tune.splice does nothing with tune.dictionaries = {tune.dictionaries!r}: set that to 'later'"
        )
    if tune.interventions > 0:
        raise ConfigError(
            "tune.splice and tune.interventions do not go together, since edited tokens have no text: set one to 0"
        )


def shortened(value: object) -> str:
    """`value` as a message shows it."""
    try:
        text = repr(value)
    except ValueError:
        return "a number of thousands of digits"
    return text if len(text) <= 80 else f"{text[:77]}..."
