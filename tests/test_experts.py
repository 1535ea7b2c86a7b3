"""Experts: one is Hard, one a task is Separate, a gate is the formula, and gates without an expert are refused."""

import matplotlib
import pytest
import torch
import zoo
from every_way import moved
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import CLOSE, FIT, TASKS, small, trunk, world

import mtl_lesson as mtl

GATES = pytest.mark.parametrize("gate", ["input", "constant"])


def choose(model, chosen):
    """A constant gate by hand: each task takes one expert, whose number ``chosen`` gives."""
    with torch.no_grad():
        model.choice.c[:] = torch.where(torch.eye(len(model.names))[list(chosen)].bool(), 0.0, -torch.inf)
    return model


def same(mine, its, x, atol=1e-10):
    for name, y in its(x).items():
        torch.testing.assert_close(mine(x)[name], y, rtol=0, atol=atol)


# --- limits ---------------------------------------------------------------------------------------------------------


@GATES
def test_one_expert_is_hard_the_whole_way(gate):
    data = world(shape=(2, 4, 4))
    one = mtl.fit(mtl.Experts(data, small(), experts=1, gate=gate), data, seed=3, **FIT).model
    hard = mtl.fit(mtl.Hard(data, small()), data, seed=3, **FIT).model
    same(one, hard, data.test.x.double())
    assert not torch.equal(hard.trunk["0"].weight, hard.like((3,)).double().trunk["0"].weight)


@GATES
def test_one_private_expert_and_no_shared_one_is_separate_the_whole_way(gate):
    data = world()
    one = mtl.fit(mtl.Experts(TASKS, trunk(), experts=0, private=1, gate=gate), data, seed=3, **FIT).model
    same(one, mtl.fit(mtl.Separate(TASKS, trunk()), data, seed=3, **FIT).model, data.test.x.double())
    assert one.gap().min() > 0
    assert not one.shared_parameters()


@settings(max_examples=6, deadline=None)
@given(st.permutations(range(3)))
def test_gates_that_give_each_task_its_own_expert_are_separate_the_whole_way(chosen):
    """Also while training: a gate at 0 or 1 has no gradient."""
    data, x = world(), world().test.x.double()
    experts = choose(mtl.Experts(TASKS, trunk(), experts=3, gate="constant"), chosen)
    separate = mtl.Separate(TASKS, trunk())
    trunks = list(experts.trunks().values())
    with torch.no_grad():
        for name in separate.trunk.plan:
            for key, value in separate.trunk[name].named_parameters():
                for t, e in enumerate(chosen):
                    value[:, t] = getattr(trunks[e][name], key)[:, 0]
    same(experts.double(), separate.double(), x)
    runs = [mtl.fit(model, data, go_on=True, **FIT | {"epochs": 4}).model for model in (experts, separate)]
    same(*runs, x, 1e-8)
    assert not torch.equal(runs[1](x)["ana"], separate(x)["ana"])


def test_gates_that_give_all_tasks_one_expert_are_hard_and_leave_the_others_alone():
    data = world()
    experts = choose(mtl.Experts(TASKS, trunk(), experts=3, gate="constant"), (0, 0, 0))
    run = mtl.fit(experts, data, go_on=True, **FIT).model
    same(run, mtl.fit(mtl.Hard(TASKS, trunk()), data, go_on=True, **FIT).model, data.test.x.double())
    for before, after in zip(experts.others.parameters(), run.others.parameters(), strict=True):
        assert torch.equal(before.double(), after)


# --- the formula ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("own", [False, True])
def test_h_is_the_mixture_of_the_formula(own):
    model = moved(mtl.Experts(TASKS, small(), experts=2, private=2, inputs=32, seeds=(0, 5))).double()
    x = torch.randn(9, 2, 4, 4).double()
    x = {task.name: x + t for t, task in enumerate(TASKS)} if own else x
    h, g = model.features(x), model.gates(x)
    assert model.names == ("expert 1", "expert 2", "private 1", "private 2")
    for copy in range(2):
        for t, task in enumerate(TASKS):
            each = x[task.name] if own else x
            linear = model.choice["linear"]
            z = each.flatten(1) @ linear.weight[copy, t].T + linear.bias[copy, t]
            expected = z.exp() / z.exp().sum(1, keepdim=True)
            torch.testing.assert_close(g[task.name][copy], expected, **CLOSE)
            parts = torch.stack([one.plain(t, copy)(each) for one in model.trunks().values()], 1)  # (n, experts, 6)
            torch.testing.assert_close(h[task.name][copy], (expected[..., None] * parts).sum(1), **CLOSE)
            torch.testing.assert_close(model(x)[task.name][copy], model.plain(task.name, copy)(each), **CLOSE)


def test_gates_start_even_and_a_constant_one_does_not_look():
    x = world().test.x
    for gate in ("input", "constant"):
        model = mtl.Experts(TASKS, trunk(), experts=3, private=1, gate=gate)
        for g in model.gates(x).values():
            assert torch.equal(g, torch.full((24, 4), 0.25))
    moved(model)
    g = model.gates(x)["ana"]
    assert torch.equal(g, g[:1].expand(24, -1))
    assert g.sum(1).allclose(torch.ones(24))


