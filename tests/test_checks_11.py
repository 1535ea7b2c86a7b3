"""The exercises of lesson 11: the stub, the solution, and each typical mistake with its own answer."""

import itertools
import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from mtl_lesson import checks
from mtl_lesson.checks import lesson_11, tensors
from mtl_lesson.data import questions
from mtl_lesson.sharing import contrastive

TEXTS = sorted((Path(__file__).resolve().parents[1] / "notebooks" / "text").glob("11_*.py"))
PIXELS = (2, 3)
NONSENSE = [  # what no function of this lesson should return
    "four",
    3.5,
    True,
    math.nan,
    [],
    (),
    {},
    {"R": 1.0},
    [1.0, None],
    np.zeros((12, 3)),
    object(),
    torch.tensor([]),
    torch.zeros(0, 3, 3, 3),
    torch.tensor(3),
    torch.tensor(True),
    torch.tensor(math.inf),
    torch.zeros(2, 3, 4, 5, 6),
    torch.zeros(5, 3, dtype=torch.complex64),
    torch.full((5, 3), math.nan),
    torch.eye(5),
    torch.zeros(1, 1),
]


def told_apart(exercise, answer, state, words):
    result = exercise(answer)
    assert result.state == state, result.words
    assert words in result.words, result.words


def one_told_apart_from_another(values, within=1e-3):
    """Whether no two of several (value, message) are one number, but for those with one message."""
    pairs = itertools.combinations(values, 2)
    return all(because == why or not math.isclose(a, b, rel_tol=within) for (a, because), (b, why) in pairs)


# Turned pictures.


def turned(x):
    return torch.cat([x.rot90(k, (2, 3)) for k in range(4)]), torch.arange(4).repeat_interleave(len(x))


def picture_by_picture(x):
    rows = [(one.rot90(k, (1, 2)), k) for one in x for k in range(4)]
    return torch.stack([one for one, _ in rows]), torch.tensor([k for _, k in rows])


def in_any_order(x):
    pictures, labels = turned(x)
    order = torch.randperm(len(labels))
    return [pictures[order], labels[order]]


def from_flips(x):
    once, twice = x.mT.flip(2), x.flip(2, 3)
    return torch.stack([x, once, twice, x.mT.flip(3)], 1).flatten(0, 1), torch.arange(4).repeat(len(x))


def in_numpy(x):
    pictures = np.concatenate([np.rot90(x.numpy(), k, (2, 3)) for k in range(4)]).astype(np.float64)
    return torch.tensor(pictures), torch.tensor(np.repeat(np.arange(4), len(x)))


def by_axes(*axes):
    return lambda x: (torch.cat([x.rot90(k, axes) for k in range(4)]), turned(x)[1])


def with_labels(labels):
    """Who turns as asked for, and labels otherwise."""
    return lambda x: (turned(x)[0], labels(turned(x)[1]))


def with_pictures(pictures):
    """Who labels as asked for, and turns otherwise."""
    return lambda x: (pictures(x), turned(x)[1])


def alternating(labels):
    return lambda x: (picture_by_picture(x)[0], labels(len(x)))


def one_row_wrong(x):
    pictures, labels = turned(x)
    pictures[5] = pictures[4]
    return pictures, labels


def two_labels_swapped(x):
    pictures, labels = turned(x)
    labels[[0, -1]] = labels[[-1, 0]]
    return pictures, labels


def in_place(x):
    pictures = []
    for _ in range(4):
        pictures.append(x.clone())
        x.copy_(x.rot90(1, (2, 3)))
    x.mul_(2)
    return torch.cat(pictures), torch.arange(4).repeat_interleave(len(x))


def for_three(x):
    pictures, labels = turned(x)
    return pictures, torch.arange(4).repeat_interleave(3) if len(x) == 3 else labels.flip(0)


def clockwise_unless_three(x):
    pictures, labels = turned(x)
    return pictures, labels if len(x) == 3 else -labels % 4


