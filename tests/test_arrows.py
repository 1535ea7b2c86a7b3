"""Arrows, fronts and affinity maps: what they draw, what they say, and what the arrows widget does in Python.

The browser's half of the widget is driven in test_arrows_browser.py.
"""

import numpy as np
import pandas as pd
import pytest
import traitlets
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.patches import Rectangle, Wedge

import mtl_lesson as mtl
from mtl_lesson import show
from mtl_lesson.show.arrows import LEAST, TALL, WIDE, ends_of_cone, extent
from mtl_lesson.show.front import beyond
from mtl_lesson.weighting.plane import angle_between, answers_of, at_angle

HOSTILE = '<img src=x onerror="alert(1)"> $x_1$'
EXAMPLES = settings(max_examples=20, deadline=None)


def a_front(n=5, epochs=6):
    """Arrays of a front, the weight of its first task from small to large."""
    w = np.geomspace(0.1, 10, n)
    scores = np.stack([0.6 + 0.05 * np.sin(np.arctan(w)), 0.8 + 0.05 * np.cos(np.arctan(w))], 1)
    curves = scores[:, None] * (1 - np.exp(-np.arange(1, epochs + 1) / 2))[None, :, None]
    sizes = np.stack([np.linspace(0.3, 0.2, n), np.linspace(0.2, 0.4, n)], 1)
    angles = np.linspace(60, 148, n)
    return {"weights": np.stack([w, 1 / w], 1), "scores": scores, "curves": curves, "angles": angles, "sizes": sizes}


# --- arrows ----------------------------------------------------------------------------------------------------------


@EXAMPLES
@given(st.floats(0, 180), st.floats(0.1, 5), st.floats(0.1, 5), st.floats(0, 7), st.sampled_from([1, -1]))
def test_the_shaded_directions_are_those_that_make_neither_worse(angle, one, two, turn, order):
    turn = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    g1, g2 = G = at_angle(angle, (one, two))[::order] @ turn
    low, high = ends_of_cone(G)
    assert high - low == pytest.approx(180 - angle, abs=1e-6)
    for share in (0.02, 0.5, 0.98):
        way = np.radians(low + share * (high - low))
        d = np.array([np.cos(way), np.sin(way)])
        assert d @ g1 >= -1e-9
        assert d @ g2 >= -1e-9


@EXAMPLES
@given(st.floats(0, 180), st.floats(0.1, 5))
def test_every_tip_is_in_the_picture_in_one_scale(angle, size):
    G = at_angle(angle, (1, size))
    tips = np.stack([*G, *answers_of(*G).values()])
    half, low, high = extent(tips)
    assert (np.abs(tips[:, 0]) < half).all()
    assert ((low < tips[:, 1]) & (tips[:, 1] < high)).all()
    assert LEAST - 1e-6 <= WIDE * (high - low) / (2 * half) <= TALL + 1e-6


@pytest.mark.parametrize(("angle", "size"), [(120, 0.5), (180, 1), (5, 0.1)])
def test_the_cone_is_shaded_and_every_name_is_in_the_picture(angle, size):
    g1, g2 = at_angle(angle, (1, size))
    answers = answers_of(g1, g2)
    figure = show.arrows(g1, g2, answers, names=("garment", "colour")).figure
    (ax,) = figure.axes
    (wedge,) = [patch for patch in ax.patches if isinstance(patch, Wedge)]
    assert (wedge.theta1, wedge.theta2) == ends_of_cone(np.stack([g1, g2]))
    for text in ax.texts:
        if text.get_text():
            box = text.get_window_extent().transformed(figure.transFigure.inverted())
            assert -0.01 < box.x0 < box.x1 < 1.01


