"""The exercises of lesson 11: labels that cost nothing, a control to design, what belongs together, a graph's round."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from ..chance import generator
from .exercise import Exercise, attempted, fault_of_design, judged, no_number
from .tensors import (
    Mistakes,
    call_with,
    furthest_off,
    handed,
    in_other_order,
    mistake_made,
    no_finite,
    no_tensor,
    same_numbers,
)

PIXELS = (2, 3)  # the axes of a batch of pictures that a turn moves: h and w
PICTURES = ((3, 3, 3, 3), (5, 2, 4, 4))  # first a cube: whoever turns other axes still has numbers to be told apart by
CONTROLS = {
    "A": "that tells whether longer training helps. A second loss and 900 more pictures came with way up, too",
    "B": "decay is one more way not to overfit: whether it helps as much says nothing of what helped here",
    "D": "that tells how much there was to gain, and not what gained the 3 points",
    "C": None,
}
SPLITS = {
    "training": "on 100 pictures that it has learnt, whatever overfits most is best",
    "test": "of several, the best on test is also the luckiest there, and its score on test is too high",
    "validation": None,
}
CURVES = {
    "together": "with way up and 100 labels the score lies on it, at 100 labels, however much way up helps",
    "shuffled": "false labels may do harm, and who trains garment alone has none to make up for",
    "alone": None,
}
GRAPH = (5, (0, 1), (0, 2), (0, 3), (2, 3), (3, 4))  # how many nodes, and which are tied
WITH_A_LONE_NODE = (6, (0, 1), (0, 2), (1, 2), (0, 4), (0, 5))


# --- labels that cost nothing ----------------------------------------------------------------------------------------


def rotation(function: Callable[[Tensor], tuple[Tensor, Tensor]]) -> str | None:
    """``turned(x)``: each picture of x (n, c, h, w) by 0, 90, 180 and 270°, (4n, c, h, w), and its label 0 to 3, (4n,).

    Label k is k quarter turns anticlockwise, as ``torch.rot90`` turns and as *way up* is labelled in ``questions``. The
    rows may stand in any order. Gidaris, Singh & Komodakis 2018, "Unsupervised representation learning by predicting
    image rotations".
    """
    for shape in PICTURES:
        x = torch.rand(shape, generator=generator("turned", *shape))
        given, problem = call_with(function, {"x": x})
        if because := problem or no_pair(given, x) or wrong_turns(*given, x):
            return because if shape == PICTURES[0] else f"with x of the shape {shape}, {because}"
    return None


def no_pair(given: object, x: Tensor) -> str | None:
    """Why ``given`` is not pictures and labels, two tensors, of which the first may be compared with ``x``."""
    if isinstance(given, Tensor):
        return "one tensor came back, and asked for are two: return pictures, labels."
    if given is None:
        return no_tensor(given)
    if not isinstance(given, tuple | list) or len(given) != 2:
        return f"asked for are two tensors, pictures and labels; yours is a {type(given).__name__}."
    for name, one in zip(("pictures", "labels"), map(attempted, given), strict=True):
        if not isinstance(one, Tensor):
            return f"the {name} are to be one tensor; yours are a {type(one).__name__}."
    pictures, labels = given
    if pictures.dim() < labels.dim() == x.dim():
        return "the labels come first: return pictures, labels."
    return no_finite(pictures)


def wrong_turns(pictures: Tensor, labels: Tensor, x: Tensor) -> str | None:
    """Why ``pictures`` are not those of ``x`` with all turns, or ``labels`` not the turns that they have."""
    pictures = pictures.detach()
    if because := wrong_number(pictures, x) or wrong_pictures(pictures, x):
        return because
    n, place = len(x), equal_rows(pictures, turns_of(x)).int().argmax(1)
    return wrong_labels(labels, place // n, place % n)


def turns_of(x: Tensor, axes: tuple[int, int] = PIXELS) -> Tensor:
    """The pictures of ``x`` (n, …) by 0, then all by one, two and three quarter turns, (4n, …)."""
    return torch.cat([x.rot90(k, axes) for k in range(4)])


def equal_rows(one: Tensor, other: Tensor) -> Tensor:
    """Which picture of ``one`` is which of ``other``: true or false, (len(one), len(other))."""
    return (one[:, None].to(other) - other).abs().flatten(2).amax(2) < 1e-4


def wrong_number(pictures: Tensor, x: Tensor) -> str | None:
    """Why there are not four times as many pictures as in ``x``, of one shape with them; None where there are."""
    n, each, own = len(x), x.shape[1:], pictures.shape
    if own in ((n, 4, *each), (4, n, *each)):
        return (
            "the turns have an axis of their own, and asked for is one row of pictures: torch.cat, or .flatten(0, 1)."
        )
    known = {
        n: "there are as many pictures as in x: each is asked for four times, once with every turn.",
        3 * n: "there are three times as many pictures as in x: the turn by 0 is one of the four.",
        4: "there are four pictures, the turns of one: all of x are to be turned.",
    }
    if own[1:] == each and own[0] != 4 * n:
        return known.get(own[0], f"of {n} pictures with four turns {4 * n} are made; yours are {own[0]}.")
    return None if own[1:] == each else f"(4n, c, h, w) is {(4 * n, *each)} here; your pictures are {tuple(own)}."


def wrong_pictures(pictures: Tensor, x: Tensor) -> str | None:
    """Why ``pictures`` (4n, c, h, w) are not each one of ``x`` with each turn; None where they are."""
    found, n = equal_rows(pictures, turns_of(x)), len(x)
    if found.any(1).all():
        lacking = (~found.any(0)).nonzero().flatten().tolist()
        turns = found.int().argmax(1).div(n, rounding_mode="floor").unique().tolist()
        if len(turns) == 1 and len(lacking) == 3 * n:
            way = f"turned by {90 * turns[0]}°" if turns[0] else "as it was"
            return f"each picture is there four times, {way}: it is asked for once with every turn."
        if lacking:
            return f"x[{lacking[0] % n}] turned by {90 * (lacking[0] // n)}° is not there, and another is there twice."
        return None
    for axes in itertools.combinations(range(4), 2):
        if x.shape[axes[0]] == x.shape[axes[1]] and equal_rows(pictures, turns_of(x, axes)).any(1).all():
            return f"the axes {axes} are turned. The pixels are {PIXELS}: torch.rot90(x, k, {PIXELS})."
    if (found | equal_rows(pictures, turns_of(x.mT))).any(1).all():
        return "some pictures are mirrored, which no turn does: torch.rot90, and neither flip nor transpose alone."
    return (
        f"{(~found.any(1)).sum().item()} of your {len(pictures)} pictures are none of x, whichever way they are turned."
    )


def wrong_labels(labels: Tensor, k: Tensor, which: Tensor) -> str | None:
    """Why ``labels`` are not ``k``, the quarter turns of a row, picture ``which`` of x; None where they are."""
    if labels.dtype != torch.long:
        return f"the labels are {labels.dtype}; classes are whole numbers, torch.long, or cross_entropy refuses them."
    if labels.shape != k.shape:
        known = {
            (4,): "there are four labels, one for each turn: every row needs its own.",
            (len(k), 4): "the labels are one-hot; asked for is one number a row, 0 to 3.",
        }
        own = tuple(labels.shape)
        return known.get(own, f"(4n,) is {(len(k),)} here; your labels have the shape {own}.")
    if torch.equal(labels, k):
        return None
    other = f"{labels.ne(k).sum().item()} of {len(k)} labels are not the turn of their row's picture."
    return mistake_made(labels, mistaken_turns(k, which)) or other


def mistaken_turns(k: Tensor, which: Tensor) -> Mistakes:
    """The labels, (4n,), of those who get them wrong."""
    n = len(k) // 4
    turns = torch.arange(4)
    return [
        (90 * k, "the labels are degrees; asked for is the number of quarter turns, 0 to 3."),
        (k + 1, "the labels run from 1 to 4: count from 0, which is no turn."),
        (
            -k % 4,
            "your 1 is a turn clockwise. In torch.rot90, and in way up, it is anticlockwise: the top then points left.",
        ),
        (which, "the labels tell which picture it is; asked for is how it is turned."),
        *((torch.full_like(k, same), f"all labels are {same}.") for same in range(4)),
        (
            turns.repeat(n),
            "the labels go 0, 1, 2, 3 over and over, and the turns of your pictures do not. After torch.cat they stand "
            "in blocks: repeat_interleave.",
        ),
        (
            turns.repeat_interleave(n),
            "the labels stand in blocks, and the turns of your pictures do not. Picture by picture they go 0, 1, 2, 3 "
            "over and over: repeat.",
        ),
    ]


# --- a control to design ---------------------------------------------------------------------------------------------


def protocol(control: str, split: str, curve: str) -> str | None:
    """Which training tells whether it is what way up is about that helps, on which split settings are chosen, and on
    which curve over labels a score is read off as a number of labels."""
    return fault_of_design({"control": CONTROLS, "split": SPLITS, "curve": CURVES}, control, split, curve)


# --- what belongs together -------------------------------------------------------------------------------------------


def contrast(function: Callable[[Tensor, Tensor, float], Tensor]) -> str | None:
    """``mismatch(a, b, temperature)``: the symmetric InfoNCE R of features a and b (n, d) of the same n things.

    Oord, Li & Vinyals 2018, "Representation learning with contrastive predictive coding"; both ways, as in
    :class:`~mtl_lesson.sharing.contrastive.Contrastive`, Radford et al. 2021.
    """
    five, four = seen_twice(5, 4, 0.4), seen_twice(4, 6, 0.2)
    given, problem = call_with(function, five)
    if because := problem or no_single(given, five["a"]) or wrong_mismatch(given, **five):
        return because
    given, problem = call_with(function, four)
    if problem or no_single(given, four["a"]) or wrong_mismatch(given, **four):
        return "it is right for five things and temperature 0.4, and wrong for four and 0.2."
    return None


def seen_twice(n: int, d: int, temperature: float) -> dict[str, Tensor | float]:
    """Features a and b (n, d) of the same n things, not of size 1, and a temperature; always the same."""
    drawn = generator("seen twice", n, d)
    a = 2 * torch.randn(n, d, generator=drawn, dtype=torch.float64)
    b = 0.3 * a + torch.randn(n, d, generator=drawn, dtype=torch.float64)
    return {"a": a, "b": b, "temperature": temperature}


def no_single(given: object, a: Tensor) -> str | None:
    """What is wrong with what should be one number for all things of ``a`` (n, d)."""
    if not isinstance(given, Tensor):
        return no_number(given)
    n = len(a)
    if given.shape == (n,):
        return "this is a number for each thing; R is their mean."
    if given.shape == (n, n):
        return "this is a number for each pair; R is one, from those of a thing with itself, the diagonal."
    return no_finite(given) if given.numel() == 1 else f"R is one number; yours has the shape {tuple(given.shape)}."


def wrong_mismatch(given: Tensor | float, a: Tensor, b: Tensor, temperature: float) -> str | None:
    """Why one number is not R of ``a`` and ``b``; None where it is."""
    given = float(given.detach() if isinstance(given, Tensor) else given)
    right = readings(cosines(a, b) / temperature)[0][0]
    mistakes = dict(mistaken_mismatches(a, b, temperature))
    return judged(given, right, mistakes, f"it is {given:.4f} here, where R is {right:.4f}.", within=1e-5)


def cosines(a: Tensor, b: Tensor) -> Tensor:
    """cos(a_i, b_j), (n, n)."""
    return F.normalize(a, dim=1) @ F.normalize(b, dim=1).T


def readings(S: Tensor) -> list[tuple[float, str]]:
    """R of the scores S (n, n), and what those get who read it off them wrongly."""
    there, back = (-one.log_softmax(1).diagonal() for one in (S, S.T))
    both = there + back
    p, q = (-there).exp(), (-back).exp()  # of the partner, in either direction
    others = S.masked_fill(torch.eye(len(S), dtype=torch.bool), -torch.inf)
    pushed = others.logsumexp(1) + others.logsumexp(0) - 2 * S.diagonal()
    one_way = "this is one direction, {}: the other has the softmax over the other axis, of Sᵀ."
    unlogged = "the log is missing: these are probabilities."
    early = "the probabilities are averaged before the log: take the log of each, then the mean."
    found = [
        (both.mean() / 2, ""),
        (there.mean(), one_way.format("from a to b")),
        (back.mean(), one_way.format("from b to a")),
        (there.sum(), "this is one direction, and the sum over things: both directions, and means."),
        (both.mean(), "the two directions are added up: R has half of each."),
        (both.sum() / 2, "this is the sum over things; R has the mean, so that it is no larger in a larger batch."),
        (both.sum(), "this is the sum over things and directions: the mean over things, and half of each direction."),
        (-both.mean() / 2, "the minus is missing: R is to fall where the probability of the partner rises."),
        ((p + q).mean() / 2, unlogged),
        (-(p + q).mean() / 2, unlogged),
        (-(p.mean().log() + q.mean().log()) / 2, early),
        (-((p + q).mean() / 2).log(), early),
        (-(S.log_softmax(1) + S.log_softmax(0)).mean() / 2, "this is the mean over all pairs; R has those with j = i."),
        (pushed.mean() / 2, "the partner is missing among those that the softmax divides by: it goes over all j."),
        (-S.diagonal().mean(), "there is no softmax, so nothing keeps a thing away from the others."),
    ]
    return [(value.item(), because) for value, because in found]


def mistaken_mismatches(a: Tensor, b: Tensor, temperature: float) -> list[tuple[float, str]]:
    """What those get who take other scores, however they read them, or read R wrongly off the right ones."""
    C, τ = cosines(a, b), temperature
    one, other = F.normalize(a, dim=1), F.normalize(b, dim=1)
    scores = [
        (a @ b.T / τ, "these are inner products; a cosine has features of size 1: F.normalize(a, dim=1), and of b."),
        (one @ b.T / τ, "b is not of size 1; a cosine is of two features of size 1."),
        (a @ other.T / τ, "a is not of size 1; a cosine is of two features of size 1."),
        (
            F.normalize(a, dim=0) @ F.normalize(b, dim=0).T / τ,
            "a feature is normalised over the things of the batch: a thing is a row, F.normalize(a, dim=1).",
        ),
        (one.T @ other / τ, "S is (d, d), a feature with a feature. A thing with a thing is a @ b.T, (n, n)."),
        (C * τ, "the temperature multiplies: divide by it."),
        (C, "the temperature is not in it."),
    ]
    apart = "this is how far partners are apart, and nothing keeps a thing away from the others."
    distances = [(1 - C.diagonal()).mean(), (a - b).square().sum(1).mean(), F.mse_loss(a, b), F.mse_loss(one, other)]
    distances += [(one - other).square().sum(1).mean(), (a - b).norm(dim=1).mean()]
    return [
        *readings(C / τ)[1:],
        *((value.item(), apart) for value in distances),
        *((value, because) for S, because in scores for value, _ in readings(S)),
    ]


# --- a graph's round -------------------------------------------------------------------------------------------------


def propagate(function: Callable[[Tensor, Tensor], Tensor]) -> str | None:
    """``propagate(A, h)``: Â h with Â = D^(−1/2) (A + I) D^(−1/2), where D has the degrees of A + I; (n, d).

    A (n, n) is 1 where two nodes are tied, and h (n, d) what each node knows. Kipf & Welling 2017, "Semi-supervised
    classification with graph convolutional networks".
    """
    tied = {"A": tie(*GRAPH), "h": known_at_first(GRAPH[0], 3)}
    given, problem = handed(function, tied)
    if because := problem or wrong_round(given, **tied):
        return because
    alone = {"A": tie(*WITH_A_LONE_NODE), "h": known_at_first(WITH_A_LONE_NODE[0], 2)}
    given, problem = handed(function, alone)
    if because := problem or wrong_round(given, **alone):
        return f"it is right where every node is tied to another, and with six nodes, one of them alone, {because}"
    return None


def tie(n: int, *ties: tuple[int, int]) -> Tensor:
    """A (n, n), 1 where two nodes are tied and else 0."""
    A = torch.zeros(n, n, dtype=torch.float64)
    for i, j in ties:
        A[i, j] = A[j, i] = 1
    return A


def known_at_first(n: int, d: int) -> Tensor:
    """h (n, d), always the same."""
    return torch.randn(n, d, generator=generator("known at first", n, d), dtype=torch.float64)


def scaled(A: Tensor, left: float = -0.5, right: float = -0.5, degrees: Tensor | None = None) -> Tensor:
    """D^left A D^right, D the degrees of A unless others are given."""
    D = A.sum(1) if degrees is None else degrees
    return D[:, None] ** left * A * D**right


def wrong_round(given: Tensor, A: Tensor, h: Tensor) -> str | None:
    """Why ``given`` is not Â h; None where it is."""
    Â = scaled(A + torch.eye(len(A)))
    right = Â @ h
    if same_numbers(given, right):
        return None
    if same_numbers(given, Â):
        return "this is Â; asked for is what nodes know after a round, Â h."
    if in_other_order(given, right):
        return f"the numbers are right and stand otherwise: (n, d) is {tuple(h.shape)} here."
    if given.shape != right.shape:
        return f"(n, d) is {tuple(h.shape)} here; yours has the shape {tuple(given.shape)}."
    return mistake_made(given, mistaken_rounds(A, h)) or furthest_off(given, right, "Â h")


def mistaken_rounds(A: Tensor, h: Tensor) -> Mistakes:
    """What those get, (n, d), who get Â h wrong; no node of ``A`` is alone."""
    I = torch.eye(len(A), dtype=A.dtype)
    ties, Â, D = A + I, scaled(A + I), A.sum(1)
    matrices = [
        (A, "this is A h, a plain sum over neighbours: each node is tied to itself, too, and Â is scaled."),
        (ties, "nothing is scaled: (A + I) h grows with a node's degree."),
        (scaled(A), "no node is tied to itself, so it forgets what it knew: A + I, and the degrees of that."),
        (scaled(A, degrees=D + 1), "the degrees are those of A + I, and the messages those of A: I is missing there."),
        (scaled(ties, degrees=D), "the degrees are those of A; D has those of A + I, one more for each node."),
        (I + scaled(A), "I is added after scaling: add it to A first, and take the degrees of A + I."),
        (scaled(ties, -1, 0), "this is the mean over neighbours, D⁻¹ (A + I): Â has D^(−1/2) on both sides."),
        (
            scaled(A, -1, 0),
            "this is the mean over neighbours without the node itself: A + I, with D^(−1/2) on both sides.",
        ),
        (scaled(ties, 0, -1), "only who sends is scaled, by D⁻¹: Â has D^(−1/2) on both sides."),
        (scaled(ties, -0.5, 0), "D^(−1/2) stands on the left alone: who sends is scaled, too."),
        (scaled(ties, 0, -0.5), "D^(−1/2) stands on the right alone: who receives is scaled, too."),
        (scaled(ties, -1, -1), "D⁻¹ is on both sides: take the root, D^(−1/2)."),
        (scaled(ties, 0.5, 0.5), "D^(+1/2) multiplies: Â divides by the roots of both degrees."),
        (scaled(ties + I), "a node is tied to itself twice: A + I has ones on its diagonal."),
        (Â @ Â, "these are two rounds; asked for is one."),
        (I, "this is h: no message has been sent."),
    ]
    return [
        *((matrix @ h, because) for matrix, because in matrices),
        ((Â @ h).relu(), "there is a ReLU in it; a round of messages is linear."),
    ]


rotation = Exercise(
    "Exercise 1",
    rotation,
    praise="Nobody had to name a picture. Where pictures have no up, as from the air, there is nothing to learn.",
    hints=(
        "torch.rot90(x, k, (2, 3)) turns all pictures of x by k quarter turns; torch.cat joins four of these.",
        "After torch.cat the first n rows have label 0, the next n label 1: torch.arange(4).repeat_interleave(len(x)).",
    ),
)
protocol = Exercise(
    "Exercise 2",
    protocol,
    praise="All of a second task is there but what its labels say. And labels of validation are labels: count them.",
    hints=(
        "Way up also brings a second loss, more pictures and more steps. Which control keeps all of these?",
        "How many labels would garment have needed without way up? And what has nobody looked at until the end?",
    ),
)
contrast = Exercise(
    "Exercise 3",
    contrast,
    praise="Where nothing is told apart this is log n, so results at another batch size are others.",
    hints=(
        "S = F.normalize(a, dim=1) @ F.normalize(b, dim=1).T / temperature: a row for each thing of a.",
        "F.cross_entropy(S, torch.arange(len(S))) is one direction: the right class of row i is i. Then S.T.",
    ),
)
propagate = Exercise(
    "Exercise 4",
    propagate,
    praise="After k rounds a node knows what lies k ties away; after very many, all know the same but for √degree.",
    hints=(
        "torch.eye(len(A)) is I. The degree of a node is the sum of its row of A + I.",
        "With r = degree ** -0.5, Â is r[:, None] * (A + I) * r.",
    ),
)
