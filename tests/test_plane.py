"""Two tasks' gradients in a plane: what the methods make of them, held against what defines each method."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtl_lesson.weighting.plane import METHODS, angle_between, answer_of, answers_of, at_angle, helped

ANGLES, SIZES = st.floats(0, 180), st.floats(0.05, 20)
PAIRS = st.builds(lambda angle, one, two: at_angle(angle, (one, two)), ANGLES, SIZES, SIZES)
EXAMPLES = settings(max_examples=30, deadline=None)
HARMLESS = [name for name in METHODS if name not in ("weighted sum", "Aligned-MTL")]


def units(G):
    return G / np.linalg.norm(G, axis=1, keepdims=True)


@EXAMPLES
@given(ANGLES, SIZES, SIZES)
def test_an_angle_and_sizes_are_found_again(angle, one, two):
    g1, g2 = at_angle(angle, (one, two))
    assert angle_between(g1, g2) == pytest.approx(angle, abs=1e-6)
    assert np.hypot(*g1) == pytest.approx(one)
    assert np.hypot(*g2) == pytest.approx(two)


@EXAMPLES
@given(PAIRS, st.floats(0, 5), st.floats(0.1, 5))
def test_each_answer_is_what_its_method_promises(G, w1, w2):
    g1, g2 = G
    found, long = answers_of(g1, g2, weights=(w1, w2)), np.linalg.norm(G, axis=1)
    close = {"rtol": 1e-6, "atol": 3e-4 * (1 + w1 + w2) * long.max()}  # a hair
    np.testing.assert_allclose(found["weighted sum"], w1 * g1 + w2 * g2, **close)
    np.testing.assert_allclose(found["UPGrad"], found["PCGrad"] / 2, **close)
    if g1 @ g2 >= 0:
        np.testing.assert_allclose(found["PCGrad"], g1 + g2, **close)
    else:  # nothing of either pulls against the other
        across = [g - (g @ other) / (other @ other) * other for g, other in ((g1, g2), (g2, g1))]
        np.testing.assert_allclose(found["PCGrad"], sum(across), **close)
    points = np.linspace(0, 1, 2001)[:, None] * g1 + np.linspace(1, 0, 2001)[:, None] * g2
    shortest = np.linalg.norm(points, axis=1).min()
    assert np.hypot(*found["MGDA"]) == pytest.approx(shortest, abs=2e-3 * long.max())
    along = units(G) @ found["IMTL-G"]
    assert along[0] == pytest.approx(along[1], abs=1e-3 * long.max())


@EXAMPLES
@given(st.floats(1, 179), SIZES, SIZES)
def test_nash_is_the_fair_bargain(angle, one, two):
    """Weights of 1 / ⟨g_t, A⟩ define Nash-MTL: the answer of IMTL-G, made √2 long."""
    G = at_angle(angle, (one, two))
    answer = answer_of("IMTL-G", *G)
    answer *= np.sqrt(2) / np.hypot(*answer)
    w = np.linalg.solve(G.T, answer)
    np.testing.assert_allclose(w * (G @ answer), 1, rtol=1e-6)


@EXAMPLES
@given(PAIRS)
def test_the_others_harm_nobody(G):
    for name in HARMLESS:
        assert (helped(answer_of(name, *G), *G) >= 0).all(), name


@EXAMPLES
@given(ANGLES, SIZES, SIZES)
def test_aligned_mtl_harms_a_small_task_where_the_angle_is_wide(angle, one, two):
    """⟨A, g_t⟩ has the sign of Σ_j (G^½)_tj, G = JJᵀ: negative beyond 135° where the other is large enough."""
    G = at_angle(angle, (one, two))
    turned = np.sin(np.radians(angle)) + np.cos(np.radians(angle))
    room = np.array([one + two * turned, two + one * turned])
    if np.abs(room).min() > 0.01 * max(one, two) and 0.5 < angle < 179.5:
        told = helped(answer_of("Aligned-MTL", *G), *G)
        assert (told != -np.sign(room)).all()


@EXAMPLES
@given(st.floats(91, 179), SIZES)
def test_a_sum_harms_the_small_one_where_the_other_is_large_enough(angle, small):
    large = 1.1 * small / -np.cos(np.radians(angle))
    G = at_angle(angle, (large, small))
    assert helped(G.sum(0), *G).tolist() == [1, -1]


@EXAMPLES
@given(PAIRS, st.floats(0, 2 * np.pi), st.floats(0.1, 10), st.sampled_from(METHODS))
def test_answers_turn_and_grow_with_the_gradients(G, turn, factor, name):
    c, s = np.cos(turn), np.sin(turn)
    turned = G @ np.array([[c, s], [-s, c]])
    expected = answer_of(name, *G) @ np.array([[c, s], [-s, c]])
    tolerance = {"rtol": 1e-3, "atol": 1e-3 * np.linalg.norm(G, axis=1).max()}
    np.testing.assert_allclose(answer_of(name, *turned), expected, **tolerance)
    grown = factor * answer_of(name, *G)
    np.testing.assert_allclose(answer_of(name, *(factor * G)), grown, rtol=1e-3, atol=factor * tolerance["atol"])


def test_where_gradients_are_opposite_nothing_is_left_to_help_both():
    g1, g2 = at_angle(180, (1, 0.9))
    for name in HARMLESS:
        answer = answer_of(name, g1, g2)
        assert helped(answer, g1, g2).tolist() == [0, 0], name
        assert np.hypot(*answer) < 1e-3
    assert helped(answer_of("weighted sum", g1, g2), g1, g2).tolist() == [1, -1]


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda: answer_of("Adam", [1, 0], [0, 1]), "no method 'Adam' here; there are weighted sum, PCGrad"),
        (lambda: answer_of("MGDA", [1, 0, 0], [0, 1]), "g1 must be a gradient in the plane"),
        (lambda: answer_of("MGDA", [1, 0], [0, np.nan]), "g2 must be a gradient in the plane"),
        (lambda: answer_of("MGDA", [1, 0], [0, 0]), "g2 is 0: a gradient without a direction"),
        (lambda: answer_of("weighted sum", [1, 0], [0, 1], (0, 0)), "both 0"),
        (lambda: answer_of("weighted sum", [1, 0], [0, 1], (1, -1)), "a weight must be 0 or more"),
        (lambda: answer_of("weighted sum", [1, 0], [0, 1], (1, 1, 1)), "two weights, not 3"),
        (lambda: at_angle(181), "from 0 to 180 degrees"),
        (lambda: at_angle(90, (1, 0)), "size 0 has no direction"),
        (lambda: at_angle(90, (1,)), "two sizes, not 1"),
    ],
)
def test_what_is_no_pair_of_gradients_is_refused(ask, words):
    with pytest.raises(ValueError, match=words):
        ask()
