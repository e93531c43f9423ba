"""Machine code is kept for exactly the source it was made from."""

from pathlib import Path

import pytest

import circuitlogic
from circuitlogic.compiling import COMPILES, cache_folder, content_of

PACKAGE = Path(circuitlogic.__file__).parent


def test_code_is_kept_for_the_content_of_a_whole_package(tmp_path: Path) -> None:
    for name in ("kernel.py", "callee.py"):
        (tmp_path / name).write_text("A = 1\n")
    first = content_of(tmp_path)
    content_of.cache_clear()
    assert content_of(tmp_path) == first
    (tmp_path / "callee.py").write_text("A = 2\n")
    content_of.cache_clear()
    assert content_of(tmp_path) != first


def test_kernels_of_one_package_share_a_key_and_others_do_not() -> None:
    logic, extract = PACKAGE / "logic", PACKAGE / "extract"
    one = cache_folder(logic / "compiled" / "judging.py").name
    assert one == cache_folder(logic / "verdicts.py").name == f"kernels-{content_of(logic)}"
    assert one != cache_folder(extract / "compiled_listing.py").name


def test_a_file_of_its_own_is_keyed_by_itself(tmp_path: Path) -> None:
    alone = tmp_path / "kernel.py"
    alone.write_text("A = 1\n")
    assert cache_folder(alone).name == f"kernels-{content_of(alone)}"


@pytest.mark.skipif(not COMPILES, reason="Numba is not installed")
def test_numba_keeps_code_there() -> None:
    from circuitlogic.logic.compiled import judging

    kept = judging._judge.stats.cache_path  # type: ignore[attr-defined]
    assert cache_folder(Path(judging.__file__)) in Path(kept).parents
