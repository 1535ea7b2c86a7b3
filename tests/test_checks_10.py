"""The exercises of lesson 10: the stub, the solution, and each typical mistake with its own answer."""

import itertools
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mtl_lesson import checks
from mtl_lesson.checks import lesson_10
from mtl_lesson.training.merge import task_arithmetic

TEXTS = sorted((Path(__file__).resolve().parents[1] / "notebooks" / "text").glob("10_*.py"))


def corrected(W, U, V, x):
    return x @ (W + U @ V.mT).mT


def unbuilt(W, U, V, x):
    return x @ W.T + (x @ V) @ U.mT


def task_by_task(W, U, V, x):
    return torch.stack([x @ (W + u @ v.T).T for u, v in zip(U, V, strict=True)])


def by(theta):
    """Who multiplies by matrices of their own."""
    return lambda W, U, V, x: x @ theta(W, U @ V.mT).mT


def added_in_place(W, U, V, x):
    outputs = []
    for u, v in zip(U, V, strict=True):
        W += u @ v.T
        outputs.append(x @ W.T)
    return torch.stack(outputs)


def drawn(W, U, V, x):
    return corrected(W, torch.randn_like(U), V, x)


def scaled_in_place(W, U, V, x):
    return corrected(W, U, V.mul_(1), x.div_(2)) * 2


def of_three(W, U, V, x):
    return torch.stack([x @ (W + U[t] @ V[t].T).T for t in range(3)])


def of_a_square(W, U, V, x):
    return corrected(W, U, V, x).reshape(len(U), len(x), x.shape[1])


def of_rank_two(W, U, V, x):
    return x @ W.T + sum((x @ V[..., [k]]) @ U[..., [k]].mT for k in (0, -1))


LAYERS = [
    (lambda W, U, V, x: ..., "not attempted", ""),
    (corrected, "right", "r (m + n)"),
    (unbuilt, "right", "in place of m n"),
    (task_by_task, "right", ""),
    (lambda W, U, V, x: torch.einsum("tmn,en->tem", W + torch.einsum("tmr,tnr->tmn", U, V), x).float(), "right", ""),
    (lambda W, U, V, x: corrected(W.requires_grad_(), U, V, x), "right", ""),
    (by(lambda W, away: W + away.mT), "wrong", "correction transposed"),
    (lambda W, U, V, x: x @ W.T + (x @ U) @ V.mT, "wrong", "correction transposed"),
    (lambda W, U, V, x: x @ (W + U @ V.mT), "wrong", "this is x θ_t."),
    (lambda W, U, V, x: x @ W + (x @ V) @ U.mT, "wrong", "x W in it"),
    (by(lambda W, away: away), "wrong", "W is forgotten"),
    (by(lambda W, away: W), "wrong", "no task is corrected"),
    (by(lambda W, away: W.expand(3, 4, 4)), "wrong", "no task is corrected"),
    (by(lambda W, away: W + away.sum(0)), "wrong", "corrections are added up"),
    (by(lambda W, away: (W + away.sum(0)).expand(3, 4, 4)), "wrong", "corrections are added up"),
    (by(lambda W, away: W + away.sum(0, keepdim=True)), "wrong", "corrections are added up"),
    (by(lambda W, away: W + away.mean(0)), "wrong", "mean of all tasks' corrections"),
    (lambda *layer: corrected(*layer).mean(0), "wrong", "mean of all tasks' corrections"),
    (lambda *layer: corrected(*layer).sum(0), "wrong", "outputs are added up"),
    (by(lambda W, away: W + away.cumsum(0)), "wrong", "those before it"),
    (lambda *layer: corrected(*layer)[0], "wrong", "first task's"),
    (lambda *layer: corrected(*layer)[-1], "wrong", "last task's"),
    (by(lambda W, away: W - away), "wrong", "taken away"),
    (by(lambda W, away: W + away / 2), "wrong", "divided by r"),
    (by(lambda W, away: W * away), "wrong", "off by up to"),
    (lambda W, U, V, x: W + U @ V.mT, "wrong", "these are the matrices"),
    (lambda *layer: corrected(*layer).transpose(0, 1), "wrong", "(3, 5, 4) here, and yours is (5, 3, 4)"),
    (lambda *layer: corrected(*layer).flatten(0, 1), "wrong", "yours is (15, 4)"),
    (lambda W, U, V, x: corrected(W, U, V, x)[:, :2], "wrong", "yours has the shape (3, 2, 4)"),
    (lambda W, U, V, x: torch.tensor(0.5), "wrong", "yours has the shape ()"),
    (added_in_place, "wrong", "changes W"),
    (scaled_in_place, "wrong", "changes x"),
    (drawn, "wrong", "draw none"),
    (of_a_square, "crashed", "shape '[2, 4, 6]' is invalid"),
    (of_rank_two, "wrong", "W of shape (3, 6)"),
    (of_three, "crashed", "IndexError"),
    (lambda W, U, V, x: [x @ (W + u @ v.T).T for u, v in zip(U, V, strict=True)], "wrong", "torch.stack"),
    (lambda *layer: corrected(*layer).numpy(), "wrong", "yours is a ndarray"),
    (lambda *layer: corrected(*layer) / 0, "wrong", "not finite"),
    (lambda *layer: corrected(*layer).long(), "wrong", "torch.int64"),
    (lambda *layer: corrected(*layer) > 0, "wrong", "torch.bool"),
    (lambda *layer: None, "wrong", "return missing"),
    (lambda W, U, V, x: x @ (W + U @ V).T, "crashed", "RuntimeError"),
    (lambda W, U: W, "crashed", "TypeError"),
    (3.0, "wrong", "uncalled"),
]