TURNS = [
    (lambda x: ..., "not attempted", ""),
    (lambda x: (..., ...), "not attempted", ""),
    (lambda x: (turned(x)[0], ...), "not attempted", ""),
    (turned, "right", "Nobody had to name a picture"),
    (picture_by_picture, "right", ""),
    (in_any_order, "right", ""),
    (from_flips, "right", ""),
    (in_numpy, "right", ""),
    (lambda x: turned(x.requires_grad_()), "right", ""),
    (by_axes(3, 2), "wrong", "turn clockwise"),
    (with_labels(lambda k: -k % 4), "wrong", "the top then points left"),
    (with_labels(lambda k: 90 * k), "wrong", "degrees"),
    (with_labels(lambda k: k + 1), "wrong", "count from 0"),
    (with_labels(lambda k: k.double()), "wrong", "torch.float64; classes are whole numbers"),
    (with_labels(lambda k: k.int()), "wrong", "torch.int32"),
    (with_labels(lambda k: k > 0), "wrong", "torch.bool"),
    (with_labels(lambda k: k[:, None]), "wrong", "(4n,) is (12,) here; your labels have the shape (12, 1)"),
    (with_labels(lambda k: k[:3]), "wrong", "have the shape (3,)"),
    (with_labels(lambda k: torch.arange(4)), "wrong", "one for each turn"),
    (with_labels(lambda k: F.one_hot(k)), "wrong", "one-hot"),
    (with_labels(lambda k: torch.arange(3).repeat(4)), "wrong", "which picture it is"),
    (alternating(lambda n: torch.arange(n).repeat_interleave(4)), "wrong", "which picture it is"),
    (with_labels(lambda k: 0 * k), "wrong", "all labels are 0"),
    (with_labels(lambda k: 0 * k + 3), "wrong", "all labels are 3"),
    (with_labels(lambda k: torch.arange(4).repeat(3)), "wrong", "they stand in blocks: repeat_interleave"),
    (alternating(lambda n: torch.arange(4).repeat_interleave(n)), "wrong", "over and over: repeat."),
    (two_labels_swapped, "wrong", "2 of 12 labels"),
    (with_labels(lambda k: k.roll(1)), "wrong", "4 of 12 labels"),
    (with_labels(lambda k: k.tolist()), "wrong", "the labels are to be one tensor; yours are a list"),
    (with_labels(lambda k: k.numpy()), "wrong", "yours are a ndarray"),
    (with_labels(lambda k: None), "wrong", "yours are a NoneType"),
    (with_pictures(lambda x: x.repeat(4, 1, 1, 1)), "wrong", "four times, as it was"),
    (with_pictures(lambda x: x.rot90(1, PIXELS).repeat(4, 1, 1, 1)), "wrong", "four times, turned by 90°"),
    (with_pictures(lambda x: x[:1].repeat(12, 1, 1, 1)), "wrong", "x[1] turned by 0° is not there"),
    (one_row_wrong, "wrong", "x[2] turned by 90° is not there"),
    (by_axes(0, 1), "wrong", "the axes (0, 1) are turned"),
    (by_axes(0, 3), "wrong", "the axes (0, 3) are turned"),
    (by_axes(1, 2), "wrong", "the axes (1, 2) are turned. The pixels are (2, 3)"),
    (by_axes(3, 1), "wrong", "the axes (1, 3) are turned"),
    (with_pictures(lambda x: torch.cat([x, x.mT, x.flip(2, 3), x.mT.flip(2, 3)])), "wrong", "mirrored"),
    (with_pictures(lambda x: torch.cat([x, x.flip(2), x.flip(3), x.flip(2, 3)])), "wrong", "mirrored"),
    (with_pictures(lambda x: 255 * turned(x)[0]), "wrong", "12 of your 12 pictures are none of x"),
    (with_pictures(lambda x: torch.cat([x, x, x.roll(1, 3), x])), "wrong", "3 of your 12 pictures"),
    (with_pictures(lambda x: torch.stack([x.rot90(k, PIXELS) for k in range(4)])), "wrong", ".flatten(0, 1)"),
    (with_pictures(lambda x: torch.stack([x.rot90(k, PIXELS) for k in range(4)], 1)), "wrong", ".flatten(0, 1)"),
    (with_pictures(lambda x: x.rot90(1, PIXELS)), "wrong", "as many pictures as in x"),
    (lambda x: turned(x[:1]), "wrong", "the turns of one"),
    (lambda x: turned(x[:2]), "wrong", "12 are made; yours are 8"),
    (with_pictures(lambda x: turned(x)[0][3:]), "wrong", "the turn by 0 is one"),
    (with_pictures(lambda x: turned(x)[0].flatten(1)), "wrong", "your pictures are (12, 27)"),
    (with_pictures(lambda x: turned(x)[0][:, :1]), "wrong", "(12, 3, 3, 3) here; your pictures are (12, 1, 3, 3)"),
    (with_pictures(lambda x: [x.rot90(k, PIXELS) for k in range(4)]), "wrong", "the pictures are to be one tensor"),
    (with_pictures(lambda x: turned(x)[0] / 0), "wrong", "not finite"),
    (with_pictures(lambda x: (255 * turned(x)[0]).byte()), "wrong", "torch.uint8"),
    (lambda x: turned(x)[::-1], "wrong", "labels come first"),
    (lambda x: turned(x)[0], "wrong", "asked for are two"),
    (lambda x: (*turned(x), 4), "wrong", "asked for are two tensors, pictures and labels; yours is a tuple"),
    (lambda x: dict(enumerate(turned(x))), "wrong", "yours is a dict"),
    (lambda x: None, "wrong", "return missing"),
    (in_place, "wrong", "changes x"),
    (for_three, "wrong", "with x of the shape (5, 2, 4, 4), 20 of 20 labels"),
    (clockwise_unless_three, "wrong", "with x of the shape (5, 2, 4, 4), your 1"),
    (lambda x: (torch.cat([x.rot90(k) for k in range(4)]).reshape(3, 9), 0), "crashed", "RuntimeError"),
    (lambda x: turned(x[0]), "crashed", "IndexError"),
    (lambda: 0, "crashed", "TypeError"),
    (3.0, "wrong", "uncalled"),
]


