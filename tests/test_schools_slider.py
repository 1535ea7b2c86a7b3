"""The schools slider: what is displayed at the ends, in the middle, and for nonsense."""

import html
import math
import re

import pytest

import mtl_lesson as mtl


@pytest.fixture
def slider():
    return mtl.widgets.Schools(mtl.data.schools(n=10, seed=0))


def alt(slider):
    return html.unescape(re.search(r'alt="([^"]*)"', slider.image.value)[1])


def test_every_place_of_the_slider_shows_what_is_solved_there(slider):
    for index in (0, len(slider.path.lambdas) // 2, len(slider.path.lambdas) - 1):
        slider.slider.value = index
        lam = slider.path.lambdas[index]
        theta = mtl.closed_form.solve(slider.world, lam)
        error = mtl.closed_form.errors(slider.world, theta, "validation").mean()
        assert slider.lam == lam
        assert slider.error == pytest.approx(float(error))
        shown = f"{float(error):.2f}"[:3]
        assert shown in slider.status.value
        assert shown in alt(slider)
        assert f"error ≈ {float(error):.3f}" in repr(slider)
    assert "All lines coincide" in alt(slider)


def test_no_place_of_the_slider_is_an_error(slider):
    for index in [*range(len(slider.path.lambdas)), 3, 0]:
        slider.slider.value = index
        assert 'role="status"' in slider.status.value
        assert slider.slider.value == slider.index == index
        assert slider.path.nearest(float(slider.box.value.replace("∞", "inf"))) == index


def test_a_lambda_between_two_places_is_told_where_it_went(slider):
    slider.box.value = "0.5"
    assert "nearest to 0.5 is 0.56" in slider.status.value
    slider.box.value = "99999"
    assert "is 10" in slider.status.value


def test_the_picture_moves(slider):
    before = slider.image.value
    slider.slider.value = 12
    assert slider.image.value != before


@pytest.mark.parametrize(
    ("typed", "lam"),
    [("0", 0), ("∞", math.inf), ("inf", math.inf), (" 1 ", 1.0), ("1e9", 10), ("1e-300", 1e-4), ("1,0", 1)],
)
def test_a_typed_lambda_goes_to_the_nearest_place(slider, typed, lam):
    slider.box.value = typed
    assert slider.lam == pytest.approx(lam, rel=0.3)
    assert slider.path.lambdas[slider.slider.value] == slider.lam


@pytest.mark.parametrize("typed", ["nonsense", "-1", "nan", "<img src=x onerror=alert(1)>", ""])
def test_nonsense_is_answered_in_place_and_nothing_moves(slider, typed):
    slider.slider.value = 5
    before = slider.image.value
    slider.box.value = typed
    assert 'role="alert"' in slider.status.value
    assert "<img" not in slider.status.value
    assert slider.image.value == before
    slider.box.value = "0.1"
    assert 'role="status"' in slider.status.value


def test_the_curve_is_hidden_until_it_is_revealed(slider):
    slider.slider.value = 3
    assert "tried so far" in alt(slider)
    slider.reveal()
    assert "tried so far" not in alt(slider)
    assert slider.path.error[slider.path.best] == min(slider.path.error)


def test_alone_and_shrunk_is_drawn_and_said(slider):
    κ = mtl.widgets.schools.KAPPAS
    each = mtl.closed_form.errors(slider.world, mtl.closed_form.ridge(slider.world, κ), "validation").mean(-1)
    assert slider.path.shrunk_error == pytest.approx(float(each.min()))
    levels = [line for line in slider.picture.figure.axes[1].lines if len(set(line.get_ydata())) == 1]
    assert any(line.get_ydata()[0] == pytest.approx(slider.path.shrunk_error) for line in levels)
    assert "than with alone, shrunk towards 0" in alt(slider)


def test_names_of_schools_are_checked(slider):
    with pytest.raises(KeyError, match="school 99"):
        mtl.widgets.Schools(slider.world, highlight=["school 99"])


def test_without_a_kernel_there_is_a_picture_with_its_text(slider):
    bundle = slider._repr_mimebundle_()
    assert "<img alt=" in bundle["text/html"]
    assert bundle["text/plain"] == repr(slider)
