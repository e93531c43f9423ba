"""Owns how a benchmark's page is made: a Markdown template filled with what was measured, and its file."""

from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from circuitlogic.whole_files import write_bytes


def write_page(path: Path, template: str, **measured: object) -> Path:
    """Fill one of `templates/` and write it to `path`."""
    loader = PackageLoader("circuitlogic.benchmarks")
    environment = Environment(loader=loader, undefined=StrictUndefined, autoescape=False)  # noqa: S701 Markdown
    text = environment.get_template(template).render(measured)
    write_bytes(path, (text.rstrip() + "\n").encode())
    return path
