"""The probe matrix with its two switches: what is displayed, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from mtl_lesson import bank
from mtl_lesson.widgets.probes import Probes, compute_matrix

ROWS = [("Separate", "a"), ("Separate", "<b>"), ("Hard", "all tasks"), ("untrained", "all tasks")]


def table(shift=0.0):
    """Scores that say where they stand: way, layer, task probed for and seed each have a digit."""
    rows = []
    for w, (way, trained) in enumerate(ROWS):
        for k, layer in enumerate(("below", "above")):
            for p, probed in enumerate(("a", "<b>")):
                rows += [
                    (way, trained, layer, probed, 0.1 * w + 0.04 * k + 0.02 * p + 0.001 * seed + shift, seed)
                    for seed in range(5)
                ]
    return pd.DataFrame(rows, columns=["way", "trained_on", "layer", "probed_for", "score", "seed"])


def test_scores_are_means_over_seeds_in_the_order_of_the_table():
    matrix = compute_matrix(table(), "above", False)
    assert matrix.rows == ("Separate: a", "Separate: <b>", "Hard: all tasks", "untrained")
    assert matrix.columns == ("a", "<b>")
    expected = [[0.1 * w + 0.04 + 0.02 * p + 0.002 for p in range(2)] for w in range(4)]
    np.testing.assert_allclose(matrix.values, expected)
    assert (matrix.ends[0] < matrix.values).all()
    assert (matrix.values < matrix.ends[1]).all()


def test_the_floor_is_taken_off_seed_by_seed_and_what_is_below_stays_below():
    data = table()
    noise = {(p, seed): 0.05 * seed for p in ("a", "<b>") for seed in range(5)}  # common to all ways: it must cancel
    data["score"] += [noise[p, seed] for p, seed in zip(data.probed_for, data.seed, strict=True)]
    matrix = compute_matrix(data, "below", True)
    np.testing.assert_allclose(matrix.values, [[-0.3] * 2, [-0.2] * 2, [-0.1] * 2])
    np.testing.assert_allclose(matrix.ends[0], matrix.ends[1], atol=1e-12)


def test_every_position_of_the_switches_is_shown():
    widget = Probes(table())
    seen = set()
    for layer in widget.choice.options:
        for above in (False, True):
            widget.choice.value, widget.switch.value = layer, above
            np.testing.assert_array_equal(widget.matrix.values, compute_matrix(table(), layer, above).values)
            assert widget.text.startswith(f"{layer}, {'above' if above else 'score'}")
            assert "<b>" not in widget.image.value + widget.status.value
            assert repr(widget) == f"Probes({widget.text})"
            seen.add(widget.image.value)
    assert len(seen) == 4
    assert "≈ −30 %" in widget.text


def test_an_error_is_shown_in_place():
    widget = Probes(table())
    widget.table = widget.table[widget.table.way != "untrained"]
    widget.switch.value = True
    assert 'role="alert"' in widget.status.value


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.drop(columns="seed"), "seed"),
        (lambda t: t[t.way != "untrained"], "floor"),
        (lambda t: t[(t.way != "untrained") | (t.layer == "above")], "floor"),
        (lambda t: t[:0], "floor"),
    ],
)
def test_a_table_that_cannot_be_shown_is_refused(change, words):
    with pytest.raises(ValueError, match=words):
        Probes(change(table()))


def test_an_unknown_layer_is_refused():
    with pytest.raises(ValueError, match="below, above"):
        Probes(table(), layer="relu9")


def test_the_stored_probes_can_be_shown():
    widget = Probes(bank.load("inside_probes"), above=True)
    assert widget.layer == "relu3"
    assert (widget.matrix.values < 0).any()  # training can blind