def test_experts_start_apart_and_the_first_where_hard_does():
    model = mtl.Experts(TASKS, trunk(), experts=3, private=2, seeds=(4,))
    starts = [one["0"].weight[0, 0] for one in model.trunks().values()]
    assert all(not torch.equal(a, b) for n, a in enumerate(starts) for b in starts[:n])
    assert torch.equal(starts[0], mtl.Hard(TASKS, trunk(), seeds=(4,)).trunk["0"].weight[0, 0])
    private = model.trunks()["private 1."]["0"].weight[0]
    assert torch.equal(private[0], private[2])


# --- the contract ---------------------------------------------------------------------------------------------------


@GATES
def test_a_sweep_is_a_loop_of_fits(gate):
    data = world(shape=(2, 4, 4))
    options = {"private": 1, "gate": gate, "inputs": 32}
    sweep = mtl.sweep(mtl.Experts, data, trunk=small(), experts=[1, 2], seeds=[1, 2], **options, **FIT)
    for experts in (1, 2):
        for seed in (1, 2):
            alone = mtl.fit(mtl.Experts(TASKS, small(), experts=experts, **options), data, seed=seed, **FIT)
            among = sweep.run(experts=experts, seed=seed)
            for a, b in zip(alone.model.parameters(), among.model.parameters(), strict=True):
                torch.testing.assert_close(a, b, rtol=0, atol=1e-8)
            assert alone.scores == pytest.approx(among.scores, abs=1e-8)


def test_who_owns_what():
    model = mtl.Experts(TASKS, trunk(), experts=2, private=1)
    one, gate = 6 * 5 + 5 * 7, 3 * 5
    assert sum(value[0].numel() for value in model.shared_parameters().values()) == 2 * one
    assert sum(value[0].numel() for value in model.specific_parameters("bo").values()) == one + gate + 18
    assert model.size() == 5 * one + 3 * gate + 6 + 18 + 6
    assert {"expert 2.0.weight", "expert 1.2.bias"} <= set(model.shared_parameters())
    assert {"private 1.0.weight[1]", "gate.weight[1]"} <= set(model.specific_parameters("bo"))
    held = {id(parameter) for holder in model.holders() for parameter in holder.parameters()}
    assert held == {id(parameter) for parameter in model.parameters()}


def test_every_expert_and_gate_learns():
    data = world()
    model = mtl.Experts(TASKS, trunk(), experts=2, private=1)
    run = mtl.fit(model, data, seed=0, **FIT).model
    for (name, a), b in zip(model.double().named_parameters(), run.parameters(), strict=True):
        assert not torch.equal(a, b), name


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"experts": 0}, ValueError, "no expert to choose from: experts= or private= must be 1 or more"),
        ({"experts": -1, "private": 3}, ValueError, "experts must be 0 or more, not -1"),
        ({"experts": 1.5}, TypeError, "experts must be a whole number"),
        ({"gate": "open"}, ValueError, "a gate is one of 'input', 'constant', not 'open'"),
        ({}, ValueError, r"depends on the data: give the World.*inputs=…"),
        ({"gate": "constant", "heads": {"ana": "0"}}, ValueError, "where the gates mix"),
        ({"gate": "constant", "initial": "template"}, ValueError, "start equal"),
    ],
)
def test_what_makes_no_sense_is_refused(options, error, words):
    with pytest.raises(error, match=words):
        mtl.Experts(TASKS, small(), **options)


def test_gates_on_tokens_are_refused_and_constant_ones_take_them():
    animal = next(one for one in zoo.ZOO if one.name == "embedding")
    data = zoo.world(animal)
    with pytest.raises(ValueError, match=r"tokens are names: take gate='constant'"):
        mtl.Experts(data, animal.make())
    model = mtl.Experts(data, animal.make(), gate="constant")
    assert model.gates(data.test.x)["yes"].shape == (zoo.N, 2)


@GATES
def test_the_diagram_draws_experts_and_gates(gate):
    model = mtl.Experts(TASKS, trunk(), experts=4, private=1, gate=gate)
    drawing = mtl.show.model_diagram(model)
    texts = [text.get_text() for text in drawing.figure.findobj(matplotlib.text.Text)]
    counts = {"expert 1": 1, "expert 4": 1, "private 1": 3, "gate": 3}
    assert {name: texts.count(name) for name in counts} == counts
    assert "Used by all tasks: expert 1, expert 2, expert 3 and expert 4." in drawing.alt
    assert "Kept apart: private 1 (3 groups) and the gates (3 groups)." in drawing.alt
    assert ("Each gate looks at x" in drawing.alt) is (gate == "input")


def test_a_sweep_of_convolutions_reads_the_size_of_its_inputs_off_the_world():
    sizes = {"n_train": 20, "n_validation": 10, "n_test": 10, "epochs": 1, "progress": False, "precision": "float64"}
    trunk = mtl.nets.conv(2)
    found = mtl.sweep(mtl.Experts, mtl.data.questions, trunk=trunk, seeds=[3], **sizes).run(seed=3).model
    told = mtl.sweep(mtl.Experts, mtl.data.questions, trunk=trunk, seeds=[3], inputs=3 * 28 * 28, **sizes).run(seed=3)
    for one, other in zip(found.parameters(), told.model.parameters(), strict=True):
        assert torch.equal(one, other)
