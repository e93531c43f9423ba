"""Owns the table of substituted networks: its lines, their order and its columns."""

from dataclasses import dataclass

from circuitlogic.report.columns import TableColumn
from circuitlogic.report.numbers import NONE, count, nats, share, small, split_name
from circuitlogic.report.rows import StudyView, VariantRow
from circuitlogic.verify.scores import ABLATIONS, BEFORE_TUNING, ORIGINAL


@dataclass(frozen=True, slots=True)
class NetworkLine:
    """The original or a substituted network in one line; what does not exist is None."""

    name: str
    thresholded: str
    edges: int | None
    accuracy: float | None
    agreement: float | None
    kl: float | None
    loss: float
    recovered: float | None
    recovered_mean: float | None
    is_final: bool = False


def network_lines(view: StudyView, every_split: bool = True) -> tuple[NetworkLine, ...]:
    """The original on each split (or that of the substitutes alone), then every substituted network.

    The original, and what ablating leaves of it, come before what stands between the two; what tuning changed
    stands below what it was.
    """
    final = view.variants[-1].scores
    lines = [
        NetworkLine(
            f"{ORIGINAL}, {split_name(one.split)}" if one.split != final.split else ORIGINAL,
            *("", None, one.accuracy, None, None, one.loss, None, None),
        )
        for one in view.header.scores
        if every_split or one.split == final.split
    ]
    return (*lines, *(_line(row, row is view.final) for row in _in_order(view.variants)))


def _line(row: VariantRow, is_final: bool) -> NetworkLine:
    s = row.scores
    numbers = (s.accuracy, s.agreement, s.kl, s.loss, s.loss_recovered, s.loss_recovered_mean)
    cut = "after" if row.thresholded else "before"
    return NetworkLine(row.name, "" if row.edges is None else cut, row.edges, *numbers, is_final=is_final)


def _in_order(rows: tuple[VariantRow, ...]) -> list[VariantRow]:
    """As measured, but for the lines that say what the others are to be held against; the last stays the last."""
    stretches = list(dict.fromkeys(_stretch(row) for row in rows))
    names = list(dict.fromkeys(row.name.removesuffix(BEFORE_TUNING) for row in reversed(rows)))[::-1]

    def key(row: VariantRow) -> tuple[bool, int, bool, int, bool]:
        name = row.name.removesuffix(BEFORE_TUNING)
        return (
            row.name != ORIGINAL,
            stretches.index(_stretch(row)),
            not name.endswith(ABLATIONS),
            names.index(name),
            name == row.name,
        )

    return [*sorted(rows[:-1], key=key), rows[-1]]


def _stretch(row: VariantRow) -> str:
    """Of a study of several: the part of the name before the colon."""
    return row.name.rpartition(": ")[0]


NETWORK_COLUMNS: tuple[TableColumn[NetworkLine], ...] = (
    TableColumn("network", lambda r: r.name, is_word=True, least=22),
    TableColumn("thresholded", lambda r: r.thresholded, importance=5, is_word=True),
    TableColumn("edges", lambda r: NONE if r.edges is None else count(r.edges), "edges"),
    TableColumn("accuracy", lambda r: share(r.accuracy), "accuracy"),
    TableColumn("agrees", lambda r: share(r.agreement), "agreement"),
    TableColumn("KL", lambda r: NONE if r.kl is None else small(r.kl), "kl", 3),
    TableColumn("loss", lambda r: nats(r.loss), "loss", 2),
    TableColumn("recovered", lambda r: share(r.recovered), "loss-recovered", 1),
    TableColumn("(mean)", lambda r: share(r.recovered_mean), "loss-recovered", 4),
)