@pytest.mark.parametrize(("answer", "state", "words"), TURNS)
def test_turned_pictures_are_judged(answer, state, words):
    told_apart(checks.rotation, answer, state, words)


@settings(deadline=None, max_examples=25)
@given(st.permutations(range(12)), st.integers(0, 11), st.integers(0, 11))
def test_rows_may_stand_in_any_order_and_two_labels_that_differ_may_not_be_swapped(order, one, other):
    def reordered(x, swapped=False):
        pictures, labels = turned(x)
        if len(x) == 3:
            pictures, labels = pictures[list(order)], labels[list(order)]
            if swapped:
                labels[[one, other]] = labels[[other, one]]
        return pictures, labels

    assert checks.rotation(reordered).state == "right"
    same = order[one] // 3 == order[other] // 3
    assert checks.rotation(lambda x: reordered(x, swapped=True)).state == ("right" if same else "wrong")


def test_a_label_is_what_the_world_says_of_way_up():
    test = questions(n_train=10).test
    pictures = torch.stack([test.x[test.labels["way up"] == k].mean(0) for k in range(4)])
    (ours, labels), upright = turned(pictures[:1]), torch.zeros(1, 1, 3, 3)
    for picture, label in zip(ours, labels, strict=True):
        assert (pictures - picture).flatten(1).norm(dim=1).argmin() == label  # the mean picture with this way up
    upright[0, 0, 0] = 1  # the top is bright
    sides = {"upright": (0, ...), "left": (..., 0), "upside down": (2, ...), "right": (..., 2)}
    names = next(task.classes for task in questions(n_train=10).tasks if task.name == "way up")
    for picture, label in zip(*turned(upright), strict=True):
        assert picture[0][sides[names[label]]].eq(1).all()


def test_no_two_mistakes_with_labels_are_one():
    k = torch.arange(4).repeat_interleave(3)[torch.tensor([5, 0, 8, 2, 11, 4, 1, 9, 7, 3, 6, 10])]
    found = lesson_11.mistaken_turns(k, torch.arange(3).repeat(4))
    values = [k, *(value for value, _ in found)]
    assert all(not torch.equal(a, b) for a, b in itertools.combinations(values, 2))
    assert len({because for _, because in found}) == len(found)


# The control.

RIGHT = ("C", "validation", "alone")