def test_arrows_are_told_in_words():
    g1, g2 = at_angle(120, (1, 0.5))
    drawing = show.arrows(g1, g2, answers_of(g1, g2), names=("garment", "colour"), weights=(1, 1), title="Now")
    assert drawing.alt.startswith(
        "Now. Gradients of two tasks as arrows in a plane. garment and colour: angle ≈ 120°, cosine ≈ −0.50, sizes "
        "≈ 1.00 and ≈ 0.50; weighted sum (1 : 1) helps garment alone; PCGrad helps both"
    )
    opposite = at_angle(180, (1, 0.5))
    alt = show.arrows(*opposite, answers_of(*opposite)).alt
    assert "weighted sum helps task 1, harms task 2; PCGrad stands still; UPGrad stands still" in alt
    assert "no answer is shown" in show.arrows(g1, g2).alt
    with pytest.raises(ValueError, match="two different names"):
        show.arrows(g1, g2, names=("a", "a"))
    assert b"PNG" in show.arrows(g1, g2, names=(HOSTILE, "b")).png()[:8]


# --- the front -------------------------------------------------------------------------------------------------------


def a_table(points, seeds=6):
    curve = {w: (0.6 + 0.05 * w, 0.9 - 0.05 * w**2) for w in (0, 0.5, 1)}
    rows, chance = [], np.random.default_rng(0)
    places = [("fixed weights", w, at) for w, at in curve.items()]
    places += [(name, np.nan, at) for name, at in points.items()]
    for name, w, at in places:
        for seed in range(seeds):
            for task, score in zip(("x", "y"), at, strict=True):
                rows.append((name, w, task, seed, score + 0.01 * (seed - 2.5) + 1e-4 * chance.normal()))
    return pd.DataFrame(rows, columns=["method", "weight", "task", "seed", "score"])


POINTS = {"Separate": (0.66, 0.91), "MGDA": (0.61, 0.88), "PCGrad": (0.63, 0.875), "far": (0.64, 0.93)}


def test_a_front_shows_the_curve_in_order_each_point_and_the_reference():
    table = a_table(POINTS).sample(frac=1, random_state=0)
    drawing = show.front(table, "x", "y", reference="Separate", margin=0.01)
    (ax,) = drawing.figure.axes
    (curve,) = [line for line in ax.lines if line.get_marker() == "o" and len(line.get_xdata()) == 3]
    np.testing.assert_allclose(curve.get_xdata(), [0.6, 0.625, 0.65], atol=1e-3)
    dots = [line for line in ax.lines if len(line.get_xdata()) == 1]
    assert len(dots) == 3
    written = {text.get_text() for text in ax.texts}
    assert {"MGDA", "PCGrad", "far", "Separate", "x ×0", "x ×1"} <= written
    assert "Separate: x ≈ 66 %, y ≈ 91 %." in drawing.alt
    assert drawing.alt.endswith("Mean beyond the curve by more than the margin: far.")
    assert show.front(table, "x", "y").alt.endswith("Mean beyond the curve: Separate and far.")
    assert "PCGrad" not in show.front(table, "x", "y", points=["MGDA"]).alt


def test_arms_are_those_of_paired_differences_where_there_is_a_reference():
    def arms(drawing):
        lines = [line for line in drawing.figure.axes[0].lines if len(line.get_xdata()) == 2]
        return max(np.ptp(line.get_xdata()) for line in lines if line.get_linewidth() == 1.6)

    table = a_table(POINTS)
    assert arms(show.front(table, "x", "y")) > 0.02  # what the seeds have in common
    assert arms(show.front(table, "x", "y", reference="Separate")) < 0.001


