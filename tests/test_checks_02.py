"""Lesson 02: the design exercise, and that what its exercises say of faulty training is so."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import mtl_lesson as mtl
from mtl_lesson import checks
from mtl_lesson.checks.lesson_02 import CLAIMS, FAULTS, PAIRS, SOUND, Small, random_pictures

MISTAKES = [
    (("A", "seed"), "cannot tell the two apart"),
    (("B", "seed"), "equal weights are not equal room"),
    (("D", "seed"), "a wider network is better anyway"),
    (("C", "picture"), "of the pair 'picture'"),
    (("C", "task"), "not three repetitions"),
    (("C", "epoch"), "hang together"),
    (("E", "seed"), "no claim 'E'; there are A, B, C, D"),
    (("C", "garment"), "there is no pair 'garment'"),
]


@pytest.mark.parametrize("answer", [(..., ...), ("C", ...), (None, "seed")])
def test_a_claim_is_designed_when_it_and_its_pair_are_there(answer):
    told = checks.claim_of_room(*answer)
    assert told.state == "not attempted"
    assert "checks.claim_of_room.hint()" in told.words


def test_the_claim_of_room_and_its_pair():
    assert checks.claim_of_room("c", " Seed").state == "right"


@pytest.mark.parametrize(("answer", "words"), MISTAKES)
def test_another_claim_or_pair_is_told_why_not(answer, words):
    told = checks.claim_of_room(*answer)
    assert told.state == "wrong"
    assert words in told.words


def test_every_letter_has_its_reason():
    assert sorted({*FAULTS, *SOUND}) == list("ABCDEFGHIJ")
    assert sorted(CLAIMS) == list("ABCD")
    assert {answer[1] for answer, _ in MISTAKES} >= set(PAIRS)


def gradient(model, losses, between=lambda: None):
    """The gradient of the trunk after a backward pass for each loss."""
    model.zero_grad()
    for loss in losses:
        between()
        loss.backward(retain_graph=True)
    return model.trunk[1].weight.grad.clone()


def losses_of(model):
    x, y = random_pictures()
    out = model(x)
    return [F.cross_entropy(out[name], y[name]) for name in ("garment", "colour", "way up")]


def test_backward_passes_add_up_and_zero_grad_between_them_leaves_the_last():
    """Lines G and F of exercise 3."""
    model = Small()
    each = losses_of(model)
    assert torch.allclose(gradient(model, each), gradient(model, [sum(each)]), atol=1e-6)
    assert torch.allclose(gradient(model, each, model.zero_grad), gradient(model, each[-1:]), atol=1e-7)


def test_a_sum_over_all_pictures_weighs_a_task_with_few_labels_less():
    """Line D: with two labels of ten the loss is a fifth of its mean."""
    logits, labels = torch.randn(10, 6, generator=torch.manual_seed(0)), torch.full((10,), -1)
    labels[:2] = 3
    mean = F.cross_entropy(logits, labels, ignore_index=-1)
    assert torch.isclose(F.cross_entropy(logits, labels, ignore_index=-1, reduction="sum") / 10, mean / 5)


def test_a_trunk_of_width_24_contains_three_of_width_8():
    """Equal room: what three networks compute side by side, one trunk computes whose blocks are theirs."""
    world = mtl.data.questions(n_train=10)
    three, one = mtl.Separate(world.tasks, mtl.nets.conv(8)), mtl.nets.conv(24)
    networks = [three.plain(task.name) for task in world.tasks]
    with torch.no_grad():
        for name in ("conv1", "conv2", "linear"):
            fill(getattr(one, name), [getattr(network, name) for network in networks], shared_input=name == "conv1")
        h = one(world.test.x[:7]).chunk(3, dim=1)
        for own, network in zip(h, networks, strict=True):
            assert torch.allclose(network.head(own), network(world.test.x[:7]), atol=1e-5)


def test_what_the_three_matchings_match():
    """Width 14: weights; 16: arithmetic; 24: neither, for it is room."""
    world = mtl.data.questions(n_train=10)
    held, computed = {}, {}
    for way, width in ((mtl.Separate, 8), *((mtl.Hard, width) for width in (14, 16, 24))):
        model = way(world.tasks, mtl.nets.conv(width))
        with FlopCounterMode(display=False) as counter:
            model(world.test.x[:1])
        held[width], computed[width] = model.size(), counter.get_total_flops()
    assert held[14] == pytest.approx(held[8], rel=0.03)
    assert computed[16] == pytest.approx(computed[8], rel=0.09)
    assert held[24] > 2.9 * held[8]
    assert computed[24] > 2 * computed[8]


def fill(layer: nn.Module, parts: list[nn.Module], shared_input: bool) -> None:
    """Lay the layers of three networks side by side into one; only the first sees what the others see."""
    outs, ins = parts[0].weight.shape[:2]
    layer.weight.zero_()
    for t, part in enumerate(parts):
        at = 0 if shared_input else t * ins
        layer.weight[t * outs : (t + 1) * outs, at : at + ins] = part.weight
        layer.bias[t * outs : (t + 1) * outs] = part.bias