@pytest.mark.parametrize(
    ("answer", "state", "words"),
    [
        ((..., ..., ...), "not attempted", ""),
        (("C", "validation", ...), "not attempted", ""),
        (RIGHT, "right", "but what its labels say"),
        ((" c", "Validation", "ALONE "), "right", ""),
        (("A", "validation", "alone"), "wrong", "longer training"),
        (("B", "validation", "alone"), "wrong", "one more way not to overfit"),
        (("D", "validation", "alone"), "wrong", "not what gained"),
        (("C", "test", "alone"), "wrong", "luckiest"),
        (("C", "training", "alone"), "wrong", "overfits most"),
        (("C", "validation", "together"), "wrong", "lies on it"),
        (("C", "validation", "shuffled"), "wrong", "false labels"),
        (("E", "validation", "alone"), "wrong", "no control 'E'; there are A, B, C, D"),
        (("C", "seeds", "alone"), "wrong", "no split 'seeds'; there are test, training, validation"),
        (("C", "validation", 3), "wrong", "no curve 3; there are alone, shuffled, together"),
        (("C", "validation"), "crashed", "'curve'"),
    ],
)
def test_a_protocol_is_judged(answer, state, words):
    result = checks.protocol(*answer)
    assert result.state == state, result.words
    assert words in result.words, result.words


def test_one_protocol_alone_is_right_and_each_fault_has_its_own_words():
    every = list(itertools.product(lesson_11.CONTROLS, lesson_11.SPLITS, lesson_11.CURVES))
    assert [one for one in every if checks.protocol(*one).state == "right"] == [RIGHT]
    reasons = [why for part in (lesson_11.CONTROLS, lesson_11.SPLITS, lesson_11.CURVES) for why in part.values() if why]
    assert len(set(reasons)) == len(reasons) == 7


# What belongs together.


def cosines(a, b):
    return F.normalize(a, dim=1) @ F.normalize(b, dim=1).T


def mismatch(a, b, temperature):
    S, partner = cosines(a, b) / temperature, torch.arange(len(a))
    return (F.cross_entropy(S, partner) + F.cross_entropy(S.T, partner)) / 2


def as_the_package(a, b, temperature):
    return contrastive.mismatch(a[None], b[None], temperature)


def thing_by_thing(a, b, temperature):
    total = 0.0
    for i in range(len(a)):
        for one, others in ((a[i], b), (b[i], a)):
            S = [float(one @ other / one.norm() / other.norm() / temperature) for other in others]
            total += math.log(sum(map(math.exp, S))) - S[i]
    return total / 2 / len(a)


def by_einsum(a, b, temperature):
    S = torch.einsum("id,jd->ij", a / a.norm(dim=1, keepdim=True), b / b.norm(dim=1, keepdim=True)) / temperature
    return -(S.log_softmax(0).diag() + S.log_softmax(1).diag()).mean() / 2


def of(scores):
    """Who reads R off other scores."""
    return lambda a, b, temperature: (own(scores(a, b, temperature)) + own(scores(a, b, temperature).T)).mean() / 2


def read(reading):
    """Who reads something else off the right scores."""
    return lambda a, b, temperature: reading(cosines(a, b) / temperature)


def own(S):
    return -S.log_softmax(1).diagonal()


def chance_of(S):
    return S.softmax(1).diagonal()


def normalised_in_place(a, b, temperature):
    a /= a.norm(dim=1, keepdim=True)
    return mismatch(a, b, temperature)


