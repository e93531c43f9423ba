"""The house itself: who may import whom, what is banned, how large things may be, what a file says of itself."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "circuitlogic"

LAYERS = (
    "__main__",
    "cli",
    "benchmarks",  # its experiments end in a report, so it stands above report/, not among the measures
    "report",
    "pipeline",
    "stages",  # one file per stage; study.py below knows folders and hashes, not what is in them
    "study",
    "render",
    "verify",
    "extract",
    "graph",
    "substitute",
    "connectors",
    "saes",
    "networks",  # above activations: the Network protocol speaks of sites
    "activations",
    "datasets",
    "logic",
    "features",
    "config",
    "compiling",
    "tensor_files",
    "json_files",
    "whole_files",
    "csv_text",
    "progress",
    "registry",
    "errors",
    "__init__",  # the version alone
)
"""From the roof to the ground: a file imports its own layer and those below it."""

PURE = {
    "logic": {"logic", "features", "compiling", "registry", "errors"},
    "features": {"errors"},
    "config": {"config", "errors"},
}
"""What these may import of the package: a person reads the theory without the rest."""

HEAVY = {"torch", "sympy", "networkx", "pandas", "pyarrow", "matplotlib", "graphviz", "sklearn", "numba"}
LIGHT = {"cli", "errors", "registry", "features", "progress", "config", "study", "__init__", "__main__"}
"""Layers that import nothing heavy at the top of a file: the command line must start at once."""

LONGEST_FILE = 500
LONGEST_FUNCTION = 60
LONG_FUNCTIONS: dict[str, str] = {}
"""`module:function` -> why it may be longer."""

EMPTY_NAMES = {"util", "utils", "helper", "helpers", "misc", "manager", "fns", "stuff"}


def _paths() -> list[Path]:
    return sorted((ROOT / PACKAGE).rglob("*.py"))


def _module(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


@cache
def _nodes(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(_tree(path)))


FILES = {_module(path): path for path in _paths()}


def _layer(module: str) -> str:
    return module.split(".")[1] if "." in module else "__init__"


def _imported(nodes: tuple[ast.AST, ...] | list[ast.AST]) -> Iterator[str]:
    """Every module that the import statements among `nodes` load."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            whole = node.module or ""
            for alias in node.names:
                yield f"{whole}.{alias.name}" if f"{whole}.{alias.name}" in FILES else whole


def _own_imports(module: str) -> set[str]:
    found = set(_imported(_nodes(FILES[module])))
    return {name for name in found if name.split(".")[0] == PACKAGE}


def _for_types_only(path: Path) -> set[ast.AST]:
    """What stands under `if TYPE_CHECKING:`, which no run executes."""
    blocks = (n for n in _nodes(path) if isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING")
    return {inner for block in blocks for statement in block.body for inner in ast.walk(statement)}


def _run_on_import(path: Path) -> list[ast.AST]:
    """What an import of the file runs: all but the bodies of functions and what is there for types only."""
    functions = (n for n in _nodes(path) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))
    later = {inner for function in functions for statement in function.body for inner in ast.walk(statement)}
    return [node for node in _nodes(path) if node not in later | _for_types_only(path)]


def test_every_layer_is_on_the_list_and_every_import_names_a_file():
    assert {_layer(module) for module in FILES} == set(LAYERS)
    assert len(set(LAYERS)) == len(LAYERS)
    assert {name for module in FILES for name in _own_imports(module)} <= set(FILES)


@pytest.mark.parametrize("layer", LAYERS)
def test_imports_point_down(layer: str):
    allowed = set(LAYERS[LAYERS.index(layer) :])
    wrong = [
        f"{module} imports {name}"
        for module in FILES
        if _layer(module) == layer
        for name in _own_imports(module)
        if _layer(name) not in allowed
    ]
    assert wrong == []


@pytest.mark.parametrize("layer", PURE)
def test_the_ground_floor_stands_alone(layer: str):
    modules = [module for module in FILES if _layer(module) == layer]
    assert {_layer(name) for module in modules for name in _own_imports(module)} <= PURE[layer]
    foreign = {name.split(".")[0] for module in modules for name in _imported(_nodes(FILES[module]))}
    assert not foreign & {"torch", "safetensors", "pandas", "pyarrow", "rich", "typer"}


def test_no_import_cycles_between_files():
    edges: dict[str, set[str]] = {}
    for module, path in FILES.items():
        types = _for_types_only(path)
        names = set(_imported([node for node in _nodes(path) if node not in types]))
        edges[module] = (names & set(FILES)) - {module}
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        pytest.fail(f"these files import each other: {' -> '.join(error.args[1])}")


@pytest.mark.parametrize("layer", sorted(LIGHT))
def test_light_layers_import_nothing_heavy_at_the_top(layer: str):
    top = {
        f"{module} imports {name}"
        for module, path in FILES.items()
        if _layer(module) == layer
        for name in _imported(_run_on_import(path))
        if name.split(".")[0] in HEAVY
    }
    assert not top


def _calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    for node in _nodes(path):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def _keywords(call: ast.Call) -> dict[str | None, str]:
    return {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}


BANNED_CALLS = {"print", "eval", "exec", "compile", "__import__", "input", "breakpoint"}
BANNED_ENDS = ("sympify", "parse_expr", "manual_seed_all", "os.system")
BANNED_GLOBAL_RANDOM = ("torch.manual_seed", "torch.seed", "np.random.seed", "random.seed")
BANNED_MODULES = {"pickle", "cPickle", "dill", "joblib", "shelve", "marshal", "click"}


