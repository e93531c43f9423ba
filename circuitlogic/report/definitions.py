"""Owns what each number means, in one place: both reports link their numbers here."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Definition:
    """One term."""

    anchor: str
    """Unique, letters and dashes."""
    term: str
    text: str
    """Plain text."""


DEFINITIONS = tuple(
    Definition(*entry)
    for entry in (
        (
            "heldout",
            "held out",
            "Samples that no training saw. Every number is on them unless it says train.",
        ),
        ("feature", "feature", "One of the units of a site's sparse autoencoder, written site/index."),
        (
            "fires",
            "fires, θ",
            "A feature fires on a sample when its activation exceeds its threshold θ, a fixed share of the 95 % "
            "quantile of its positive training activations.",
        ),
        (
            "unit",
            "unit scale, weight",
            "Each feature is divided by its mean activation where it is positive. A weight of 0.26 says: one "
            "typical firing of the input contributes 0.26 typical firings of the output.",
        ),
        ("mse", "mse", "Mean over samples and components of (x̂ − x)²."),
        (
            "l1",
            "l1",
            "Autoencoder: mean over samples and features of |f|. Connector: mean over entries of |W|.",
        ),
        ("fvu", "fvu", "Fraction of variance unexplained: Σ(x̂ − x)² / Σ(x − mean x)²; 0 is perfect."),
        ("l0", "l0", "Mean number of firing features (f > 0) per sample."),
        ("dead", "dead", "Share of features that never fire on the training set."),
        (
            "edges",
            "edges",
            "Connector entries that are not zero after thresholding, of n_out × n_in possible ones.",
        ),
        ("in-degree", "in-degree", "Edges per live output feature: mean, median, maximum."),
        (
            "reached",
            "reached",
            "Live output features with at least one edge, of those that fire on training data.",
        ),
        (
            "r2",
            "R²",
            "Of predicted against true activations; for connectors the median over output features with at "
            "least 20 held-out firings.",
        ),
        (
            "firing-f1",
            "firing F1",
            "Per feature, F1 of (predicted > θ) against (true > θ); the median over features with at least 20 "
            "held-out firings.",
        ),
        (
            "copy-rate",
            "copy rate",
            "Share of output features whose true activation correlates above 0.9 with one input feature: logic "
            "that would be there without any connector.",
        ),
        (
            "feature-network",
            "feature network",
            "The original network with the layers between the first and the last site replaced by encoder → "
            "connectors → decoder. It runs on the graph's edges alone.",
        ),
        ("accuracy", "accuracy", "Share of samples whose argmax is the label."),
        ("agreement", "agreement", "Share of samples with the same argmax as the original network."),
        ("kl", "KL", "Mean KL(original ‖ substitute) in nats; 0 is perfect."),
        ("loss", "loss", "Mean cross-entropy against the labels, in nats."),
        (
            "loss-recovered",
            "loss recovered",
            "(L_ablated − L_substitute) / (L_ablated − L_original), with the last site set to zero, or to its "
            "mean.",
        ),
        (
            "gate",
            "gate",
            "The reading of one output feature: kind, formula, evidence. The formula is chosen on training "
            "samples and only claimed if held-out samples confirm it.",
        ),
        (
            "precision",
            "precision, recall, F1",
            "Of the formula's firing against the true feature's firing, held out. The interval is a 95 % "
            "bootstrap.",
        ),
        ("connector-f1", "row F1", "F1 of the connector row's own firing, with no formula."),
        ("baseline", "single F1", "F1 of the best single input: the null reading that needs no circuit."),
        (
            "token",
            "token F1",
            "F1 of the best set of current tokens, chosen on training tokens: the null reading of a language "
            "model. A formula that does not beat it by 0.05 is a list of words.",
        ),
        ("ceiling", "ceiling F1", "F1 of the best truth table on the same inputs."),
        (
            "support",
            "support",
            "Held-out samples on which the true feature fires. Few make wide intervals.",
        ),
        (
            "coverage",
            "coverage",
            "Share of the feature's held-out firings in truth-table states that training data had shown.",
        ),
        (
            "thresholds",
            "at other thresholds",
            "The row read again with all features firing from half and from twice their θ on. Same kind, same "
            "function: at all three; a formula is the same function if it agrees on all assignments.",
        ),
        (
            "composed",
            "composed formula",
            "A gate written over the inputs of its inputs. Measured: its F1 when evaluated on the deepest features "
            "alone, held out. Product: F1 of all its gates multiplied, as if every one had to be right; weakest "
            "path: the same along one path. Both are rules of thumb. Bounds: F1 cannot lie outside; if the errors "
            "of all gates add up, or those below only mend the gate's own.",
        ),
        (
            "control",
            "control",
            "Share of the same samples on which a random direction of the same norm does what the literal should.",
        ),
        (
            "seen-done",
            "seen, done",
            "Seen: held-out samples in this state. Done: samples of other states whose literals were set to this "
            "one in the original network. Fires: share of them on which the true feature does.",
        ),
        (
            "unexplained",
            "unexplained",
            "Gates for which neither a formula nor the weighted sum explains the output, of those that fire "
            "often enough to be read.",
        ),
    )
)
