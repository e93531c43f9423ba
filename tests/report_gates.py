"""Gates for report tests: the two of the project's seed, with the evidence they could have."""

from circuitlogic.features import FeatureId
from circuitlogic.logic.formula import And, Formula, Literal, Not, Or
from circuitlogic.logic.gate import Evidence, Gate, GateInput, Interval, RunnerUp, TableRow

FORMER, OLD, YOUNG = (FeatureId("layers.1.mlp.in", i) for i in (2797, 259, 946))
SAID, QUOTED = FeatureId("layers.1.mlp.in", 3021), FeatureId("layers.1.mlp.in", 729)
OF30, OF505 = FeatureId("layers.1.mlp.out", 30), FeatureId("layers.1.mlp.out", 505)
LABELS = {FORMER: "former", OLD: "old", YOUNG: "young", SAID: "said", QUOTED: "said after quotes"}


def evidence(f1: float = 0.93, support: int = 200, baseline: float = 0.6, r2: float = 0.9) -> Evidence:
    """Held-out scores around one F1."""
    return Evidence(
        samples=2000,
        support=support,
        precision=f1,
        recall=f1,
        f1=f1,
        f1_interval=Interval(f1 - 0.04, f1 + 0.03),
        mcc=f1,
        coverage=1.0,
        r2=r2,
        connector_f1=0.9,
        ceiling_f1=0.95,
        baseline_f1=baseline,
        train_f1=f1,
    )


def gate(
    feature: FeatureId,
    kind: str,
    formula: Formula | None,
    weights: dict[FeatureId, float],
    scores: Evidence | None = None,
    flags: tuple[str, ...] = (),
) -> Gate:
    """A gate with a truth table of two states."""
    inputs = tuple(GateInput(f, w, w / 2, 0.1, 0.05) for f, w in weights.items())
    table = () if formula is None else (TableRow((False,) * len(weights), 1800, 9, 0.01, False),)
    return Gate(feature, kind, formula, inputs, 0.0, 0.1, 1.0, scores, table, flags)


def of30() -> Gate:
    """0.26 former + 0.23 old + 0.10 young: a weighted OR."""
    formula = Or((Literal(FORMER), Literal(OLD), Literal(YOUNG)))
    return gate(OF30, "or", formula, {FORMER: 0.26, OLD: 0.23, YOUNG: 0.10}, evidence())


def of505() -> Gate:
    """0.68 said - 0.21 said after quotes: A and not B."""
    formula = And((Literal(SAID), Not(Literal(QUOTED))))
    found = gate(
        OF505,
        "and-not",
        formula,
        {SAID: 0.68, QUOTED: -0.21},
        evidence(0.82),
        (f"subset:{QUOTED}<{SAID}", "weak"),
    )
    return Gate(
        **{
            **{name: getattr(found, name) for name in Gate.__slots__},
            "runner_up": RunnerUp(Literal(SAID), "copy", 0.7),
        }
    )
