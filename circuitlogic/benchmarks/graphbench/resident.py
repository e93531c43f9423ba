"""What an opened graph costs in memory: measured in a process of its own, after a hundred questions."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from circuitlogic.errors import DataError

_STATM = Path("/proc/self/statm")
_CODE = "import sys; from circuitlogic.benchmarks.graphbench.resident import ask; ask(*sys.argv[1:])"


def resident_bytes() -> int:
    """Memory of this process that is in RAM; 0 where the system does not say."""
    import resource

    return int(_STATM.read_text().split()[1]) * resource.getpagesize() if _STATM.exists() else 0


def resident_after(folder: Path, asked: Sequence[tuple[str, int | None, float]]) -> int:
    """Growth in bytes of a fresh process that opens the graph and asks for these ancestors.

    Raises:
        DataError: the process failed; says how.
    """
    command = [sys.executable, "-c", _CODE, str(folder), json.dumps(asked)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise DataError(f"measuring memory failed: {done.stderr.strip().splitlines()[-1]}")
    return int(done.stdout)


def ask(folder: str, asked: str) -> None:
    """In the fresh process: libraries loaded and kernels warm before the first look at memory."""
    import numpy as np

    from circuitlogic.graph.columns import EdgeArrays
    from circuitlogic.graph.store import FeatureGraph
    from circuitlogic.graph.walks import engine

    with engine("compiled"):
        one = np.ones(1)
        edges = EdgeArrays(np.zeros(1, np.int64), np.ones(1, np.int64), one, one)
        FeatureGraph.from_edges(("a", "b"), (1, 1), edges).ancestors("b/0")
        before = resident_bytes()
        graph = FeatureGraph.open(Path(folder))
        for feature, depth, above in json.loads(asked):
            graph.ancestors(feature, depth=depth, min_weight=above)
        sys.stdout.write(str(resident_bytes() - before))
