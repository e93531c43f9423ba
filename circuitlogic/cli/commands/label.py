"""`circuitlogic label`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from circuitlogic.cli.options import Output, StudyArgument, output_options
from circuitlogic.errors import ConfigError, DataError
from circuitlogic.features import FeatureId


@output_options
def label(
    study: StudyArgument,
    feature: Annotated[
        str | None, typer.Argument(metavar="[FEATURE]", help="As SITE/INDEX.", show_default=False)
    ] = None,
    text: Annotated[
        str | None, typer.Argument(metavar="[TEXT]", help="What to call it.", show_default=False)
    ] = None,
    remove: Annotated[
        bool, typer.Option("--remove", help="Take the written label back; the automatic one shows again.")
    ] = False,
    source: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="FILE.json",
            help="Labels of many features: {FEATURE: TEXT}.",
            show_default=False,
        ),
    ] = None,
    *,
    output: Output,
) -> None:
    """List labels, or write one down; written labels stay when the study is made again.

    Example: circuitlogic label runs/novels gpt_neox.layers.2.mlp.out/505 "said, no quote before"
    """
    from circuitlogic.stages.labels import known_feature, write_labels
    from circuitlogic.study import Study

    opened = Study.open(study)
    changes = _changes(feature, text, remove, source)
    if changes:
        write_labels(opened, changes, _sizes(opened))
        done = "removed from" if remove else "written to"
        output.streams.say(f"{len(changes)} label{'s' if len(changes) > 1 else ''} {done} {study}")
        return
    _list(opened, None if feature is None else known_feature(feature, _sizes(opened)), output)


def _sizes(study: Any) -> dict[str, int]:
    """Features of each site."""
    from circuitlogic.stages.extracted import load_graph

    graph = load_graph(study)
    return dict(zip(graph.sites, graph.site_sizes, strict=True))


def _changes(
    feature: str | None, text: str | None, remove: bool, source: Path | None
) -> dict[str, str | None]:
    """What to write; empty if labels are to be listed.

    Raises:
        ConfigError: options that contradict each other.
        DataError: `source` is no table of texts.
    """
    given = [text is not None, remove, source is not None]
    if sum(given) > 1:
        raise ConfigError("give a text, --remove or --from, only one of them")
    if source is not None:
        if feature is not None:
            raise ConfigError("--from names its features itself: leave out FEATURE")
        return dict(_table(source))
    if not any(given):
        return {}
    if feature is None:
        raise ConfigError("name the feature whose label is meant")
    return {feature: None if remove else text}


def _table(path: Path) -> dict[str, str]:
    from circuitlogic.json_files import read_json

    value: dict[str, Any] = read_json(path)
    labels = value.get("labels", value)
    if not isinstance(labels, dict) or not all(isinstance(text, str) for text in labels.values()):
        raise DataError(f'{path} holds no labels: write {{"SITE/INDEX": "text", ...}}')
    return labels


def _list(study: Any, feature: FeatureId | None, output: Output) -> None:
    from circuitlogic.cli.listing import Listing, write_listing
    from circuitlogic.stages.labels import load_labels, written_labels

    written = written_labels(study)
    rows = [
        {"feature": name, "label": text, "by": "written" if name in written else "automatic"}
        for name, text in load_labels(study).items()
        if feature is None or name == str(feature)
    ]
    nothing = f"{feature} has no label" if feature is not None and not rows else ""
    about = {"study": str(study.root)}
    write_listing(Listing("label", ("feature", "label", "by"), rows, about=about, empty=nothing), output)
