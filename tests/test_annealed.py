"""A pull that changes while training: its limits are Soft and Separate, each step is that of Soft at its λ."""

import math

import pytest
import torch
from every_way import TASKS, noise
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import mtl_lesson as mtl
from mtl_lesson.sharing.soft import Soft

INFINITY = math.inf
WORLD = noise(TASKS, (5,), False, 24)
FIT = {"epochs": 3, "batch_size": 8, "progress": False, "precision": "float64"}
STEPS = 9


def trunk():
    return nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 3))


def weights(model):
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def fit(model, **options):
    return mtl.fit(model, WORLD, **(FIT | options))


@pytest.mark.parametrize("lam", [0.3, {"0": 0.3}, {("kind", "yes"): 0.3}, INFINITY], ids=str)
def test_without_a_half_life_it_is_soft_bit_for_bit(lam):
    annealed, soft = (fit(way(TASKS, trunk(), lam=lam)) for way in (mtl.Annealed, mtl.Soft))
    assert torch.equal(weights(annealed.model), weights(soft.model))


def test_a_half_life_that_is_short_is_separate():
    annealed = fit(mtl.Annealed(TASKS, trunk(), lam=0.3, half_life=1e-3)).model
    separate = fit(mtl.Separate(TASKS, trunk())).model
    first = mtl.Annealed(TASKS, trunk(), lam=0.3, half_life=1e-3)
    assert torch.equal(first.strengths["0"], torch.tensor([0.3], dtype=torch.float64))
    assert float(annealed.gap().mean()) == pytest.approx(float(separate.gap().mean()), rel=0.2)
    assert annealed.steps == STEPS
    assert not any(annealed.strengths["0"])


@given(
    half_life=st.floats(0.5, 50) | st.floats(-50, -0.5),
    lam=st.floats(1e-3, 10) | st.dictionaries(st.sampled_from(["0", "2"]), st.floats(1e-3, 10), min_size=1),
    optimiser=st.sampled_from(["adam", "sgd", "momentum"]),
)
@settings(max_examples=15, deadline=None)
def test_each_step_is_that_of_soft_at_its_lambda(half_life, lam, optimiser):
    """Soft with its λ set by hand before each step."""
    number = iter(range(10**6))

    class ByHand(Soft):
        def pull(self, optimiser):
            now = 2.0 ** (-next(number) / half_life)
            λ = {name: λ * now for name, λ in lam.items()} if isinstance(lam, dict) else lam * now
            self.strengths = Soft(TASKS, trunk(), lam=λ).strengths
            super().pull(optimiser)

    annealed = fit(mtl.Annealed(TASKS, trunk(), lam=lam, half_life=half_life), optimiser=optimiser, lr=0.01)
    by_hand = fit(ByHand(TASKS, trunk(), lam=lam), optimiser=optimiser, lr=0.01)
    torch.testing.assert_close(weights(annealed.model), weights(by_hand.model), rtol=0, atol=1e-10)


def test_the_sign_says_whether_tasks_part_or_meet():
    gaps = {
        half_life: fit(mtl.Annealed(TASKS, trunk(), lam=0.3, half_life=half_life), lr=0.02).model.gap().mean()
        for half_life in (1.0, INFINITY, -1.0)
    }
    assert gaps[1.0] > gaps[INFINITY] > gaps[-1.0]


def test_copies_have_each_their_own():
    asked = {"lam": [0.1, 1.0], "half_life": [2.0, INFINITY, -2.0]}
    sweep = mtl.sweep(mtl.Annealed, WORLD, trunk=trunk(), seeds=[3], **asked, **FIT)
    assert len(sweep.runs) == 6
    for lam in asked["lam"]:
        for half_life in asked["half_life"]:
            alone = fit(mtl.Annealed(TASKS, trunk(), lam=lam, half_life=half_life), seed=3)
            found = sweep.run(lam=lam, half_life=half_life, seed=3).model
            torch.testing.assert_close(weights(found), weights(alone.model), rtol=0, atol=1e-8)
            assert found.steps == STEPS
            torch.testing.assert_close(found.penalty(), alone.model.penalty(), rtol=1e-6, atol=1e-12)


def test_a_copy_that_diverged_is_pulled_no_more():
    model = mtl.Annealed(TASKS, trunk(), lam=0.3, half_life=-2.0, seeds=(0, 1))
    model.steps = 5
    model.release(1)
    assert model.strengths["0"][0] == pytest.approx(0.3 * 2**2.5)
    assert model.strengths["0"][1] == 0


@pytest.mark.parametrize("half_life", [0, -0.0, math.nan, True, "3", None], ids=repr)
def test_a_half_life_that_is_none_is_refused(half_life):
    with pytest.raises(ValueError, match="half_life must be a number of steps"):
        mtl.Annealed(TASKS, trunk(), lam=0.1, half_life=half_life)


@pytest.mark.parametrize("lam", [INFINITY, {"2": INFINITY}, {("kind", "yes"): INFINITY}, [0.1, INFINITY]], ids=str)
def test_infinity_has_no_half(lam):
    with pytest.raises(ValueError, match="has no half"):
        mtl.Annealed(TASKS, trunk(), lam=lam, half_life=4.0, seeds=(0, 1) if isinstance(lam, list) else (0,))
    mtl.Annealed(TASKS, trunk(), lam=lam, seeds=(0, 1) if isinstance(lam, list) else (0,))


def test_one_that_a_folder_kept_goes_on_at_its_lambda(tmp_path):
    settings = {"lam": 0.3, "half_life": 4.0, "epochs": 2, "seeds": [0], "folder": tmp_path, "progress": False}
    made, found = (mtl.sweep(mtl.Annealed, WORLD, trunk=trunk(), **settings).run().model for _ in range(2))
    assert found.steps == made.steps > 0
    assert torch.equal(found.penalty(), made.penalty())


def test_the_path_of_a_learnt_lambda_is_kept_in_a_folder(tmp_path):
    settings = {"lam": 0.3, "epochs": 2, "seeds": [0], "folder": tmp_path, "progress": False}
    made, found = (mtl.sweep(mtl.Learnt, WORLD, trunk=trunk(), **settings).run().model for _ in range(2))
    assert len(found.path) > 0
    assert torch.equal(found.path, made.path)
