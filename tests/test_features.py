"""Feature identities as text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuitlogic.errors import ConfigError
from circuitlogic.features import FeatureId, site_name

_SITES = st.text("abzAZ019_.-", min_size=1, max_size=12)


@given(_SITES, st.integers(0, 999_999_999))
def test_parse_reads_what_str_writes(site: str, index: int) -> None:
    assert FeatureId.parse(str(FeatureId(site, index))) == FeatureId(site, index)


def test_a_site_may_be_written_as_in_a_config() -> None:
    assert FeatureId.parse("layers.2.mlp:in/7") == FeatureId("layers.2.mlp.in", 7)
    assert [site_name(text) for text in ("a.b:out", "a.b", "a:b")] == ["a.b.out", "a.b", "a:b"]
    with pytest.raises(ConfigError):
        FeatureId.parse("layers.2:mlp/7")


@given(st.text(max_size=12))
def test_any_other_text_is_refused_in_one_line(text: str) -> None:
    try:
        feature = FeatureId.parse(text)
    except ConfigError as error:
        assert str(error).isprintable()  # noqa: PT017
    else:
        site, index = text.split("/")
        assert (feature.site, feature.index) == (site_name(site), int(index))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "a/",
        "/1",
        "a/b",
        "a/-1",
        "a/1/2",
        "a b/1",
        "a/1\n",
        "\na/1",
        "a/١",
        "é/1",
        "../x/1",
        "a/1234567890",
    ],
)
def test_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is not a feature: write SITE/INDEX"):
        FeatureId.parse(text)


def test_order_is_by_site_then_number() -> None:
    shuffled = [FeatureId("b", 1), FeatureId("a", 10), FeatureId("a", 9)]
    assert sorted(shuffled) == [FeatureId("a", 9), FeatureId("a", 10), FeatureId("b", 1)]