MISMATCHES = [
    (lambda a, b, temperature: ..., "not attempted", ""),
    (mismatch, "right", "log n"),
    (as_the_package, "right", ""),
    (thing_by_thing, "right", ""),
    (by_einsum, "right", ""),
    (lambda a, b, temperature: mismatch(a.float(), b.float(), temperature), "right", ""),
    (lambda a, b, temperature: mismatch(a.requires_grad_(), b, temperature), "right", ""),
    (lambda a, b, temperature: np.float64(mismatch(a, b, temperature)), "right", ""),
    (of(lambda a, b, t: a @ b.T / t), "wrong", "inner products"),
    (of(lambda a, b, t: a @ b.T), "wrong", "here, where R is"),
    (lambda a, b, t: F.cross_entropy(a @ b.T / t, torch.arange(len(a))), "wrong", "inner products"),
    (of(lambda a, b, t: F.normalize(a) @ b.T / t), "wrong", "b is not of size 1"),
    (of(lambda a, b, t: a @ F.normalize(b).T / t), "wrong", "a is not of size 1"),
    (of(lambda a, b, t: F.normalize(a, dim=0) @ F.normalize(b, dim=0).T / t), "wrong", "over the things"),
    (of(lambda a, b, t: F.normalize(a).T @ F.normalize(b) / t), "wrong", "a feature with a feature"),
    (of(lambda a, b, t: cosines(a, b) * t), "wrong", "divide by it"),
    (of(lambda a, b, t: cosines(a, b)), "wrong", "temperature is not in it"),
    (read(lambda S: own(S).mean()), "wrong", "from a to b"),
    (read(lambda S: own(S.T).mean()), "wrong", "from b to a"),
    (read(lambda S: F.cross_entropy(S.T, torch.arange(len(S)))), "wrong", "from b to a"),
    (read(lambda S: own(S).sum()), "wrong", "one direction, and the sum"),
    (read(lambda S: (own(S) + own(S.T)).mean()), "wrong", "half of each"),
    (read(lambda S: (own(S) + own(S.T)).sum() / 2), "wrong", "sum over things; R has the mean"),
    (read(lambda S: (own(S) + own(S.T)).sum()), "wrong", "sum over things and directions"),
    (read(lambda S: -(own(S) + own(S.T)).mean() / 2), "wrong", "minus is missing"),
    (read(lambda S: (chance_of(S) + chance_of(S.T)).mean() / 2), "wrong", "log is missing"),
    (read(lambda S: -(chance_of(S) + chance_of(S.T)).mean() / 2), "wrong", "log is missing"),
    (read(lambda S: -(chance_of(S).mean().log() + chance_of(S.T).mean().log()) / 2), "wrong", "before the log"),
    (read(lambda S: -((chance_of(S) + chance_of(S.T)) / 2).mean().log()), "wrong", "before the log"),
    (read(lambda S: -(S.log_softmax(0) + S.log_softmax(1)).mean() / 2), "wrong", "all pairs"),
    (read(lambda S: -S.diagonal().mean()), "wrong", "no softmax"),
    (lambda a, b, t: 1 - F.cosine_similarity(a, b).mean(), "wrong", "how far partners are apart"),
    (lambda a, b, t: F.mse_loss(a, b), "wrong", "how far partners are apart"),
    (lambda a, b, t: (F.normalize(a) - F.normalize(b)).square().sum(1).mean(), "wrong", "partners are apart"),
    (read(lambda S: (own(S) + own(S.T)) / 2), "wrong", "a number for each thing"),
    (read(lambda S: S), "wrong", "a number for each pair"),
    (lambda a, b, t: a, "wrong", "yours has the shape (5, 4)"),
    (lambda a, b, t: mismatch(a, b, 0.4), "wrong", "wrong for four and 0.2"),
    (lambda a, b, t: mismatch(a, b, t) if len(a) == 5 else a, "wrong", "wrong for four and 0.2"),
    (lambda a, b, t: 1.0, "wrong", "it is 1.0000 here, where R is"),
    (normalised_in_place, "wrong", "changes a"),
    (lambda a, b, t: mismatch(a, b.mul_(2), t), "wrong", "changes b"),
    (lambda a, b, t: mismatch(a, b, 0 * t), "wrong", "not finite"),
    (lambda a, b, t: float("nan"), "wrong", "it is nan"),
    (lambda a, b, t: str(mismatch(a, b, t)), "wrong", "yours is a str"),
    (lambda a, b, t: mismatch(a, b, t).numpy(), "wrong", "yours is a ndarray"),
    (lambda a, b, t: None, "wrong", "return missing"),
    (lambda a, b, t: a @ b, "crashed", "RuntimeError"),
    (lambda a, b: 0.0, "crashed", "TypeError"),
]


@pytest.mark.parametrize(("answer", "state", "words"), MISMATCHES)
def test_a_mismatch_is_judged(answer, state, words):
    told_apart(checks.contrast, answer, state, words)


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 6), st.integers(1, 6), st.floats(0.05, 5))
def test_the_exercise_asks_for_what_contrastive_does_and_log_n_is_where_nothing_is_told_apart(n, d, temperature):
    seen = lesson_11.seen_twice(n, d, temperature)
    (right, _), *_ = lesson_11.readings(lesson_11.cosines(seen["a"], seen["b"]) / temperature)
    for way in (as_the_package, mismatch, by_einsum, thing_by_thing):
        assert math.isclose(way(**seen), right, rel_tol=1e-9, abs_tol=1e-12)
    alike = seen["a"][:1].expand(n, d)
    assert math.isclose(lesson_11.readings(lesson_11.cosines(alike, alike))[0][0], math.log(n), abs_tol=1e-12)