@pytest.mark.parametrize(("answer", "state", "words"), LAYERS)
def test_a_corrected_layer_is_judged(answer, state, words):
    result = checks.low_rank(answer)
    assert result.state == state, result.words
    assert words in result.words, result.words


@settings(deadline=None, max_examples=25)
@given(*[st.integers(1, 5)] * 5)
def test_a_correction_is_the_same_layer_in_all_three_ways(T, m, n, r, examples):
    layer = lesson_10.corrected_layer(T, m, n, r, examples)
    right = lesson_10.layers_applied(**layer)
    assert right.shape == (T, examples, m)
    for way in (unbuilt, task_by_task):
        torch.testing.assert_close(way(**layer), right)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2), st.integers(0, 4), st.integers(0, 3), st.floats(0.01, 100) | st.floats(-100, -0.01))
def test_one_wrong_output_is_found(t, example, output, by_how_much):
    def off(W, U, V, x):
        outputs = corrected(W, U, V, x)
        if len(outputs) > t and outputs.shape[1] > example and outputs.shape[2] > output:
            outputs[t, example, output] += by_how_much
        return outputs

    result = checks.low_rank(off)
    assert result.state == "wrong"
    assert "off by up to" in result.words


def every_pair_is_apart(values):
    return all(not torch.allclose(a, b, rtol=0.01) for a, b in itertools.combinations(values, 2))


def test_no_two_mistakes_with_a_layer_are_one_number():
    layer = lesson_10.corrected_layer(3, 4, 4, 2, 5)
    found = lesson_10.mistaken_layers(*(layer[name] for name in "WUV"))
    values = [(layer["x"] @ value.mT).expand(3, 5, 4) for value, _ in found]
    assert every_pair_is_apart([lesson_10.layers_applied(**layer), *values])
    assert len({because for _, because in found}) == len(found)


# The control.