@EXAMPLES
@given(st.floats(0, 1), st.floats(0.001, 0.02), st.floats(0, 0.02))
def test_beyond_the_front_means_beyond_the_margin_at_both_tasks(share, more, margin):
    line = np.array([[0.6, 0.9], [0.64, 0.88], [0.66, 0.82]])
    at = np.array([np.interp(2 * share, range(3), line[:, k]) for k in (0, 1)])
    assert beyond(at + margin + more, line, margin)
    assert not beyond(at + margin - more, line, margin)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda t: (t.drop(columns="weight"), {}), KeyError, "no column 'weight'"),
        (lambda t: (t, {"reference": "Hard"}), KeyError, "no method 'Hard'; there are fixed weights, Separate"),
        (lambda t: (t, {"points": ["FAMO"]}), KeyError, "no method 'FAMO'"),
        (lambda t: (t[~(t.weight > 0)], {}), ValueError, "needs two weights or more"),
        (lambda t: (t, {"margin": 0}), ValueError, "a margin of 0 is none"),
        (lambda t: (t[(t.method != "MGDA") | (t.seed > 0)], {}), ValueError, "same seeds"),
    ],
)
def test_what_is_no_front_is_refused(change, error, words):
    table, options = change(a_table(POINTS))
    with pytest.raises(error, match=words):
        show.front(table, "x", "y", **options)


# --- affinity --------------------------------------------------------------------------------------------------------


def test_an_affinity_map_frames_companies_and_names_the_largest_pairs():
    names = ["Ana", "Bao", "Chidi", "Dora"]
    table = pd.DataFrame(np.zeros((4, 4)), names, names)
    table.loc["Ana", "Chidi"], table.loc["Dora", "Bao"], table.loc["Bao", "Ana"] = 0.5, 0.4, -0.3
    drawing = show.affinity_map(table, {"Ana": 1, "Bao": 2, "Chidi": 1, "Dora": 2}, largest=1, title="Cosine")
    assert drawing.alt == (
        "Cosine: 4 tasks, rows giver, columns receiver. Helps most: Ana to Chidi ≈ +0.50, Dora to Bao ≈ +0.40. Harms "
        "most: Bao to Ana ≈ −0.30. Most one-sided: Ana to Chidi ≈ +0.50, back Chidi to Ana ≈ 0. Framed companies: Ana "
        "and Chidi; Bao and Dora."
    )
    (ax,) = drawing.figure.axes
    frames = [p for p in ax.patches if isinstance(p, Rectangle) and p.get_linewidth() == 2.2]
    assert len(frames) == 2
    at = {text.get_text(): text.get_position() for text in ax.texts}
    for number, (first, value) in enumerate((("Ana", "+0.50"), ("Bao", "+0.40"))):
        (x, y), wide, tall = frames[number].get_xy(), frames[number].get_width(), frames[number].get_height()
        cell = at[value]
        assert x < cell[0] < x + wide, first
        assert y < cell[1] < y + tall, first
    assert sum(text.get_text() == "–" for text in ax.texts) == 4  # the diagonal


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((pd.DataFrame([[1]], ["a"], ["a"]),), "each of two tasks or more"),
        ((pd.DataFrame(np.ones((2, 2)), ["a", "b"], ["a", "c"]),), "same names"),
        ((pd.DataFrame(np.ones((2, 2)), ["a", "b"], ["a", "b"]), {"a": 1}), "'b' has none"),
    ],
)
def test_what_is_no_affinity_map_is_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        show.affinity_map(*arguments)


# --- the widget in Python --------------------------------------------------------------------------------------------


def test_it_says_what_is_on_show():
    widget = mtl.arrows(angle=120, sizes=(1, 0.5))
    assert repr(widget) == (
        "Arrows(task 1 and task 2: angle ≈ 120°, cosine ≈ −0.50, sizes ≈ 1.00 and ≈ 0.50; weighted sum (1 : 1) helps "
        "task 1 alone; PCGrad helps both)"
    )
    widget.put(angle=180, weights=(1, 4)).show("weighted sum", "MGDA")
    assert "angle ≈ 180°" in widget.text
    assert widget.text.endswith("weighted sum (1 : 4) helps task 2, harms task 1; MGDA stands still")
    np.testing.assert_allclose(widget.answers["weighted sum"], [0.4, 1.6] @ widget.gradients)
    assert widget.drawing.alt == widget.alt
    bundle = widget._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    assert data["text/plain"] == repr(widget)
    assert "data:image/png" in data["text/html"]


