"""Owns what a reading scores against what was planted."""

from dataclasses import dataclass

NO_KIND = "none"
BEATS = 0.05
"""A formula beats the best single input by this much held-out F1."""


@dataclass(frozen=True, slots=True)
class Edges:
    """Edges found against edges planted."""

    planted: int
    found: int
    hits: int
    signed: int
    """Hits whose planted sign is one of two."""
    signs: int
    """Of these, hits that have it."""

    def __add__(self, other: "Edges") -> "Edges":
        """Both together."""
        return Edges(
            *(getattr(self, n) + getattr(other, n) for n in ("planted", "found", "hits", "signed", "signs"))
        )

    @property
    def precision(self) -> float:
        """hits / found; 1 for none found."""
        return self.hits / self.found if self.found else 1.0

    @property
    def recall(self) -> float:
        """hits / planted; 1 for none planted."""
        return self.hits / self.planted if self.planted else 1.0

    @property
    def sign_accuracy(self) -> float:
        """Of hits with a planted sign, those that have it; 1 for none."""
        return self.signs / self.signed if self.signed else 1.0

    @property
    def f1(self) -> float:
        """2 hits / (planted + found); 1 for neither."""
        total = self.planted + self.found
        return 2 * self.hits / total if total else 1.0


NO_EDGES = Edges(0, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Score:
    """What one arm made of one case."""

    seed: int
    condition: str
    """Or another setting of the tier, as `rho 0.95`."""
    leak: float
    """Noise floor: weak activations per true firing."""
    kind: str
    """Planted kind."""
    arm: str
    support: int
    """Training samples on which the output fires."""
    claimed: bool
    """Whether a formula is claimed."""
    strict: bool
    """The formula is the planted Boolean function, on all assignments; for no gate: nothing is named falsely."""
    functional: bool
    """It fires on the same held-out samples as the planted one: Jaccard >= .97; for no gate as `strict`."""
    planted_class: str
    """Kind of the planted formula; `none` where there is no gate."""
    read_class: str
    """Kind of the formula that was read; `none` where none is claimed."""
    named: str | None
    """The arm's own name for the kind."""
    f1: float
    """Held-out F1 of the formula, claimed or not, against the true output; 0 for no formula."""
    f1_low: float
    """Lower end of the 95 % interval of `f1`, by a bootstrap over held-out samples."""
    f1_high: float
    length: float | None
    """Literals of the formula per literal planted; None where either has none."""
    milliseconds: float
    """CPU time of the reading."""
    tier: str = "true"
    feature: str = ""
    """The output feature."""
    seen: bool = False
    """The formula agrees with the planted one in every state that at least 5 training samples were in."""
    asserted: bool = False
    """Whether the arm by itself names a formula that is no constant, before any held-out check."""
    hedged: bool = False
    """Claimed with a caveat by held-out samples: F1 of .8 is not certain, or it demonstrably has other causes."""
    baseline: float = 0.0
    """Held-out F1 of the single input that is best on training samples."""
    literal_edges: Edges = NO_EDGES
    """Inputs of the claimed formula, and those an arm says only weaken it, against the planted inputs."""
    row_edges: Edges = NO_EDGES
    """Inputs of the row with |w| > .1 between unit-scale features, against the planted inputs."""
    falsely: bool = False
    """Where there is no gate: whether one is named all the same, in a way that misleads."""
    ceiling: float | None = None
    """Where there is no gate: held-out F1 of the best Boolean function of the inputs."""
    absent: int = 0
    """Inputs of the planted formula that the row does not have: no reader of the row can find them."""
    joint: int | None = None
    """Training samples with both the cause and the input that blocks or damps it; None for other kinds."""
    silenced: float | None = None
    """Of such gates: share of the joint firings that would make the output fire and in noise-free data do not."""
    match: float = 1.0
    """Correlation of the output feature with the planted output."""
    input_match: float = 1.0
    """The same of the worst matched planted input."""
    planted: str = ""
    """The planted formula."""
    read: str = ""
    """The formula that was read, claimed or not."""

    @property
    def beats(self) -> bool:
        """Whether the formula is better than the best single input by .05."""
        return self.claimed and self.f1 >= self.baseline + BEATS
