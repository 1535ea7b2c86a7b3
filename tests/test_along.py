"""The figure of a dial: it draws the means it is given, at the right places, and says them."""

import math
import re

import numpy as np
import pandas as pd
import pytest

import mtl_lesson as mtl

INFINITY = math.inf


def table(xs, lines=("ana", "bo"), seeds=3, value=lambda x, line, seed: 0.5, **columns):
    rows = [
        {"lam": x, "task": line, "seed": seed, "score": value(i, k, seed)} | columns
        for i, x in enumerate(xs)
        for k, line in enumerate(lines)
        for seed in range(seeds)
    ]
    return pd.DataFrame(rows)


def drawn(figure, ax=0):
    """The lines with data, by colour order: (x, y)."""
    return [line.get_xydata() for line in figure.figure.axes[ax].lines if len(line.get_xydata()) > 1]


def test_a_line_goes_through_the_means_of_its_seeds():
    figure = mtl.show.along(table([0.0, 0.1, 1.0, INFINITY], value=lambda i, k, s: 0.1 * i + 0.3 * k + 0.01 * s), "lam")
    for k, line in enumerate(drawn(figure)[:2]):
        np.testing.assert_allclose(line[:, 1], 0.1 * np.arange(4) + 0.3 * k + 0.01)


def test_0_and_infinity_stand_beyond_the_ends_and_the_rest_by_its_logarithm():
    figure = mtl.show.along(table([INFINITY, 0.1, 0.0, 10.0]), "lam")
    x = drawn(figure)[0][:, 0]
    assert x[1] == pytest.approx(-1)
    assert x[2] == pytest.approx(1)
    assert x[0] < -1
    assert x[3] > 1
    shown = [text.get_text() for text in figure.figure.axes[0].get_xticklabels()]
    assert {"0", "∞"} <= set(shown)


def test_words_keep_their_order_and_small_numbers_a_plain_axis():
    figure = mtl.show.along(table(["conv2", "conv1", "heads"]), "lam")
    assert [text.get_text() for text in figure.figure.axes[0].get_xticklabels()] == ["conv2", "conv1", "heads"]
    assert drawn(mtl.show.along(table([0.0, 0.7, 2.0]), "lam"))[0][:, 0].tolist() == [0.0, 0.7, 2.0]


def test_a_line_that_breaks_off_ends_with_a_cross():
    broken = table([1, 2, 3, 4], lines=("descent",), value=lambda i, k, s: 0.5 if i < 2 else math.nan)
    figure = mtl.show.along(broken, "lam", log=True)
    assert len(drawn(figure)[0]) == 2
    assert any(line.get_marker() == "x" for line in figure.figure.axes[0].lines)
    assert figure.figure.axes[0].get_yscale() == "log"


def test_a_table_without_seeds_is_one_seed():
    single = table([0.0, 0.7, 2.0], seeds=1, value=lambda i, k, s: 0.1 * i)
    lines = [drawn(mtl.show.along(one, "lam"))[0] for one in (single, single.drop(columns="seed"))]
    np.testing.assert_array_equal(*lines)


def test_a_line_that_flies_off_is_let_go():
    flying = table([1, 2, 3, 4], lines=("descent",), value=lambda i, k, s: 10.0 ** (3 * i))
    figure = mtl.show.along(flying, "lam", log=True)
    assert len(drawn(figure)[0]) == 2
    assert "beyond a million at λ = 4" in figure.alt


def test_a_panel_holds_its_own_rows_and_a_word_is_a_word():
    both = pd.concat([table([1.0, 2.0], world="near"), table([1.0, 2.0], value=lambda i, k, s: 0.9, world="$far$")])
    figure = mtl.show.along(both, "lam", panel="world")
    assert [ax.get_title(loc="left") for ax in figure.figure.axes] == ["near", "$far$"]
    assert drawn(figure, 1)[0][:, 1].tolist() == [0.9, 0.9]


