"""The settings that the unwrapping page prints are the recipe that the benchmark runs."""

import re
import tomllib
from dataclasses import replace
from importlib.resources import files

from circuitlogic.benchmarks.unwrap.rungs import BUDGET, JOINT, base_config
from circuitlogic.config import StudyConfig, config_from_mapping


def test_printed_settings_are_the_recipe() -> None:
    page = files("circuitlogic.benchmarks") / "templates" / "unwrapping.md.j2"
    found = re.search(r"```toml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    printed = config_from_mapping(tomllib.loads(found.group(1)))
    recipe = replace(base_config(StudyConfig(), "matched"), tune=replace(JOINT, edges=BUDGET))
    assert printed == recipe
