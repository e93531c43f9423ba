"""How fast rows are read as gates: plain and compiled loops in turn, on one planted sparse connector."""

from dataclasses import dataclass, replace
from statistics import median
from time import process_time

import numpy as np
import scipy.sparse as sp
from rich.table import Table

from circuitlogic.errors import ConfigError
from circuitlogic.extract.row_activity import Edges, SiteFeatures, Split
from circuitlogic.extract.row_reading import RowReader, Rows, settled_memory
from circuitlogic.logic.activity import FloatArray, IntArray, ReadingOptions
from circuitlogic.logic.gate import Gate
from circuitlogic.logic.loops import kernels
from circuitlogic.progress import SILENT, Progress

_BLOCK = 50
_WARM = 20
_RATES = (2e-3, 2e-2)
_EDGES = 12
_BIAS = -0.2
_SPURIOUS = 0.05
_VETO = -3.0
_LARGE = 100_000


@dataclass(frozen=True, slots=True)
class ReadSpeed:
    """What reading one connector cost, in CPU time of one process."""

    rows: int
    samples: int
    inputs: int
    seed: int
    plain_ms: float
    """Median over blocks of rows, per row."""
    compiled_ms: float
    """The same with compiled loops; of plain ones where Numba is missing."""
    ratio: float
    """Median over blocks of plain over compiled, each block being read by both in turn."""
    warming_s: float
    """CPU time of the first rows by compiled loops: compiling them, or loading them from disk."""
    equal: bool
    """Whether both gave the same gates."""


def measure_reading(
    rows: int = 2000, samples: int = _LARGE, inputs: int = 2000, seed: int = 0, progress: Progress = SILENT
) -> ReadSpeed:
    """Read a planted connector by both sets of loops.

    Raises:
        ConfigError: too few rows, samples or inputs.
    """
    if rows < 2 * _BLOCK or samples < 1000 or inputs < _EDGES:
        raise ConfigError(f"give at least {2 * _BLOCK} rows, 1000 samples and {_EDGES} inputs")
    plain = planted_rows(rows, samples, inputs, seed)
    readers = [RowReader(replace(plain, options=ReadingOptions(compiled=c))) for c in (False, True)]
    warming = [_read(reader, range(_WARM))[1] for reader in readers]
    times: list[list[float]] = []
    equal = True
    blocks = [range(at, min(at + _BLOCK, rows)) for at in range(0, rows, _BLOCK)]
    for block in progress.track(blocks, "reading rows", len(blocks)):
        (one, spent), (other, less) = (_read(reader, block) for reader in readers)
        equal = equal and one == other
        times.append([1000 * spent / len(block), 1000 * less / len(block)])
    plain_ms, compiled_ms = (median(column) for column in zip(*times, strict=True))
    ratio = median(a / b for a, b in times)
    return ReadSpeed(rows, samples, inputs, seed, plain_ms, compiled_ms, ratio, warming[1], equal)


def _read(reader: RowReader, rows: range) -> tuple[list[Gate], float]:
    start = process_time()
    with settled_memory():
        gates = [reader.read(index) for index in rows]
    return gates, process_time() - start


def planted_rows(rows: int, samples: int, inputs: int, seed: int) -> Rows:
    """A connector whose outputs are really computed by it: 1 to 5 strong inputs, some with a veto, and weak others.

    Inputs are independent, fire at 0.2 % to 2 % and have log-normal magnitudes.
    """
    rng = np.random.default_rng([seed, inputs, rows])
    weight = _planted_weight(rows, inputs, rng)
    rates = np.exp(rng.uniform(np.log(_RATES[0]), np.log(_RATES[1]), inputs))
    splits: list[Split] = []
    for _ in range(2):
        source = _activations(rates, samples, rng)
        target = sp.csr_array(source @ weight.T)
        target.data = np.maximum(target.data + _BIAS, 0.0)
        target.eliminate_zeros()
        splits.append(Split(SiteFeatures("a", source), SiteFeatures("b", sp.csc_array(target))))
    unit = np.asarray(weight.data, dtype=np.float64)
    edges = Edges("a", "b", weight, unit, np.full(rows, _BIAS), np.ones(inputs), np.ones(rows))
    return Rows(edges, splits[0], splits[1], ReadingOptions())


def _planted_weight(rows: int, inputs: int, rng: np.random.Generator) -> sp.csr_array:
    at: list[IntArray] = []
    values: list[FloatArray] = []
    for _ in range(rows):
        strong = int(rng.integers(1, 6))
        weights = np.concatenate((np.ones(strong), rng.normal(0.0, _SPURIOUS, _EDGES - strong)))
        if strong > 1 and rng.random() < 0.25:
            weights[1] = _VETO
        order = np.sort(rng.choice(inputs, _EDGES, replace=False))
        at.append(order)
        values.append(rng.permutation(weights))
    starts = np.arange(0, rows * _EDGES + 1, _EDGES)
    return sp.csr_array((np.concatenate(values), np.concatenate(at), starts), shape=(rows, inputs))


def _activations(rates: FloatArray, samples: int, rng: np.random.Generator) -> sp.csc_array:
    fired = [np.sort(rng.choice(samples, max(1, int(rate * samples)), replace=False)) for rate in rates]
    starts = np.cumsum([0, *(where.size for where in fired)])
    values = np.exp(0.5 * rng.standard_normal(int(starts[-1])))
    return sp.csc_array((values, np.concatenate(fired), starts), shape=(samples, rates.size))


def draw_speed(speed: ReadSpeed) -> Table:
    """The measurement as a table."""
    table = Table()
    for name in ("loops", "ms per row", "100,000 rows, one core", "speed"):
        table.add_column(name, justify="left" if name == "loops" else "right")
    names = (
        "plain",
        "compiled" if kernels(compiled=True) is not kernels(compiled=False) else "compiled: missing",
    )
    ratios = 1.0, speed.ratio
    for name, ms, ratio in zip(names, (speed.plain_ms, speed.compiled_ms), ratios, strict=True):
        table.add_row(name, f"{ms:.2f}", f"{ms * _LARGE / 1000:.0f} s", f"x{ratio:.2f}")
    same = "the same gates" if speed.equal else "DIFFERENT gates"
    table.caption = (
        f"{speed.rows} rows of {_EDGES} inputs, {speed.samples} samples to read and as many to judge, seed "
        f"{speed.seed}; {same}; CPU time, median of blocks read in turn; {speed.warming_s:.1f} s to compile or load"
    )
    return table