def test_the_alt_text_says_both_ends_of_every_line():
    figure = mtl.show.along(
        table([0.0, 0.1, INFINITY], value=lambda i, k, s: (0.6, 0.7, 0.4)[i] + 0.1 * k),
        "lam",
        label="accuracy",
        title="Soft sharing",
    )
    assert figure.alt.startswith("Soft sharing. accuracy against λ, from λ = 0 to λ = ∞.")
    assert "ana: ≈ 60 % at λ = 0, ≈ 70 % at λ = 0.1, ≈ 40 % at λ = ∞." in figure.alt
    assert "bo: ≈ 70 % at λ = 0" in figure.alt
    for number in re.findall(r"\d+ %", figure.alt):
        assert f"≈ {number}" in figure.alt


def test_a_level_may_change_along_x_and_is_the_highest_of_the_lines():
    rows = table([0.0, 1.0, 2.0], value=lambda i, k, seed: 0.9)
    rows["floor"] = 0.1 * rows.lam + 0.2 * (rows.task == "bo") + 0.01 * rows.seed  # means: 0.01, and 0.21 for bo
    figure = mtl.show.along(rows, "lam", levels={"chance": 0.5, "permuted": "floor"})
    level = drawn(figure)[-1]
    assert level.tolist() == [pytest.approx(at) for at in ([0, 0.21], [1, 0.31], [2, 0.41])]
    assert "permuted: ≈ 21 % at λ = 0, ≈ 41 % at λ = 2." in figure.alt
    assert {"chance", "permuted"} <= {text.get_text() for text in figure.figure.axes[0].texts}
    with pytest.raises(KeyError, match="no column 'roof'"):
        mtl.show.along(rows, "lam", levels={"permuted": "roof"})


def test_lines_are_told_apart_by_more_than_colour():
    figure = mtl.show.along(table([1.0, 2.0]), "lam")
    a, b = (line for line in figure.figure.axes[0].lines if len(line.get_xydata()) > 1)
    assert a.get_linestyle() != b.get_linestyle()
    assert a.get_color() != b.get_color()


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda t: (t, "gamma"), KeyError, "no column 'gamma'; it has lam"),
        (lambda t: (t[:0], "lam"), ValueError, "no rows"),
        (lambda t: (table([1.0], lines=map(str, range(7))), "lam"), ValueError, "7 lines"),
    ],
)
def test_what_cannot_be_drawn_is_refused(change, error, words):
    with pytest.raises(error, match=words):
        mtl.show.along(*change(table([1.0, 2.0])))


@pytest.mark.parametrize("count", [2, 4, 6])
def test_the_legend_of_long_names_stays_inside_the_figure(count):
    names = [f"garment and colour, pulled together by λ = {k}" for k in range(count)]
    rows = [{"layer": layer, "who": name, "score": 0.5, "seed": 0} for layer in ("first", "last") for name in names]
    figure = mtl.show.along(pd.DataFrame(rows), "layer", line="who").figure
    figure.canvas.draw()
    (legend,) = figure.legends
    box, whole = legend.get_window_extent(), figure.bbox
    assert whole.x0 <= box.x0
    assert box.x1 <= whole.x1
    assert whole.y0 <= box.y0
    assert figure.axes[0].get_window_extent().height > 0.4 * whole.height


def test_a_few_values_are_written_where_they_are_and_of_many_the_powers_of_ten():
    def written_along(values):
        figure = mtl.show.along(table(values), "lam").figure
        return [label.get_text() for label in figure.axes[0].get_xticklabels()]

    assert written_along([40, 150, 400]) == ["40", "150", "400"]
    assert written_along([0.0, 0.03, 0.3, math.inf]) == ["0.03", "0.3", "0", "∞"]
    assert written_along([25, 50, 100, 200, 400, 800]) == ["25", "50", "100", "200", "400", "800"]
    assert written_along([0.01 * 1.5**k for k in range(12)]) == ["0.01", "0.1"]


def test_ticks_between_whole_percents_are_not_rounded():
    rows = [
        {"lam": lam, "seed": seed, "task": "one", "score": 0.725 + 0.02 * lam} for lam in range(5) for seed in range(3)
    ]
    ax = mtl.show.along(pd.DataFrame(rows), "lam").figure.axes[0]
    texts = [ax.yaxis.get_major_formatter()(tick) for tick in (0.7, 0.725, 0.75, -0.0125)]
    assert texts == ["70 %", "72.5 %", "75 %", "−1.25 %"]