@settings(deadline=None, max_examples=25)
@given(st.floats(1e-3, 1e3) | st.floats(-1e3, -1e-3))
def test_a_number_that_is_off_is_found(by_how_much):
    assert checks.contrast(lambda a, b, t: mismatch(a, b, t) + by_how_much).state == "wrong"


def test_no_two_mistakes_with_a_mismatch_are_one_number():
    five = lesson_11.seen_twice(5, 4, 0.4)
    right = (float(mismatch(**five)), "")
    assert one_told_apart_from_another([right, *lesson_11.mistaken_mismatches(**five)], within=1e-4)


# A round of messages.


def propagate(A, h):
    ties = A + torch.eye(len(A))
    r = ties.sum(1) ** -0.5
    return r[:, None] * ties * r @ h


def by_diagonal_matrices(A, h):
    ties = A + torch.eye(len(A), dtype=A.dtype)
    root = torch.diag(ties.sum(0).rsqrt())
    return root @ ties @ root @ h


def node_by_node(A, h):
    heard = torch.zeros_like(h)
    degree = A.sum(1) + 1
    for i in range(len(A)):
        for j in range(len(A)):
            if A[i, j] or i == j:
                heard[i] += h[j] / (degree[i] * degree[j]).sqrt()
    return heard


def through(matrix):
    """Who multiplies by another matrix of A, A + I, and the degrees of both."""

    def answer(A, h):
        ties = A + torch.eye(len(A))
        return matrix(A, ties, A.sum(1), ties.sum(1)) @ h

    return answer


def scaled(A, D, left, right):
    return D[:, None] ** left * A * D**right


def tied_in_place(A, h):
    A += torch.eye(len(A))
    return propagate(A - torch.eye(len(A)), h)


def diagonal_filled(A, h):
    A.fill_diagonal_(1)
    return scaled(A, A.sum(1), -0.5, -0.5) @ h


def for_three_numbers(A, h):
    return propagate(A, h) * torch.tensor([1.0, 1, 1])[: h.shape[1]] * (1 if h.shape[1] == 3 else 2)


