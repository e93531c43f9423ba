"""Owns the settings with their meanings as TOML; their docstrings in `circuitlogic.config.sections`."""

import ast
import inspect
import textwrap
from dataclasses import fields, is_dataclass
from typing import Any

from circuitlogic.config import StudyConfig, config_to_toml, sections

_WIDTH = 100


def documented_toml(config: StudyConfig) -> str:
    """`config` as TOML with every setting explained; one without a value is there as a comment."""
    meanings = setting_meanings()
    values = _values_as_toml(config)
    lines: list[str] = []
    tables: list[Any] = []
    for f in fields(config):
        value = getattr(config, f.name)
        if is_dataclass(value):
            tables.append((f.name, value))
        else:
            lines += _setting(f.name, f.name, values, meanings["StudyConfig"])
    for name, table in tables:
        kind = type(table)
        lines += ["", f"# {inspect.getdoc(kind)}", f"[{name}]"]
        for f in fields(kind):
            lines += _setting(f.name, f"{name}.{f.name}", values, meanings[kind.__name__])
    return "\n".join(lines) + "\n"


def _setting(name: str, dotted: str, values: dict[str, str], meanings: dict[str, str]) -> list[str]:
    wrapped = textwrap.wrap(" ".join(meanings.get(name, "").split()), _WIDTH)
    comment = [f"# {line}" for line in wrapped]
    return [*comment, f"{name} = {values[dotted]}" if dotted in values else f"# {name} ="]


def _values_as_toml(config: StudyConfig) -> dict[str, str]:
    """Dotted name -> value, as `config_to_toml` writes it."""
    found: dict[str, str] = {}
    table = ""
    for line in config_to_toml(config).splitlines():
        if line.startswith("["):
            table = f"{line.strip('[]')}."
        elif line:
            name, _, value = line.partition(" = ")
            found[table + name] = value
    return found


def setting_meanings() -> dict[str, dict[str, str]]:
    """Class name -> field name -> the string literal below the field."""
    tree = ast.parse(inspect.getsource(sections))
    return {node.name: _field_docs(node) for node in tree.body if isinstance(node, ast.ClassDef)}


def _field_docs(node: ast.ClassDef) -> dict[str, str]:
    found: dict[str, str] = {}
    for above, below in zip(node.body, node.body[1:], strict=False):
        if not (isinstance(above, ast.AnnAssign) and isinstance(above.target, ast.Name)):
            continue
        match below:
            case ast.Expr(value=ast.Constant(value=str(text))):
                found[above.target.id] = text
            case _:
                continue
    return found