def _offences(tree_path: Path) -> Iterator[str]:
    for name, call in _calls(tree_path):
        where = f"{tree_path.name}:{call.lineno} {name}"
        given = _keywords(call)
        if name in BANNED_CALLS or name in BANNED_GLOBAL_RANDOM or name.endswith(BANNED_ENDS):
            yield where
        if name == "torch.load" and given.get("weights_only") != "True":
            yield f"{where} without weights_only=True"
        if name in ("np.load", "np.save", "numpy.load") and given.get("allow_pickle") != "False":
            yield f"{where} without allow_pickle=False"
        if given.get("shell") == "True":
            yield f"{where} with a shell"
    for node in _nodes(tree_path):
        if isinstance(node, ast.ExceptHandler) and node.type is None:
            yield f"{tree_path.name}:{node.lineno} bare except"
        if isinstance(node, ast.Assert):
            yield f"{tree_path.name}:{node.lineno} assert"
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from (
                f"{tree_path.name}:{node.lineno} imports {name}"
                for name in _imported([node])
                if name.split(".")[0] in BANNED_MODULES
            )


def test_nothing_banned_in_the_package():
    assert [offence for path in FILES.values() for offence in _offences(path)] == []


BAD_CODE = """
import pickle
from click import echo
print(1)
eval("1")
sympy.sympify(text)
torch.load(path)
torch.load(path, weights_only=False)
np.load(path)
torch.manual_seed(0)
subprocess.run("ls", shell=True)
assert path
try:
    pass
except:
    pass
"""


def test_the_ban_sees_what_it_bans(tmp_path: Path):
    bad = tmp_path / "bad.py"
    bad.write_text(BAD_CODE)
    assert len(list(_offences(bad))) == 12
    good = tmp_path / "good.py"
    good.write_text("torch.load(p, weights_only=True)\nnp.load(p, allow_pickle=False)\nmodel.eval()\n")
    assert list(_offences(good)) == []


def test_files_and_functions_are_short():
    long_files = [m for m, path in FILES.items() if path.read_text().count("\n") > LONGEST_FILE]
    found = {
        f"{module}:{node.name}"
        for module, path in FILES.items()
        for node in _nodes(path)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > LONGEST_FUNCTION
    }
    assert long_files == []
    assert found == set(LONG_FUNCTIONS)


def test_every_file_says_what_it_owns():
    texts = {module: ast.get_docstring(_tree(path)) or "" for module, path in FILES.items()}
    assert [module for module, text in texts.items() if len(text) < 15] == []
    commands = {module for module in FILES if module.startswith(f"{PACKAGE}.cli.commands.")}
    spoken = [text for module, text in texts.items() if module not in commands]
    assert len(set(spoken)) == len(spoken)


def test_every_public_name_has_a_docstring():
    silent = [
        f"{module}:{node.name}"
        for module, path in FILES.items()
        for node in _nodes(path)
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
        if not ast.get_docstring(node) and not _is_inside_something_private(node, path)
    ]
    assert silent == []


def _is_inside_something_private(node: ast.AST, path: Path) -> bool:
    """Methods of private classes, and functions within functions."""
    holders = (n for n in _nodes(path) if isinstance(n, ast.FunctionDef | ast.ClassDef) and n is not node)
    around = (n for n in holders if any(inner is node for inner in ast.walk(n)))
    return any(n.name.startswith("_") or isinstance(n, ast.FunctionDef) for n in around)


def test_no_empty_names():
    parts = {part for path in FILES.values() for part in path.relative_to(ROOT).with_suffix("").parts}
    words = {word for part in parts for word in part.strip("_").split("_")}
    assert not words & EMPTY_NAMES


def test_the_command_line_starts_without_the_heavy_libraries():
    """Importing it; that `--help` stays as light is in test_cli_entry."""
    code = "import sys, circuitlogic.cli.entry; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60, cwd=ROOT
    )
    loaded = set(done.stdout.split())
    assert {"circuitlogic", "typer"} <= loaded
    assert not loaded & (HEAVY | {"numpy", "scipy", "jinja2", "pydantic"})


MACHINE_PATH = re.compile(r"""(?<![\w.\-/}])/(?:home|Users|root|work|opt|mnt|srv|tmp|var)/\w""")
OUTSIDE = re.compile(r"\.\./shared|\b(?:claude|anthropic|chatgpt|sub-?agents?|this session)\b", re.IGNORECASE)


def _tracked_text() -> dict[str, str]:
    """Tracked text files by name; what is not there (an unpacked archive has no history) is taken from disk."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    names = [name for name in listed.stdout.decode().split("\0") if name]
    if listed.returncode or not names:
        names = [str(p.relative_to(ROOT)) for p in (*_paths(), *sorted((ROOT / "tests").glob("*.py")))]
    found: dict[str, str] = {}
    for name in names:
        try:
            found[name] = (ROOT / name).read_text(encoding="utf-8")
        except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
            continue
    return found


def test_no_machine_and_no_maker_in_tracked_files():
    texts = _tracked_text()
    assert f"{PACKAGE}/errors.py" in texts
    for spoken_to_a_machine in (f"tests/{Path(__file__).name}", ".ci/run"):
        texts.pop(spoken_to_a_machine, None)
    found = [
        f"{name}: {match.group()}"
        for name, text in texts.items()
        for pattern in (MACHINE_PATH, OUTSIDE)
        for match in pattern.finditer(text)
    ]
    assert found == []


def test_the_machine_path_is_recognised():
    assert MACHINE_PATH.search('cd "/home/ann/runs"')
    assert MACHINE_PATH.search("at /opt/tool")
    assert not MACHINE_PATH.search("runs/tmp/x, https://host/home/x, {root}/var/x")