@pytest.mark.parametrize(
    ("answer", "state", "words"),
    [
        ((..., ..., ...), "not attempted", ""),
        (("C", "seeds", ...), "not attempted", ""),
        (("C", "seeds", 3), "right", "nothing left out but the look"),
        ((" c", "Seeds", np.int64(3)), "right", ""),
        (("A", "seeds", 3), "wrong", "more room than one"),
        (("B", "seeds", 3), "wrong", "whether to share"),
        (("D", "seeds", 3), "wrong", "room again"),
        (("C", "weights", 3), "wrong", "what chance decides"),
        (("C", "both", 3), "wrong", "trunks would differ"),
        (("C", "seeds", 1), "wrong", "the gate is flattered"),
        (("C", "seeds", 9), "wrong", "the control is flattered"),
        (("C", "seeds", 0), "wrong", "not trained"),
        (("C", "seeds", -3), "wrong", "not trained"),
        (("C", "seeds", "3"), "wrong", "whole number"),
        (("C", "seeds", 3.5), "wrong", "whole number"),
        (("C", "seeds", True), "wrong", "whole number"),
        (("E", "seeds", 3), "wrong", "no control 'E'; there are A, B, C, D"),
        (("C", "trunks", 3), "wrong", "no pairing 'trunks'; there are both, seeds, weights"),
    ],
)
def test_a_control_is_judged(answer, state, words):
    result = checks.cut_out(*answer)
    assert result.state == state, result.words
    assert words in result.words, result.words


@given(st.sampled_from("ABCD"), st.sampled_from(["weights", "seeds", "both"]), st.integers(-2, 12))
def test_one_design_alone_is_right(control, same, trials):
    right = (control, same, trials) == ("C", "seeds", 3)
    assert checks.cut_out(control, same, trials).state == ("right" if right else "wrong")


# Afterwards.


def merge(start, ends, lam):
    return start + lam * (ends - start).sum(0)


def merge_in_a_loop(start, ends, lam):
    merged = start.clone()
    for end in ends:
        merged += lam * (end - start)
    return merged


def merge_into_start(start, ends, lam):
    start += lam * (ends - start).sum(0)
    return start


def merge_into_ends(start, ends, lam):
    ends -= start
    return start + lam * ends.sum(0)


def returned_too_early(start, ends, lam):
    for end in ends:
        return start + lam * (end - start)


def overwritten(start, ends, lam):
    for end in ends:
        merged = start + lam * (end - start)
    return merged


MERGES = [
    (lambda start, ends, lam: ..., "not attempted", ""),
    (merge, "right", "at λ = 1/T the mean of the networks"),
    (merge_in_a_loop, "right", ""),
    (lambda start, ends, lam: torch.lerp(start, ends.mean(0), lam * len(ends)).float(), "right", ""),
    (lambda start, ends, lam: start + lam * (ends - start).mean(0), "wrong", "asked for is the sum"),
    (lambda start, ends, lam: (1 - lam) * start + lam * ends.mean(0), "wrong", "asked for is the sum"),
    (lambda start, ends, lam: lam * (ends - start).sum(0), "wrong", "is to be added to where they began"),
    (lambda start, ends, lam: lam * ends.sum(0), "wrong", "start is forgotten: what a network learnt"),
    (lambda start, ends, lam: start + lam * ends.sum(0), "wrong", "taken off no network"),
    (lambda start, ends, lam: start + lam * (ends.sum(0) - start), "wrong", "taken off once"),
    (lambda start, ends, lam: lam * (ends.sum(0) - start), "wrong", "add it again"),
    (lambda start, ends, lam: start + (ends - start).sum(0), "wrong", "λ is not in it"),
    (lambda start, ends, lam: start + lam * (start - ends).sum(0), "wrong", "sign is turned"),
    (lambda start, ends, lam: lam * (start + (ends - start).sum(0)), "wrong", "stands before start, too"),
    (lambda start, ends, lam: ends.mean(0), "wrong", "right at one λ alone"),
    (lambda start, ends, lam: lam * ends.mean(0), "wrong", "start is nowhere"),
    (lambda start, ends, lam: start, "wrong", "nothing of what they learnt"),
    (returned_too_early, "wrong", "inside the loop"),
    (overwritten, "wrong", "only the last network"),
    (merge_into_start, "wrong", "changes start"),
    (merge_into_ends, "wrong", "changes ends"),
    (lambda start, ends, lam: start + lam * (ends - start), "wrong", "merged is one"),
    (lambda start, ends, lam: start.mean() + lam * (ends - start).sum(1), "wrong", "goes over the tasks"),
    (lambda start, ends, lam: merge(start, ends, lam)[None], "wrong", "yours has (1, 6)"),
    (lambda start, ends, lam: (ends - start).sum(), "wrong", "yours has ()"),
    (lambda start, ends, lam: start * ends.prod(0), "wrong", "off by up to"),
    (lambda start, ends, lam: merge(start, ends, 0.3), "wrong", "wrong for two with λ = 1.25"),
    (lambda start, ends, lam: start + lam * 4 * (ends - start).mean(0), "wrong", "wrong for two"),
    (lambda start, ends, lam: [start + lam * (end - start) for end in ends], "wrong", "torch.stack"),
    (lambda start, ends, lam: merge(start, ends, lam).tolist(), "wrong", "yours is a list."),
    (lambda start, ends, lam: merge(start, ends, float("nan")), "wrong", "not finite"),
    (lambda start, ends, lam: merge(start, ends, lam).to(torch.complex64), "wrong", "complex"),
    (lambda start, ends, lam: None, "wrong", "return missing"),
    (lambda start, ends, lam: start + lam * ends.sum(2), "crashed", "IndexError"),
    (lambda start, ends: start, "crashed", "TypeError"),
]


