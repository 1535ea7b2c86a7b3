"""Figures of what is inside a network: what they draw, and what they say in words."""

import numpy as np
import pytest
import torch

from mtl_lesson import show

X = torch.rand(3, 3, 8, 8, generator=torch.Generator().manual_seed(0))
ONE = torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(1)) - 0.5
OTHER = torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(2)) - 0.5


def images(drawing):
    return [np.asarray(image.get_array()) for image in drawing.figure.axes[0].images]


def texts(drawing):
    return [text.get_text() for text in drawing.figure.axes[0].texts]


def test_every_picture_has_a_map_for_each_task_and_for_the_difference():
    drawing = show.attributions(
        X,
        {"Hard": {"garment": ONE, "colour": OTHER}, "untrained": {"garment": ONE}},
        captions=["a", "b", "c"],
        title="Where",
    )
    assert len(images(drawing)) == 3 * (1 + 3 + 1)
    assert "garment −\ncolour" in texts(drawing) or "garment − colour" in texts(drawing)
    assert {"a", "b", "c", "Hard", "untrained", "Where"} <= set(texts(drawing))
    for word in ("garment", "colour", "untrained", "a, b and c"):
        assert word in drawing.alt


def test_the_difference_is_the_difference_and_the_sign_has_a_colour():
    drawing = show.attributions(X[:1], {"net": {"one": ONE[:1].abs(), "other": -ONE[:1].abs()}})
    _, one, other, apart = images(drawing)
    assert (one[..., 2] >= one[..., 0] - 1e-6).all()  # for: blue
    assert (other[..., 0] >= other[..., 2] - 1e-6).all()  # against: orange
    assert (apart[..., 2] >= apart[..., 0] - 1e-6).all()
    same = images(show.attributions(X[:1], {"net": {"one": ONE[:1], "other": ONE[:1]}}))[3]
    assert np.ptp(same) < 0.05  # no difference: all pale


def test_a_network_has_one_scale():
    weak = images(show.attributions(X[:1], {"net": {"one": ONE[:1], "other": 1e-6 * ONE[:1]}}))[2]
    alone = images(show.attributions(X[:1], {"net": {"other": 1e-6 * ONE[:1]}}))[1]
    assert np.ptp(weak) < 0.1 < np.ptp(alone)


def test_the_words_say_how_alike_two_tasks_look():
    alike = show.attributions(X, {"net": {"one": ONE, "other": 2 * ONE}})
    assert "≈ 1.00" in alike.alt
    unlike = show.attributions(X, {"net": {"one": ONE, "other": OTHER}})
    assert "≈ 1.00" not in unlike.alt
    silent = show.attributions(X, {"net": {"one": ONE, "other": torch.zeros_like(ONE)}})
    assert "correlation" not in silent.alt


def test_maps_of_another_shape_are_refused():
    with pytest.raises(ValueError, match="net, one"):
        show.attributions(X, {"net": {"one": ONE[:2]}})


def test_every_unit_has_its_filter_and_its_pictures():
    top = {"garment": torch.tensor([[0, 1], [2, 0], [1, 2]]), "colour": torch.tensor([[1, 1], [2, 2], [0, 0]])}
    filters = {name: torch.randn(3, 3, 3, 3, generator=torch.Generator().manual_seed(3)) for name in top}
    drawn = images(show.units(X, top, filters))
    assert len(drawn) == 2 * 3 * (1 + 2)
    filters["garment"][1] = 0
    patch = images(show.units(X, top, filters))[3]
    np.testing.assert_allclose(patch, 0.5)  # a filter of zeros is mid-grey, not NaN
    shown = images(show.units(X, top))
    assert len(shown) == 2 * 3 * 2
    np.testing.assert_allclose(shown[1], X[1].permute(1, 2, 0), atol=1e-6)


def test_only_so_many_units_are_drawn_and_the_words_count_the_pure_ones():
    top = {"garment": torch.tensor([[0, 0, 1], [0, 1, 2], [2, 2, 2]])}
    drawing = show.units(X, top, most=2, labels=["shoe", "coat", "bag"])
    assert len(images(drawing)) == 6
    assert "2 units" in drawing.alt
    assert "≈ 1 of them" in drawing.alt


@pytest.mark.parametrize("top", [{}, {"garment": torch.tensor([0, 1])}])
def test_no_units_are_refused(top):
    with pytest.raises(ValueError, match="units, k"):
        show.units(X, top)


def test_filters_of_a_deeper_layer_are_refused():
    with pytest.raises(ValueError, match="1 or 3 channels"):
        show.units(X, {"a": torch.tensor([[0]])}, {"a": torch.randn(1, 8, 3, 3)})


def test_a_unit_that_is_never_active_has_no_pictures():
    top = {"garment": torch.tensor([[0, 1], [2, 0], [1, 2]])}
    drawing = show.units(X, top, silent={"garment": torch.tensor([False, True, False])}, labels=["shoe", "shoe", "bag"])
    assert len(images(drawing)) == 4
    assert "never active" in texts(drawing)
    assert "≈ 1 of them are never active" in drawing.alt
    assert "For ≈ 1 of them" in drawing.alt


def test_a_response_is_drawn_the_darker_the_stronger():
    top = {"garment": torch.tensor([[0], [1]])}
    response = torch.tensor([[[0.0, 1.0], [2.0, 4.0]], [[0.0, 0.0], [0.0, 0.0]]])
    drawing = show.units(X, top, maps={"garment": response})
    first, _, second, _ = images(drawing)
    order = first[..., 0].ravel()
    assert (np.diff(order) < 0).all()
    np.testing.assert_allclose(second, 1.0)  # a unit without a response is white, not NaN
    assert "its response to one picture and the 1 pictures" in drawing.alt
