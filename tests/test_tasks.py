"""Tasks: which names and classes are taken, and which tasks are judged as the kind they are derived from."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
import torch

import mtl_lesson as mtl
from mtl_lesson.tasks import Task, choices, judged_as

KINDS = (mtl.Classification, mtl.Binary, mtl.Regression)


def made(kind, name="x"):
    return kind(name, ("a", "b", "c")) if issubclass(kind, mtl.Classification) else kind(name)


# --- names ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", [0, None, 1.5, b"digit", ("digit",), float("nan"), True, np.int64(3)])
def test_a_name_that_is_no_text_is_refused(kind, name):
    with pytest.raises(TypeError, match="a task's name is text, such as 'digit', not"):
        made(kind, name)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["digit", "", "猫", np.str_("digit")])
def test_any_text_is_a_name(kind, name):
    assert made(kind, name).name == name
    assert type(made(kind, name).name) is str


def test_a_task_of_a_learner_s_own_has_its_name_checked_too():
    @dataclass(frozen=True)
    class Own(Task):
        power: float = 1.0

    assert Own("x", 2.0).power == 2
    with pytest.raises(TypeError, match="not 3"):
        Own(3)


# --- classes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [10, np.int64(10), np.uint8(10), np.array(10), torch.tensor(10)])
def test_a_number_of_classes_names_them_by_their_numbers(count):
    task = mtl.Classification("digit", count)
    assert task.classes == ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9")
    assert task.outputs == 10
    assert [task.number(name) for name in ("0", "7", 7, np.int64(9))] == [0, 7, 7, 9]
    assert task == mtl.Classification("digit", range(10))


@pytest.mark.parametrize(
    "classes",
    [
        ["3", "5"],
        [3, 5],
        (3, np.int64(5)),
        range(3, 6, 2),
        np.array([3, 5]),
        pd.Series([3, 5, 5]).unique(),
        pd.Series([3, 5]),
        pd.Index([3, 5]),
        pd.Series(["3", "5"]),
        pd.Index(["3", "5"]),
        np.array(["3", "5"]),
        pd.Categorical(["3", "5"]),
        torch.tensor([3, 5]),
        (str(k) for k in (3, 5)),
        dict.fromkeys("35").keys(),
    ],
)
def test_names_may_come_in_any_row_and_become_text(classes):
    task = mtl.Classification("digit", classes)
    assert task.classes == ("3", "5")
    assert {type(name) for name in task.classes} == {str}
    assert task.number("5") == task.number(5) == 1


@pytest.mark.parametrize(
    "classes",
    [
        "cat",
        b"cat",
        np.str_("cat"),
        True,
        None,
        2.0,
        {0: "a", 1: "b"},
        np.eye(2),
        torch.eye(2),
        pd.DataFrame({"a": [1], "b": [2]}),
    ],
)
def test_what_is_no_row_of_names_is_refused(classes):
    with pytest.raises(TypeError, match=r"the classes of 'kind' are a list of names, such as .*, or how many"):
        mtl.Classification("kind", classes)


@pytest.mark.parametrize(
    ("classes", "error", "words"),
    [
        ({"a", "b"}, TypeError, r"a set has no order.*sorted\("),
        (frozenset("ab"), TypeError, "a set has no order"),
        (["a", "b", "a"], ValueError, "two classes of task 'kind' are called 'a'"),
        ([1, "1"], ValueError, "two classes of task 'kind' are called '1'"),
        ([np.int64(2), 2], ValueError, "two classes of task 'kind' are called '2'"),
        (1, ValueError, "needs two or more classes, not 1"),
        (np.int64(0), ValueError, "needs two or more classes, not 0"),
        (-3, ValueError, "needs two or more classes, not -3"),
        ([], ValueError, "two or more"),
        (["a"], ValueError, r"two or more class names, not \('a',\)"),
        ((), ValueError, "two or more"),
        (["a", None], ValueError, "no name .None.: leave it out, and label its examples -1"),
        (["a", float("nan")], ValueError, "no name .nan."),
        (pd.Series([1.0, np.nan]).unique(), ValueError, "no name .*nan"),
        ([pd.NA, "a"], ValueError, "no name .<NA>."),
        ([pd.NaT, "a"], ValueError, "no name .NaT."),
        ([["a"], ["b"]], TypeError, r"called by text or a number, such as 'cat', not \['a'\]"),
        ([("a", 1), ("b", 2)], TypeError, "called by text or a number"),
    ],
)
def test_classes_that_cannot_be_told_apart_or_counted_are_refused(classes, error, words):
    with pytest.raises(error, match=words):
        mtl.Classification("kind", classes)


def test_classes_must_be_given():
    with pytest.raises(ValueError, match="two or more"):
        mtl.Classification("kind")


def test_classes_named_by_numbers_are_shown_by_them():
    names = pd.Series([7, 3, 7, 5]).unique()
    task = mtl.Classification("digit", names)
    drawing = mtl.show.answers(
        torch.rand(1, 4, 4), [task], {"digit": torch.tensor([[0.0, 9, 0]])}, {"digit": torch.tensor([2])}
    )
    shown = {text.get_text() for text in drawing.figure.axes[0].texts}
    assert {"3", "is: 5"} <= shown


# --- judged as what ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_of_the_course_and_what_only_adds_to_it_is_judged_as_it(kind):
    class Named(kind):
        """A class that says more of itself, and is judged no other way."""

        score_name = "share"

        def check(self, labels):
            super().check(labels)

        @property
        def title(self):
            return self.name.title()

    for one in (kind, Named, type("Again", (Named,), {})):
        assert judged_as(made(one)) is kind
        assert judged_as(made(one), loss=False) is kind


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", ["losses", "merits", "loss", "score", "labelled", "outputs"])
def test_a_task_with_any_way_of_its_own_is_judged_as_no_kind(kind, way):
    own = (
        property(lambda self: 3) if way == "outputs" else lambda self, *arguments: getattr(kind, way)(self, *arguments)
    )
    derived = type("Derived", (kind,), {way: own})
    mixed = type("Mixed", (type("Part", (), {way: own}), kind), {})
    for one in (derived, mixed, type("Again", (derived,), {})):
        assert judged_as(made(one)) is None
        scored_as_it_is = kind if way in ("losses", "loss") else None
        assert judged_as(made(one), loss=False) is scored_as_it_is


def test_a_task_of_no_kind_is_judged_as_none():
    assert judged_as(Task("x")) is None
    assert judged_as(Task("x"), loss=False) is None


@pytest.mark.parametrize(
    ("task", "shape"),
    [
        (mtl.Binary("y"), (2, 5, 1)),
        (mtl.Classification("y", 3), (2, 5, 3)),
        (mtl.Segmentation("y", 3), (2, 5, 3, 4, 4)),
    ],
    ids=repr,
)
def test_what_is_decided_is_the_likeliest_answer(task, shape):
    outputs = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    chances = task.chances(outputs)
    assert chances.shape[-1] == len(task.answers)
    torch.testing.assert_close(chances.sum(-1), torch.ones(chances.shape[:-1]))
    assert torch.equal(chances.argmax(-1), task.decide(outputs))
    assert choices(task) == (() if isinstance(task, mtl.Segmentation) else task.answers)
