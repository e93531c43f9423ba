"""What an opened graph costs in memory: measured in a process of its own, after a hundred questions."""

import json
import subprocess
import sys
import tempfile
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
    """In the fresh process: libraries loaded and kernels warm (for arrays on disk) before the first look."""
    from circuitlogic.benchmarks.graphbench.hubs import Shape, hub_edges
    from circuitlogic.graph.store import FeatureGraph
    from circuitlogic.graph.walks import engine

    small = Shape(2, 64, 4_096)
    with engine("compiled"), tempfile.TemporaryDirectory() as scratch:
        FeatureGraph.from_edges(small.names, small.sizes, hub_edges(small, 0)).save(Path(scratch))
        warm = FeatureGraph.open(Path(scratch))
        warm.ancestors(f"{small.names[-1]}/0", min_weight=0.2, depth=2)
        before = resident_bytes()
        graph = FeatureGraph.open(Path(folder))
        for feature, depth, above in json.loads(asked):
            graph.ancestors(feature, depth=depth, min_weight=above)
        sys.stdout.write(str(resident_bytes() - before))
