"""The Pareto view: points stand at their means, arms are paired intervals, and words say what is drawn."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t

import mtl_lesson as mtl
from mtl_lesson.show.pareto import pareto

SCORES = {  # way: (garment, colour), a column a seed
    "Separate": ([0.60, 0.64, 0.62, 0.66], [0.88, 0.90, 0.89, 0.91]),
    "Hard": ([0.55, 0.58, 0.57, 0.62], [0.87, 0.89, 0.88, 0.90]),
    "Soft": ([0.61, 0.63, 0.64, 0.65], [0.89, 0.92, 0.90, 0.92]),
}


def table(scores=SCORES):
    return pd.DataFrame(
        [
            {"way": way, "task": task, "seed": seed, "score": score}
            for way, row in scores.items()
            for task, values in zip(("garment", "colour"), row, strict=True)
            for seed, score in enumerate(values)
        ]
    )


def drawn(drawing, marker):
    """The lines of the panel with this marker ("" for arms and the dashed line), as data."""
    (ax,) = drawing.figure.axes
    kinds = {"": ("None", "", " ")}.get(marker, (marker,))
    return [np.column_stack(line.get_data()) for line in ax.lines if line.get_marker() in kinds]


def test_a_marker_stands_at_the_mean_of_both_tasks():
    figure = pareto(table(), "garment", "colour")
    for way, marker in (("Separate", "s"), ("Hard", "o"), ("Soft", "^")):
        (point,) = drawn(figure, marker)
        np.testing.assert_allclose(point[0], np.mean(SCORES[way], axis=1))


def test_arms_are_intervals_of_the_mean_or_of_the_paired_difference():
    garment = {way: np.array(row[0]) for way, row in SCORES.items()}
    paired = garment["Hard"] - garment["Separate"]
    for reference, spread in ((None, garment["Hard"]), ("Separate", paired)):
        half = t.ppf(0.975, 3) * spread.std(ddof=1) / 2
        figure = pareto(table(), "garment", "colour", reference=reference)
        mean = np.mean(SCORES["Hard"], axis=1)
        level = [line for line in drawn(figure, "") if np.allclose(line[:, 1], mean[1]) and np.ptp(line[:, 0]) > 0]
        np.testing.assert_allclose(level[0][:, 0], [mean[0] - half, mean[0] + half], atol=1e-12)


def test_the_reference_has_no_arms_and_lies_on_the_line_of_equal_means():
    figure = pareto(table(), "garment", "colour", reference="Separate")
    mean = np.mean(SCORES["Separate"], axis=1)
    lines = drawn(figure, "")
    assert sum(np.allclose(line, mean) for line in lines) == 2  # its arms have no length
    equal = [line for line in lines if np.ptp(line[:, 0]) > 0 and np.ptp(line[:, 1]) > 0]
    assert len(equal) == 1
    np.testing.assert_allclose(equal[0].sum(1), mean.sum())


def test_hollow_markers_are_the_ones_that_were_named():
    figure = pareto(table(), "garment", "colour", hollow=["Hard"], hollow_means="dominated by another")
    (ax,) = figure.figure.axes
    faces = {line.get_marker(): line.get_markerfacecolor() for line in ax.lines if line.get_marker() in "so^"}
    assert faces["o"] == "#FFFFFF"
    assert faces["s"] != "#FFFFFF" != faces["^"]
    assert "Hollow (dominated by another): Hard." in figure.alt


def test_names_stand_in_the_panel_and_on_no_other_name():
    near = {f"way {i}": ([0.6 + 0.001 * i, 0.61, 0.62], [0.88, 0.89, 0.9]) for i in range(6)}
    figure = pareto(table(near), "garment", "colour")
    (ax,) = figure.figure.axes
    renderer = figure.figure.canvas.get_renderer() if hasattr(figure.figure.canvas, "get_renderer") else None
    panel, boxes = ax.get_window_extent(renderer), [text.get_window_extent(renderer) for text in ax.texts]
    assert len(boxes) == 6
    for i, box in enumerate(boxes):
        assert panel.x0 - 1 <= box.x0
        assert box.x1 <= panel.x1 + 1
        assert not any(box.overlaps(other) for other in boxes[:i])


def test_the_alt_text_says_every_point_and_the_best():
    figure = pareto(table(), "garment", "colour", title="Questions")
    assert figure.alt.startswith("Questions. garment against colour, 3 points. Best at garment: Soft.")
    assert "Hard: garment ≈ 58 %, colour ≈ 88 %." in figure.alt
    assert isinstance(figure, mtl.show.Drawing)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda t: (t.drop(columns="seed"), "garment", "colour"), KeyError, "no column 'seed'"),
        (lambda t: (t, "garment", "size"), KeyError, "no task 'size'; there are garment, colour"),
        (lambda t: (t[~((t.way == "Hard") & (t.seed == 3))], "garment", "colour"), ValueError, "the same seeds"),
    ],
)
def test_what_cannot_be_drawn_is_refused(change, error, words):
    with pytest.raises(error, match=words):
        pareto(*change(table()))


@pytest.mark.parametrize("named", [{"reference": "Pooled"}, {"hollow": ["Pooled"]}])
def test_an_unknown_way_is_refused(named):
    with pytest.raises(KeyError, match="no way 'Pooled'; there are Separate"):
        pareto(table(), "garment", "colour", **named)
