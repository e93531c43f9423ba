"""Matrices, curves, grids, sprites: sizes, colours, determinism, refusals."""

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from PIL import Image

from circuitlogic.errors import CircuitLogicError, ConfigError, DataError
from circuitlogic.render.images import image_grid, sprite_data_uri, to_pixels
from circuitlogic.render.matrices import Curve, matrix_animation, matrix_strip, pareto_curve, pooled


def snapshots(count: int = 3) -> list[NDArray[np.float64]]:
    rng = np.random.default_rng(0)
    return [rng.normal(0, 0.1, (6, 9)) for _ in range(count)]


def pixels(png: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


@given(
    arrays(np.float64, st.tuples(st.integers(1, 30), st.integers(1, 30)), elements=st.floats(-5, 5)),
    st.integers(1, 12),
)
def test_pooling_keeps_the_extremes_and_nothing_foreign(matrix: NDArray[np.float64], side: int) -> None:
    small = pooled(matrix, side)
    assert max(small.shape) <= side or small.shape == matrix.shape
    assert np.abs(small).max() == np.abs(matrix).max()
    assert np.isin(small, matrix).all()
    assert (np.count_nonzero(small) == 0) == (np.count_nonzero(matrix) == 0)


def test_a_single_edge_survives_pooling_with_its_sign_and_place() -> None:
    matrix = np.zeros((1000, 3000))
    matrix[500, 1500] = -0.7
    small = pooled(matrix, 100)
    assert small.shape == (100, 100)
    assert np.argwhere(small).tolist() == [[50, 50]]
    assert small[50, 50] == -0.7


def test_strip_is_a_png_the_same_every_time(tmp_path: Path) -> None:
    paths = [tmp_path / "a.png", tmp_path / "b.png"]
    for path in paths:
        matrix_strip(snapshots(), ["epoch 0", "epoch 1", "epoch 2"], path)
    first, second = (path.read_bytes() for path in paths)
    assert first == second
    assert first.startswith(b"\x89PNG")
    assert b"tEXt" not in first
    assert b"tIME" not in first


def test_strip_uses_one_scale_centred_at_zero(tmp_path: Path) -> None:
    strong, weak = np.full((4, 4), 1.0), np.full((4, 4), 0.01)
    matrix_strip([strong, weak, np.zeros((4, 4)), -strong], list("abcd"), tmp_path / "s.png")
    image = pixels((tmp_path / "s.png").read_bytes()).reshape(-1, 3).astype(int)
    blue = ((image[:, 2] > 120) & (image[:, 0] < 60)).sum()
    orange = ((image[:, 0] > 120) & (image[:, 2] < 60)).sum()
    panel = 150 * 150
    assert panel < blue < 3 * panel
    assert panel < orange < 3 * panel


def test_long_histories_show_the_first_the_last_and_the_middle(tmp_path: Path) -> None:
    base = snapshots(1)[0]
    many = [np.roll(base, shift, axis=1) for shift in range(9)]
    titles = [f"epoch {i}" for i in range(9)]
    matrix_strip(many, titles, tmp_path / "all.png", max_panels=3)
    matrix_strip(many[::4], titles[::4], tmp_path / "three.png")
    assert (tmp_path / "all.png").read_bytes() == (tmp_path / "three.png").read_bytes()


@pytest.mark.parametrize("title", ["$\\frac{", "<b>", "日本 😀 \x00", "$x^2$", "\\", ""])
def test_hostile_titles_are_only_text(tmp_path: Path, title: str) -> None:
    matrix_strip(snapshots(1), [title], tmp_path / "a.png")
    pareto_curve([Curve(title, ((1.0, 0.5), (2.0, 0.6)))], tmp_path / "b.png", 0.9, title)
    assert (tmp_path / "a.png").stat().st_size > 1000
    assert (tmp_path / "b.png").stat().st_size > 1000


def test_animation_has_a_frame_per_snapshot_and_loops(tmp_path: Path) -> None:
    for name in ("a.gif", "b.gif"):
        matrix_animation(snapshots(), ["0", "1", "2"], tmp_path / name, milliseconds=100)
    assert (tmp_path / "a.gif").read_bytes() == (tmp_path / "b.gif").read_bytes()
    with Image.open(tmp_path / "a.gif") as movie:
        assert movie.format == "GIF"
        assert movie.n_frames == 3  # type: ignore[attr-defined]
        assert movie.info["loop"] == 0
        assert movie.info["duration"] == 100


@pytest.mark.parametrize(
    ("matrices", "titles"),
    [
        ([], []),
        ([np.zeros((2, 2))], []),
        ([np.zeros(3)], ["a"]),
        ([np.zeros((0, 3))], ["a"]),
        ([np.array([[np.nan]])], ["a"]),
    ],
)
def test_matrices_that_make_no_picture(
    tmp_path: Path, matrices: list[NDArray[np.float64]], titles: list[str]
) -> None:
    for draw, name in ((matrix_strip, "a.png"), (matrix_animation, "a.gif")):
        with pytest.raises(DataError):
            draw(matrices, titles, tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_all_zero_matrices_can_be_drawn(tmp_path: Path) -> None:
    matrix_strip([np.zeros((3, 3))], ["empty"], tmp_path / "a.png")
    assert (tmp_path / "a.png").exists()


def test_pareto_draws_in_any_order_of_points(tmp_path: Path) -> None:
    points = ((10.0, 0.3), (100.0, 0.7), (1000.0, 0.9))
    pareto_curve([Curve("a", points, (0.1, 0.2, 0.3))], tmp_path / "a.png", reference=0.97)
    pareto_curve([Curve("a", points[::-1], (0.3, 0.2, 0.1))], tmp_path / "b.png", reference=0.97)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    pareto_curve([Curve("a", points)], tmp_path / "c.png")
    assert (tmp_path / "a.png").read_bytes() != (tmp_path / "c.png").read_bytes()


def test_pareto_can_start_at_no_edges(tmp_path: Path) -> None:
    pareto_curve([Curve("a", ((0.0, 0.1), (100.0, 0.7)))], tmp_path / "a.png")
    assert (tmp_path / "a.png").exists()


@pytest.mark.parametrize(
    "series",
    [
        [],
        [Curve("a", ())],
        [Curve("a", ((1.0, 0.5),), (0.1, 0.2))],
        [Curve("a", ((-1.0, 0.5),))],
        [Curve("a", ((1.0, float("nan")),))],
    ],
)
def test_pareto_refuses_nonsense(tmp_path: Path, series: list[Curve]) -> None:
    with pytest.raises(DataError):
        pareto_curve(series, tmp_path / "a.png")


def test_grey_images_run_from_black_to_white() -> None:
    shown = to_pixels(np.array([[[0.0, 0.5, 1.0]]]))
    assert shown[0, 0].tolist() == [[0, 0, 0], [128, 128, 128], [255, 255, 255]]
    bytes_like = to_pixels(np.array([[[0, 255]]], dtype=np.uint8))
    assert bytes_like[0, 0].tolist() == [[0, 0, 0], [255, 255, 255]]


def test_signed_images_are_orange_white_blue() -> None:
    negative, zero, positive = to_pixels(np.array([[[-2.0, 0.0, 2.0]]]))[0, 0].astype(int)
    assert negative[0] > negative[2] + 80
    assert zero.tolist() == [255, 255, 255]
    assert positive[2] > positive[0] + 80


def test_grid_places_tiles_row_by_row() -> None:
    images = np.arange(5)[:, None, None] / 4 * np.ones((1, 2, 3))
    shown = pixels(image_grid(images, 3, zoom=1))
    assert shown.shape == (2 * 2 + 1, 3 * 3 + 2, 3)
    for index in range(5):
        top, left = (index // 3) * 3, (index % 3) * 4
        assert (shown[top : top + 2, left : left + 3] == round(255 * index / 4)).all()


def test_grid_enlarges_small_tiles_by_whole_factors() -> None:
    image = np.eye(8)[None]
    shown = pixels(image_grid(image, 4))
    assert shown.shape == (56, 56, 3)
    assert (shown[::7, ::7, 0] == 255 * np.eye(8)).all()
    assert pixels(image_grid(np.zeros((1, 28, 28)), 1)).shape == (56, 56, 3)


def test_grid_is_written_and_returned_the_same_every_time(tmp_path: Path) -> None:
    images = np.random.default_rng(1).normal(size=(4, 5, 5))
    path = tmp_path / "grid.png"
    png = image_grid(images, 2, path)
    assert path.read_bytes() == png == image_grid(images, 2)
    assert png.startswith(b"\x89PNG")
    assert [child.name for child in tmp_path.iterdir()] == ["grid.png"]


@given(st.integers(1, 20), st.integers(1, 8))
def test_sprite_holds_every_image_where_it_says(count: int, columns: int) -> None:
    images = np.random.default_rng(count).integers(0, 256, (count, 3, 4)).astype(np.uint8)
    images[0, 0, 0] = 255
    uri = sprite_data_uri(images, columns)
    head, _, data = uri.partition(",")
    assert head == "data:image/png;base64"
    shown = pixels(base64.b64decode(data, validate=True))
    width = min(columns, count)
    for index, image in enumerate(images):
        top, left = 3 * (index // width), 4 * (index % width)
        assert (shown[top : top + 3, left : left + 4, 0] == image).all()


@pytest.mark.parametrize(
    ("images", "columns", "zoom", "error"),
    [
        (np.zeros((2, 2)), 1, None, DataError),
        (np.zeros((0, 2, 2)), 1, None, DataError),
        (np.full((1, 2, 2), np.inf), 1, None, DataError),
        (np.zeros((1, 2, 2)), 0, None, ConfigError),
        (np.zeros((1, 2, 2)), 1, 0, ConfigError),
    ],
)
def test_grids_refuse_nonsense(
    images: NDArray[np.float64], columns: int, zoom: int | None, error: type[CircuitLogicError]
) -> None:
    with pytest.raises(error):
        image_grid(images, columns, zoom=zoom)
