"""Many comparisons at once: an interval keeps its promise when there is nothing to find, and the figure counts right."""

import numpy as np
import pytest

import mtl_lesson as mtl


def compared(differences):
    return [mtl.claim("a is better", row, 0.0) for row in differences]


def test_the_same_way_twice_is_told_apart_one_time_in_twenty():
    """Lesson 00's A/A, 200 times over draws of pupils: 5 % false verdicts, give or take three of its own errors."""
    lam = 0.01
    error = [
        float(mtl.closed_form.errors(world, mtl.closed_form.solve(world, lam)).mean())
        for world in (mtl.data.schools(n=10, seed=seed) for seed in range(1000, 1400))
    ]
    draw = np.random.default_rng(0)
    again = [draw.permutation(error) for _ in range(5)]  # 40 comparisons of five pairs each, and five times over
    claims = [one for row in again for one in compared((row[:200] - row[200:]).reshape(40, 5))]
    false = np.mean([one.verdict != "undecided" for one in claims])
    assert false == pytest.approx(0.05, abs=3 * np.sqrt(0.05 * 0.95 / 200))


def test_the_figure_counts_those_that_miss_zero():
    nothing, found = compared([[0.1, -0.1, 0.05]] * 3), compared([[0.1, 0.11, 0.12]] * 2 + [[-1, 1, 0.5]])
    drawn = mtl.show.trials({"A/A": nothing, "A/B": found}, better="wins", worse="loses")
    assert "A/A: 0 of 3 exclude zero; A/B: 2 of 3 exclude zero" in drawn.alt
    assert "From the narrowest intervals to the widest: A/A and A/B" in drawn.alt
    said = [ax.get_xlabel() for ax in drawn.figure.axes]
    assert said == ["0 of 3 exclude zero", "2 of 3 exclude zero"]
    hollow = [line.get_markerfacecolor() == "white" for line in drawn.figure.axes[1].lines if line.get_marker() == "o"]
    assert hollow == [False, False, True]


def test_what_cannot_be_drawn_is_refused():
    some = compared([[1.0, 2.0, 3.0]])
    for wrong in ({}, {"A": []}, dict.fromkeys("abcde", some)):
        with pytest.raises(ValueError, match="one to 4 panels"):
            mtl.show.trials(wrong)
    with pytest.raises(ValueError, match="one unit"):
        mtl.show.trials({"A": some, "B": [mtl.claim("x", [1.0, 2.0, 3.0], 0.0, unit="%")]})