ROUNDS = [
    (lambda A, h: ..., "not attempted", ""),
    (propagate, "right", "k ties away"),
    (by_diagonal_matrices, "right", ""),
    (node_by_node, "right", ""),
    (lambda A, h: torch.einsum("ij,jd->id", propagate(A, torch.eye(len(A)).to(A)), h), "right", ""),
    (lambda A, h: propagate(A.float(), h.float()), "right", ""),
    (lambda A, h: propagate(A, h.requires_grad_()), "right", ""),
    (lambda A, h: propagate((A > 0).double(), h), "right", ""),
    (through(lambda A, ties, D, D1: A), "wrong", "this is A h"),
    (through(lambda A, ties, D, D1: ties), "wrong", "nothing is scaled"),
    (through(lambda A, ties, D, D1: scaled(A, D, -0.5, -0.5)), "wrong", "no node is tied to itself"),
    (through(lambda A, ties, D, D1: scaled(A, D1, -0.5, -0.5)), "wrong", "the messages those of A"),
    (through(lambda A, ties, D, D1: scaled(ties, D, -0.5, -0.5)), "wrong", "the degrees are those of A;"),
    (through(lambda A, ties, D, D1: torch.eye(len(A)) + scaled(A, D, -0.5, -0.5)), "wrong", "after scaling"),
    (through(lambda A, ties, D, D1: scaled(ties, D1, -1, 0)), "wrong", "mean over neighbours, D⁻¹"),
    (through(lambda A, ties, D, D1: scaled(A, D, -1, 0)), "wrong", "without the node itself"),
    (through(lambda A, ties, D, D1: scaled(ties, D1, 0, -1)), "wrong", "only who sends"),
    (through(lambda A, ties, D, D1: scaled(ties, D1, -0.5, 0)), "wrong", "on the left alone"),
    (through(lambda A, ties, D, D1: scaled(ties, D1, 0, -0.5)), "wrong", "on the right alone"),
    (through(lambda A, ties, D, D1: scaled(ties, D1, -1, -1)), "wrong", "take the root"),
    (through(lambda A, ties, D, D1: scaled(ties, D1, 0.5, 0.5)), "wrong", "D^(+1/2)"),
    (lambda A, h: propagate(A + torch.eye(len(A)), h), "wrong", "itself twice"),
    (lambda A, h: propagate(A, propagate(A, h)), "wrong", "two rounds"),
    (lambda A, h: h.clone(), "wrong", "no message has been sent"),
    (lambda A, h: propagate(A, h).relu(), "wrong", "ReLU"),
    (lambda A, h: propagate(A, torch.eye(len(A)).to(A)), "wrong", "this is Â;"),
    (lambda A, h: propagate(A, h).T, "wrong", "stand otherwise: (n, d) is (5, 3)"),
    (lambda A, h: propagate(A, h).flatten(), "wrong", "stand otherwise"),
    (lambda A, h: propagate(A, h).sum(0), "wrong", "yours has the shape (3,)"),
    (lambda A, h: propagate(A, h) * 2, "wrong", "off by up to"),
    (tied_in_place, "wrong", "changes A"),
    (diagonal_filled, "wrong", "changes A"),
    (lambda A, h: propagate(A, h.div_(2)) * 2, "wrong", "changes h"),
    (for_three_numbers, "wrong", "with six nodes, one of them alone, it is off"),
    (lambda A, h: propagate(A, h) / A.sum(1)[:, None] * A.sum(1)[:, None], "wrong", "one of them alone, there are"),
    (lambda A, h: [*propagate(A, h)], "wrong", "torch.stack"),
    (lambda A, h: propagate(A, h).tolist(), "wrong", "yours is a list."),
    (lambda A, h: propagate(A, h).long(), "wrong", "torch.int64"),
    (lambda A, h: propagate(A, h) / 0, "wrong", "not finite"),
    (lambda A, h: None, "wrong", "return missing"),
    (lambda A, h: h @ A, "crashed", "RuntimeError"),
    (lambda A: A, "crashed", "TypeError"),
]


@pytest.mark.parametrize(("answer", "state", "words"), ROUNDS)
def test_a_round_of_messages_is_judged(answer, state, words):
    told_apart(checks.propagate, answer, state, words)


@st.composite
def graphs(draw):
    """Some nodes and ties between them, nodes with none included."""
    n = draw(st.integers(1, 6))
    pairs = list(itertools.combinations(range(n), 2))
    return n, draw(st.lists(st.sampled_from(pairs), unique=True) if pairs else st.just([]))


@settings(deadline=None, max_examples=50)
@given(graphs(), st.integers(1, 4))
def test_the_formula_is_one_in_all_three_ways_and_keeps_the_root_of_the_degrees(graph, d):
    n, ties = graph
    A, h = lesson_11.tie(n, *ties), lesson_11.known_at_first(n, d)
    right = propagate(A, h)
    assert lesson_11.wrong_round(right, A, h) is None
    for way in (by_diagonal_matrices, node_by_node):
        torch.testing.assert_close(way(A, h), right)
    root = (A.sum(1, keepdim=True) + 1).sqrt()  # what is left after very many rounds
    torch.testing.assert_close(propagate(A, root), root)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 4), st.integers(0, 2), st.floats(0.01, 100) | st.floats(-100, -0.01))
def test_one_wrong_number_is_found(node, number, by_how_much):
    def off(A, h):
        heard = propagate(A, h)
        if h.shape[1] == 3:
            heard[node, number] += by_how_much
        return heard

    result = checks.propagate(off)
    assert result.state == "wrong"
    assert "off by up to" in result.words


def test_no_two_mistakes_with_a_round_are_one():
    A, h = lesson_11.tie(*lesson_11.GRAPH), lesson_11.known_at_first(5, 3)
    found = lesson_11.mistaken_rounds(A, h)
    values = [propagate(A, h), *(value for value, _ in found)]
    assert all(not torch.allclose(a, b, rtol=0.01) for a, b in itertools.combinations(values, 2))
    assert len({because for _, because in found}) == len(found)


