"""Claims of different worlds in one figure: each verdict where it belongs, zero in the middle, its own unit."""

import pytest

import mtl_lesson as mtl
from mtl_lesson.show.comparisons import VERDICTS

UP = mtl.claim("up", [0.3, 0.31, 0.29], 0.0, unit="%")
DOWN = mtl.claim("down", [-2.0, -2.1, -1.9], 0.0, unit="of loss")
OPEN = mtl.claim("open", [-1.0, 1.0, 0.2], 0.0)
CLAIMS = {("one", "first"): UP, ("two", "first"): DOWN, ("one", "second"): OPEN, ("two", "second"): "nothing to tell"}


def axes_of(drawing):
    """The panels of claims, in the order they were drawn: those with a mark."""
    return [ax for ax in drawing.figure.axes if any(line.get_marker() == "D" for line in ax.lines)]


def test_each_claim_has_its_panel_with_zero_in_the_middle():
    panels = axes_of(mtl.show.claims_in_panels(CLAIMS))
    for ax, one in zip(panels, (UP, OPEN, DOWN), strict=True):
        low, high = ax.get_xlim()
        assert low == pytest.approx(-high)
        factor = 100 if one.unit == "%" else 1
        assert low < factor * one.low < factor * one.high < high
        mark = next(line for line in ax.lines if line.get_marker() == "D")
        assert mark.get_xdata()[0] == pytest.approx(factor * one.mean)
        assert mark.get_color() == VERDICTS[one.verdict][1]
    assert [ax.get_xlabel() for ax in panels] == ["points", "", "of loss"]


def test_the_words_name_every_verdict_by_row_and_column():
    drawing = mtl.show.claims_in_panels(CLAIMS, title="Two worlds")
    assert drawing.alt == (
        "Two worlds. first: one: supported, ≈ +30 points; two: contradicted, ≈ −2.0 of loss. "
        "second: one: undecided, ≈ +0.07; two: nothing to tell."
    )
    texts = [text.get_text() for text in drawing.figure.axes[0].texts]
    assert {"one", "two", "first", "second", "nothing to tell", "? undecided", "✓ supported"} <= set(texts)


def test_no_text_leaves_the_figure_or_touches_another():
    rows, columns = (
        (f"a field with a long name {i}" for i in range(3)),
        [f"a title of two lines, number {j}" for j in range(3)],
    )
    long = {(row, column): UP for row in rows for column in columns}
    drawing = mtl.show.claims_in_panels(long)
    figure = drawing.figure
    figure.draw_without_rendering()
    page = figure.bbox
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    assert all(page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1 for box in boxes)
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_what_is_no_claim_is_refused():
    with pytest.raises(ValueError, match="no claim to draw"):
        mtl.show.claims_in_panels({("one", "first"): "nothing"})
    with pytest.raises(ValueError, match="no claim to draw"):
        mtl.show.claims_in_panels({})
    with pytest.raises(TypeError, match="expected a claim or a text at 'two', 'first', not float"):
        mtl.show.claims_in_panels({("one", "first"): UP, ("two", "first"): 0.5})
