"""What lesson 08 gathers: a front from a sweep, and stored results in the shape in which they are told."""

import numpy as np
import pytest
import torch

import mtl_lesson as mtl
from mtl_lesson import bank
from mtl_lesson.linear import front


def two(seed):
    return mtl.data.only(mtl.data.questions(60, 40, 40, seed=seed), ["garment", "colour"])


def test_a_front_is_the_mean_over_seeds_in_order_of_the_first_weight():
    weights = [mtl.weighting.Fixed({"garment": w, "colour": 2 - w}) for w in (1.5, 0.5)]
    sweep = mtl.sweep(
        mtl.Hard,
        two,
        trunk=mtl.nets.hidden(4),
        weighting=weights,
        epochs=2,
        validate=True,
        seeds=[1, 2],
        progress=False,
    )
    found = mtl.inspection.along_front(sweep)
    assert found["weights"].tolist() == [[0.5, 1.5], [1.5, 0.5]]
    assert found["curves"].shape == (2, 2, 2)
    runs = [sweep.run(weighting=weights[1], seed=seed) for seed in (1, 2)]
    expected = np.mean([[run.scores[name] for name in ("garment", "colour")] for run in runs], 0)
    assert found["scores"][0] == pytest.approx(expected)
    pairs = [mtl.inspection.conflict(run, run.world).iloc[0] for run in runs]
    assert np.cos(np.radians(found["angles"][0])) == pytest.approx(np.mean([pair.cosine for pair in pairs]))
    assert found["sizes"][0, 1] == pytest.approx(np.mean([pair.size_second for pair in pairs]))


def test_a_front_needs_fixed_weights_of_two_tasks():
    sweep = mtl.sweep(mtl.Hard, two, trunk=mtl.nets.hidden(4), epochs=1, seeds=[1], progress=False)
    with pytest.raises(ValueError, match="Fixed"):
        mtl.inspection.along_front(sweep)


def test_a_hidden_layer_takes_pictures_and_vectors():
    assert mtl.nets.hidden(5)(torch.zeros(2, 3, 28, 28)).shape == (2, 5)
    assert mtl.nets.hidden(5, 6)(torch.zeros(2, 6)).shape == (2, 5)
    with pytest.raises(ValueError, match="1 or more"):
        mtl.nets.hidden(0)


@pytest.mark.parametrize(("cosine", "T"), [(-0.4, 3), (0.3, 3), (-0.9, 2)])
def test_tasks_have_the_cosine_that_is_asked_for(cosine, T):
    theta = front.tasks_with_cosine(cosine, T)
    assert (theta @ theta.mT).numpy() == pytest.approx((cosine + (1 - cosine) * torch.eye(T)).numpy())
    with pytest.raises(ValueError, match="cosine"):
        front.tasks_with_cosine(-0.6, 3)


def test_an_arm_stands_at_the_trial_that_validation_likes_best():
    stored, arms = bank.load("fronts"), bank.gather_fronts()[16, 24]
    own = stored[(stored.arm == "MGDA") & (stored.width == 16) & (stored.epoch == 24) & (stored.seed == 100)]
    means = own.groupby("trial")[["validation", "score"]].mean()
    assert arms["MGDA"][100] == pytest.approx(means.score[means.validation.idxmax()])
    assert len(arms["any method"]) == 8


def test_harm_is_the_gain_of_one_trunk_beside_the_mean_cosine_of_different_tasks():
    harm, table = bank.gather_harm(), bank.load("conflicts")
    own = table[(table.world == "shops") & (table.dial == 15) & (table.seed == 103) & (table.epoch > 0)]
    assert harm.cosine["shops", 15.0, 103] == pytest.approx(own[own["first"] != own["second"]].cosine.mean())
    scores = bank.load("conflicts_harm").query("world == 'shops' and dial == 15 and seed == 103")
    gain = scores[scores.way == "Hard"].score.mean() - scores[scores.way == "Separate"].score.mean()
    assert harm.gain["shops", 15.0, 103] == pytest.approx(gain)
