"""Changes to a world: what each does to the labels, and that it does nothing else."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import mtl_lesson as mtl
from mtl_lesson.data import Planted, Split, World, flip_labels, hide_labels, only, overlap, planted

PARTS = ("train", "validation", "test")
few = settings(max_examples=40, deadline=None)


@st.composite
def worlds(draw, own=None, missing=True):
    """A world of two to four tasks of several kinds, some labels missing, with one input or an input a task."""
    T, n = draw(st.integers(2, 4)), draw(st.integers(12, 40))
    own = draw(st.booleans()) if own is None else own
    rng = torch.Generator().manual_seed(draw(st.integers(0, 10**6)))
    kinds = [mtl.Classification("a", 5), mtl.Binary("b"), mtl.Regression("c"), mtl.Classification("d", 3)][:T]
    tasks = [kinds[i] for i in torch.randperm(T, generator=rng).tolist()]

    def labels(task):
        if isinstance(task, mtl.Regression):
            y = torch.randn(n, generator=rng)
        else:
            y = torch.randint(max(2, task.outputs), (n,), generator=rng)
        if missing:
            y[2:][torch.rand(n - 2, generator=rng) < 0.3] = task.missing
        return y

    def split():
        x = {task.name: torch.randn(n, 3, generator=rng) for task in tasks} if own else torch.randn(n, 3, generator=rng)
        return Split(x, {task.name: labels(task) for task in tasks})

    return World("toy", tasks, split(), split(), split(), dial={"n": n})


def tensors(world):
    return [t for part in PARTS for t in (*getattr(world, part).inputs.values(), *getattr(world, part).labels.values())]


def same(a, b):
    """Bit for bit, missing numbers among them."""
    return a.shape == b.shape and torch.equal(a.nan_to_num(99.0), b.nan_to_num(99.0))


def unchanged(world, change):
    """The changed world, after a look that the one given is what it was, and that test, name and dial are the same."""
    before = copy.deepcopy(tensors(world))
    after = change(world)
    assert all(map(same, tensors(world), before))
    assert (after.name, after.dial) == (world.name, world.dial)
    for name in after.test.labels:
        assert same(after.test.labels[name], world.test.labels[name])
    return after


def known(task, labels):
    return set(task.labelled(labels).nonzero().flatten().tolist())


# only


@few
@given(world=worlds(), data=st.data())
def test_only_keeps_some_tasks_in_the_order_given_as_they_were(world, data):
    names = [task.name for task in world.tasks]
    some = data.draw(st.permutations(names))[: data.draw(st.integers(1, len(names)))]
    fewer = unchanged(world, lambda w: only(w, some))
    assert [task.name for task in fewer.tasks] == some
    assert all(fewer.task(name) is world.task(name) for name in some)
    for part in PARTS:
        a, b = getattr(fewer, part), getattr(world, part)
        assert list(a.labels) == some
        assert all(same(a.labels[name], b.labels[name]) for name in some)
        if isinstance(b.x, dict):
            assert list(a.x) == some
            assert all(a.x[name] is b.x[name] for name in some)
        else:
            assert a.x is b.x


def test_only_takes_one_name_and_the_truth_goes_along():
    w = planted(T=6, groups=2, delta=1)
    one, two = only(w, "task 4"), only(w, ["task 5", "task 1"])
    assert [task.name for task in one.tasks] == ["task 4"]
    assert isinstance(two, Planted)
    for what in ("theta", "group", "bases", "private", "covariance"):
        assert torch.equal(getattr(two, what), getattr(w, what)[[4, 0]])
    assert torch.equal(two.shared, w.shared)


def test_only_keeps_the_layout_of_its_inputs():
    x = {"a": torch.randn(9, 4, 2), "b": torch.randn(9, 3)}
    split = Split(x, {"a": torch.randn(9), "b": torch.randn(9)})
    tasks = [mtl.Regression("a"), mtl.Regression("b")]
    world = World("toy", tasks, split, split, split, layout={"a": "sequences", "b": "vectors"})
    assert only(world, ["a"]).layout == {"a": "sequences"}


@pytest.mark.parametrize(
    ("tasks", "error", "message"),
    [
        (["garment", "size"], KeyError, "there is no task 'size'; the tasks are garment, colour, way up"),
        ([], ValueError, "no task is left; name one or more of garment, colour, way up"),
        (["colour", "colour"], ValueError, "two tasks are called 'colour'"),
    ],
)
def test_only_refuses_what_is_no_choice_of_tasks(tasks, error, message):
    world = mtl.data.questions(n_train=10, n_validation=10, n_test=10)
    with pytest.raises(error, match=message):
        only(world, tasks)


# flip_labels


@few
@given(world=worlds(), share=st.floats(0, 1), seed=st.integers(0, 99), data=st.data())
def test_a_share_of_the_labels_is_of_another_class_and_nothing_else_is(world, share, seed, data):
    name = data.draw(st.sampled_from([task.name for task in world.tasks if not task.numeric]))
    task = world.task(name)
    noisy = unchanged(world, lambda w: flip_labels(w, name, share, seed))
    for part in ("train", "validation"):
        a, b = getattr(noisy, part).labels, getattr(world, part).labels
        assert all(same(a[other], b[other]) for other in a if other != name)
        assert known(task, a[name]) == known(task, b[name])
        assert int((a[name] != b[name]).sum()) == round(share * len(known(task, b[name])))
    more = flip_labels(world, name, min(1, share + 0.2), seed)
    wrong = noisy.train.labels[name] != world.train.labels[name]
    assert torch.equal(more.train.labels[name][wrong], noisy.train.labels[name][wrong])


def test_every_other_class_is_as_likely_as_any_other_and_a_seed_decides():
    n = 4000
    split = Split(torch.zeros(n, 1), {"a": torch.full((n,), 2)})
    world = World("toy", [mtl.Classification("a", 5)], split, split, split)
    one, again, other = (flip_labels(world, "a", 1.0, seed) for seed in (0, 0, 1))
    counts = one.train.labels["a"].bincount(minlength=5)
    assert counts[2] == 0
    assert (counts[[0, 1, 3, 4]] - n / 4).abs().max() < 150  # five standard deviations
    assert same(one.train.labels["a"], again.train.labels["a"])
    assert not same(one.train.labels["a"], other.train.labels["a"])
    assert not same(one.train.labels["a"], one.validation.labels["a"])


@pytest.mark.parametrize(
    ("task", "share", "error", "message"),
    [
        ("size", 0.1, KeyError, "there is no task 'size'"),
        ("task 1", 0.1, TypeError, "labels of 'task 1' cannot be flipped: a Regression has no other class"),
        ("task 1", 1.1, ValueError, "share must be from 0 to 1, not 1.1"),
        ("task 1", "half", TypeError, "share must be a number, not 'half'"),
    ],
)
def test_flip_labels_says_what_is_wrong(task, share, error, message):
    with pytest.raises(error, match=message):
        flip_labels(planted(T=2), task, share)


# hide_labels


@few
@given(world=worlds(), seed=st.integers(0, 99), data=st.data())
def test_so_many_labels_of_one_task_are_left_and_all_of_the_others(world, seed, data):
    task = data.draw(st.sampled_from(world.tasks))
    there = known(task, world.train.labels[task.name])
    keep = data.draw(st.integers(1, len(there)))
    hidden = unchanged(world, lambda w: hide_labels(w, task.name, keep, seed))
    left = known(task, hidden.train.labels[task.name])
    assert len(left) == keep
    assert left <= there
    at = sorted(left)
    assert same(hidden.train.labels[task.name][at], world.train.labels[task.name][at])
    for name in world.train.labels:
        assert same(hidden.validation.labels[name], world.validation.labels[name])
        assert name == task.name or same(hidden.train.labels[name], world.train.labels[name])
    more = hide_labels(world, task.name, min(len(there), keep + 3), seed)
    assert left <= known(task, more.train.labels[task.name])


def test_an_example_with_several_labels_keeps_or_loses_all():
    labels = torch.randint(2, (20, 3))
    labels[:5] = -1
    split = Split(torch.zeros(20, 1), {"a": labels})
    world = World("toy", [mtl.MultiLabel("a", 3)], split, split, split)
    left = hide_labels(world, "a", 4).train.labels["a"]
    assert (left != -1).sum(1).tolist().count(3) == 4
    assert (left == -1).sum(1).tolist().count(3) == 16


@pytest.mark.parametrize(
    ("keep", "error", "message"),
    [
        (0, ValueError, "keep must be 1 or more"),
        (16, ValueError, "keep can be at most the labels of 'task 1' = 15, not 16"),
        (2.5, TypeError, "keep must be a whole number"),
    ],
)
def test_hide_labels_says_what_is_wrong(keep, error, message):
    with pytest.raises(error, match=message):
        hide_labels(planted(T=2), "task 1", keep)


# overlap


@few
@given(world=worlds(own=False), share=st.floats(0, 1), seed=st.integers(0, 99), data=st.data())
def test_tasks_have_so_many_labels_and_share_so_many_of_the_examples(world, share, seed, data):
    everywhere = set.intersection(*(known(task, world.train.labels[task.name]) for task in world.tasks))
    n = data.draw(st.integers(1, len(everywhere)))
    k, T = round(share * n), len(world.tasks)
    if k + T * (n - k) > len(everywhere):
        with pytest.raises(ValueError, match=rf"{n} labels for each of {T} tasks, {k} of them .* = {k + T * (n - k)}"):
            overlap(world, n, share, seed)
        return
    after = unchanged(world, lambda w: overlap(w, n, share, seed))
    left = {task.name: known(task, after.train.labels[task.name]) for task in world.tasks}
    assert {len(at) for at in left.values()} == {n}
    common = set.intersection(*left.values())
    assert len(common) == k
    for name, at in left.items():
        assert at <= everywhere
        assert same(after.train.labels[name][sorted(at)], world.train.labels[name][sorted(at)])
        assert all(not (at - common) & other for which, other in left.items() if which != name)
        assert same(after.validation.labels[name], world.validation.labels[name])
    assert after.train.x is world.train.x


def test_overlap_says_what_is_wrong():
    questions = mtl.data.questions(n_train=100, n_validation=10, n_test=10)
    with pytest.raises(ValueError, match=r"take 20 \+ 3·30 = 110 examples labelled for all tasks, and there are 100"):
        overlap(questions, 50, 0.4)
    with pytest.raises(ValueError, match="in questions there is one task"):
        overlap(only(questions, "colour"), 50, 0.4)
    with pytest.raises(ValueError, match="in planted each task has inputs of its own"):
        overlap(planted(), 5, 0.4)
    with pytest.raises(ValueError, match="share must be from 0 to 1"):
        overlap(questions, 5, -0.4)


# in a sweep


def test_a_sweep_draws_a_changed_world_for_each_seed():
    def noisy(share, seed):
        world = mtl.data.questions(n_train=40, n_validation=20, n_test=10, seed=seed)
        return only(flip_labels(world, "colour", share, seed=seed), ["garment", "colour"])

    trunk = nn.Sequential(nn.Flatten(), nn.Linear(3 * 28 * 28, 4), nn.ReLU())
    path = mtl.sweep(mtl.Hard, noisy, trunk=trunk, share=[0, 0.5], seeds=[0, 1], epochs=1, progress=False)
    assert path.axes == ("share", "seed")
    assert set(path.table.task) == {"garment", "colour"}
    labels = {key: run.world.train.labels["colour"] for key, run in path.runs.items()}
    assert int((labels[0, 0] != labels[0.5, 0]).sum()) == 20
    assert not same(labels[0, 0], labels[0, 1])
    line = mtl.nets.linear(10, 2)
    one = lambda seed: only(planted(seed=seed), ["task 2"])  # noqa: E731
    alone = mtl.sweep(mtl.Separate, one, trunk=line, seeds=[3], epochs=1, progress=False)
    assert set(alone.table.task) == {"task 2"}