def test_one_node_is_alone_in_the_second_graph_and_none_in_the_first():
    first, second = (lesson_11.tie(*graph).sum(1) for graph in (lesson_11.GRAPH, lesson_11.WITH_A_LONE_NODE))
    assert first.gt(0).all()
    assert second.eq(0).sum() == 1


# What no function should return.


@pytest.mark.parametrize("nonsense", NONSENSE, ids=lambda one: f"{type(one).__name__} {getattr(one, 'shape', '')}")
@pytest.mark.parametrize("exercise", [checks.rotation, checks.contrast, checks.propagate])
def test_nonsense_is_wrong_and_no_crash(exercise, nonsense):
    arguments = {checks.rotation: 1, checks.contrast: 3, checks.propagate: 2}[exercise]
    answer = {1: lambda x: nonsense, 2: lambda A, h: nonsense, 3: lambda a, b, t: nonsense}[arguments]
    assert exercise(answer).state == "wrong"


def test_a_pair_of_nonsense_is_wrong_and_no_crash():
    sense = turned(torch.rand(lesson_11.PICTURES[0]))
    pairs = [*itertools.product(NONSENSE, repeat=2), *((sense[0], one) for one in NONSENSE)]
    for pair in [*pairs, *((one, sense[1]) for one in NONSENSE)]:
        assert checks.rotation(lambda x, pair=pair: pair).state == "wrong", pair


# What two lessons ask first.


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(1, 3), min_size=1, max_size=3), st.booleans())
def test_axes_in_another_order_or_joined_hold_the_same(shape, joined):
    right = torch.randn(shape, dtype=torch.float64)
    for order in itertools.permutations(range(len(shape))):
        other = right.permute(order)
        assert tensors.in_other_order(other.flatten() if joined else other, right)
    assert not tensors.in_other_order(right + 1, right)
    assert not tensors.in_other_order(torch.cat([right, right]), right)


def test_the_first_mistake_with_these_numbers_is_told():
    one, two = torch.zeros(2), torch.ones(2)
    mistakes = [(one, "zeros"), (two, "ones"), (one, "zeros again"), (torch.zeros(3), "three")]
    assert tensors.mistake_made(torch.zeros(2).float(), mistakes) == "zeros"
    assert tensors.mistake_made(torch.ones(2, dtype=torch.long), mistakes) == "ones"
    assert tensors.mistake_made(torch.zeros(3), mistakes) == "three"
    assert tensors.mistake_made(torch.full((2,), 2.0), mistakes) is None


# What the lesson says of them.


@pytest.mark.parametrize(
    ("exercise", "stub"),
    [
        (checks.rotation, [lambda x: (..., ...)]),
        (checks.protocol, [..., ..., ...]),
        (checks.contrast, [lambda a, b, temperature: ...]),
        (checks.propagate, [lambda A, h: ...]),
    ],
)
def test_who_has_not_begun_is_told_of_the_hints(exercise, stub):
    told = exercise(*stub)
    assert told.state == "not attempted"
    assert f"checks.{exercise.judge.__name__}.hint()" in told.words
    assert len(exercise.hints) == 2


def folded(text):
    return re.findall(r"<details>.*?</details>", text.read_text(encoding="utf-8"), re.S)


@pytest.mark.parametrize(
    ("exercise", "name"),
    [(checks.rotation, "turned"), (checks.contrast, "mismatch"), (checks.propagate, "propagate")],
)
def test_the_folded_solution_is_right(exercise, name):
    solutions = [text for text in folded(*TEXTS) if f"def {name}(" in text]
    if not solutions and name == "propagate":
        pytest.skip("lesson 11 leaves this exercise out")
    (solution,) = solutions
    space = {"torch": torch, "F": F}
    exec(re.search(r"```python\n(.*?)```", re.sub(r"(?m)^# ?", "", solution), re.S)[1], space)
    assert exercise(space[name]).state == "right"


def test_the_folded_protocol_is_right():
    (answer,) = re.findall(r'`\("(\w)", "(\w+)", "(\w+)"\)`', TEXTS[0].read_text(encoding="utf-8"))
    assert checks.protocol(*answer).state == "right"