@pytest.mark.parametrize(("answer", "state", "words"), MERGES)
def test_a_merge_is_judged(answer, state, words):
    result = checks.task_arithmetic(answer)
    assert result.state == state, result.words
    assert words in result.words, result.words


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 5), st.integers(1, 6), st.floats(0, 2))
def test_the_exercise_asks_for_what_the_package_does_and_for_the_mean_at_one_in_T(T, P, lam):
    given_ = lesson_10.trained_apart(T, P, lam)
    start, ends = given_["start"], given_["ends"]
    (package,) = task_arithmetic(start.expand_as(ends), ends, [lam])
    torch.testing.assert_close(merge(start, ends, lam), package)
    torch.testing.assert_close(merge(start, ends, 1 / T), ends.mean(0))
    torch.testing.assert_close(merge(start, ends, 0), start)


def test_no_two_mistakes_with_a_merge_are_one_network():
    four = lesson_10.trained_apart(4, 6, 0.3)
    found = lesson_10.mistaken_merges(**four)
    assert every_pair_is_apart([merge(**four), *(value for value, _ in found)])
    assert len({because for _, because in found}) == len(found)


# What the lesson says of them.


@pytest.mark.parametrize(
    ("exercise", "stub"),
    [(checks.low_rank, lambda *_: ...), (checks.task_arithmetic, lambda *_: ...), (checks.cut_out, None)],
)
def test_who_has_not_begun_is_told_of_the_hints(exercise, stub):
    told = exercise(*[stub] if stub else [..., ..., ...])
    assert told.state == "not attempted"
    assert f"checks.{exercise.judge.__name__}.hint()" in told.words
    assert len(exercise.hints) == 2


def folded(text):
    return re.findall(r"<details>.*?</details>", text.read_text(encoding="utf-8"), re.S)


@pytest.mark.parametrize(("exercise", "name"), [(checks.low_rank, "corrected"), (checks.task_arithmetic, "merge")])
def test_the_folded_solution_is_right(exercise, name):
    (solution,) = [text for text in folded(*TEXTS) if f"def {name}(" in text]
    space = {"torch": torch}
    exec(re.search(r"```python\n(.*?)```", re.sub(r"(?m)^# ?", "", solution), re.S)[1], space)
    assert exercise(space[name]).state == "right"


def test_the_folded_design_is_right():
    ((control, same, trials),) = re.findall(r'`\("(\w)", "(\w+)", (\d+)\)`', TEXTS[0].read_text(encoding="utf-8"))
    assert checks.cut_out(control, same, int(trials)).state == "right"