def test_along_the_front_the_arrows_are_those_measured():
    front = a_front()
    widget = mtl.arrows(names=("garment", "colour"), front=front)
    for at in (3, 0, 4):
        widget.put(angle=10).move(at)
        assert angle_between(*widget.gradients) == pytest.approx(front["angles"][at])
        assert widget.weighting == tuple(front["weights"][at])
        assert widget.text.startswith(f"weights {front['weights'][at][0]:.3g} : ")
    widget.put(angle=10)
    assert "(arrows moved by hand); garment and colour: angle ≈ 10°" in widget.text


def test_what_cannot_be_shown_is_refused():
    widget = mtl.arrows()
    for trait, wrong in (
        ("tips", [[1, 0]]),
        ("tips", [[1, 0], [0, 0]]),
        ("tips", [[1, 0], [0, 99]]),
        ("tips", [[1, 0], [0, "x"]]),
        ("tips", [[1, 0], [0, float("nan")]]),
        ("weights", [0, 0]),
        ("weights", [1, -1]),
        ("weights", [1, 2, 3]),
        ("shown", [6]),
        ("shown", [True]),
        ("at", 1),
        ("at", -1),
    ):
        with pytest.raises(traitlets.TraitError):
            setattr(widget, trait, wrong)
    assert widget.text == mtl.arrows().text


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"angle": 200}, "from 0 to 180"),
        ({"sizes": (1, 0)}, "size 0"),
        ({"methods": ["Adam"]}, "no method 'Adam' here"),
        ({"weights": (0, 0)}, "both 0"),
        ({"weights": (1, 1e6)}, "from 0 to 1000"),
        ({"names": ("one", "one")}, "two different names"),
        ({"front": {}}, "a front needs weights, scores, curves, angles, sizes; 'weights' is not there"),
        ({"front": a_front() | {"angles": [1, 2]}}, r"'weights' must be finite numbers \(W, 2\), here \(2, 2\)"),
        ({"front": a_front() | {"curves": a_front()["scores"]}}, "'curves' must be finite numbers"),
        ({"front": a_front() | {"scores": a_front()["scores"] * np.nan}}, "'scores' must be finite numbers"),
        ({"front": a_front(0, 3)}, "'weights' must be finite numbers"),
    ],
)
def test_what_are_no_arrows_is_refused(options, words):
    with pytest.raises(ValueError, match=words):
        mtl.arrows(**options)


def test_names_from_data_are_text():
    page = mtl.arrows(names=(HOSTILE, "</script><b>")).page()
    assert "<img src=x" not in page.replace(HOSTILE.replace("<", "\\u003c"), "")
    assert "</script><b>" not in page


def test_a_map_of_what_is_the_same_either_way_has_no_giver_and_says_only_what_is_there():
    names = ["Ana", "Bao", "Chidi"]
    away = np.array([[0, 0.5, 0.1], [0.5, 0, 0.2], [0.1, 0.2, 0]])
    for values, positive, negative in ((away, True, False), (-away, False, True), (away - 0.3, True, True)):
        values = values - np.diag(np.diag(values))
        drawing = show.affinity_map(pd.DataFrame(values, names, names), positive="up", negative="down")
        said = [text.get_text() for text in drawing.figure.axes[0].texts]
        assert ("+ up" in said, "− down" in said) == (positive, negative)
        assert not {"giver", "receiver"} & set(said)
        assert "the same either way" in drawing.alt
    other = pd.DataFrame(away + np.triu(away), names, names)
    assert {"giver", "receiver"} <= {text.get_text() for text in show.affinity_map(other).figure.axes[0].texts}
    named = show.affinity_map(pd.DataFrame(away, names, names), giver="row", receiver="column")
    assert {"row", "column"} <= {text.get_text() for text in named.figure.axes[0].texts}
