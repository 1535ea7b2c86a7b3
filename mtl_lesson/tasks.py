"""A task: a question asked of an input, with the loss that trains it and the score that judges it.

Each kind of question is one small class, so that a network can ask for its output layer, the training loop for a loss,
an evaluation for a score, and a picture for the names of its answers, without ever asking which kind it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from numbers import Integral

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .arguments import whole

MISSING = -1  # the label of an example whose class nobody told us; a missing number is NaN


@dataclass(frozen=True)
class Task:
    """What every task has: a ``name``, an output size, a loss and a score. TypeError for a name that is no text.

    ``loss`` and ``score`` take outputs of shape (copies, examples, output size) and labels of shape (copies, examples)
    and return one number a copy, shape (copies,). An example without a label is left out of both; a copy without
    any label has loss 0 (nothing to learn from) and score NaN (nothing to judge by).
    """

    name: str

    def __post_init__(self):
        if not isinstance(self.name, str):
            raise TypeError(f"a task's name is text, such as 'digit', not {self.name!r}")
        object.__setattr__(self, "name", str(self.name))  # NumPy's text is text of a kind of its own

    @property
    def outputs(self) -> int:
        """The number of outputs of the task's head."""
        return 1

    #: what ``score`` measures, in words for an axis
    score_name = "score"
    #: True where a larger score is better
    higher_is_better = True
    #: the sign of a score, "%" where it is a share
    unit = ""
    #: the names of the answers, where there are some to choose from
    answers = ()
    #: whether the labels are real numbers
    numeric = False
    #: what stands for a label that nobody told us
    missing = MISSING
    #: the shape of one example's label; None: any that the outputs have
    label_shape = ()

    def head(self, shape: tuple[int, ...]) -> nn.Module:
        """The output layer that answers the task, a template, for features of this ``shape``. A linear one takes all
        their numbers in a row. Its own weights are never used, so none are drawn for it."""
        return nn.utils.skip_init(nn.Linear, prod(shape), self.outputs)

    @property
    def single(self) -> bool:
        """Whether there is one label an example."""
        return self.label_shape == ()

    def labelled(self, labels: Tensor) -> Tensor:
        """True where there is a label."""
        return labels != MISSING

    def losses(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """The loss of each label, in the labels' shape (copies, examples, …); whatever stands where one is missing is
        ignored."""
        raise NotImplementedError

    def merits(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """What each label contributes to the score, in the labels' shape (copies, examples, …)."""
        raise NotImplementedError

    def decide(self, outputs: Tensor) -> Tensor:
        """The answers that are given, numbers of ``answers``, from the outputs (copies, examples, …)."""
        raise NotImplementedError

    def chances(self, outputs: Tensor) -> Tensor:
        """The probability of each answer, (copies, examples, answers), from the outputs (copies, examples, …)."""
        raise NotImplementedError

    def loss(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """L_t: the mean loss over the labels that are there, shape (copies,)."""
        known = self.labelled(labels).flatten(1)
        count = known.sum(-1).clamp(min=1)
        return self.losses(outputs, labels).flatten(1).where(known, 0).sum(-1) / count

    def score(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """The mean merit over the labels that are there, shape (copies,); NaN where there is none."""
        known = self.labelled(labels).flatten(1)
        return self.merits(outputs, labels).flatten(1).where(known, 0).sum(-1) / known.sum(-1)

    def chance(self, labels: Tensor) -> float | None:
        """The best score on ``labels`` (examples, …) of one answer for all examples; None where it is not known."""
        return None

    def check(self, labels: Tensor) -> None:
        """Refuse labels this task cannot have (ValueError says which and what was expected)."""


@dataclass(frozen=True)
class Classification(Task):
    """Which of several classes? Cross-entropy on as many outputs as there are ``classes``; the score is accuracy.

    ``classes``: their names in the order of the labels, kept as a tuple of text; or how many there are, which are then
    called "0", "1" and so on. Raises TypeError or ValueError for what is neither: see :func:`class_names`.
    """

    classes: Iterable[object] | int = ()

    score_name, unit = "accuracy", "%"

    @property
    def answers(self) -> tuple[str, ...]:
        return self.classes

    def __post_init__(self):
        super().__post_init__()
        object.__setattr__(self, "classes", class_names(self.name, self.classes))

    @property
    def outputs(self) -> int:
        return len(self.classes)

    def losses(self, outputs, labels):
        flat = F.cross_entropy(outputs.flatten(0, 1), labels.flatten(), ignore_index=MISSING, reduction="none")
        return flat.view(labels.shape)

    def decide(self, outputs):
        return outputs.argmax(-1)

    def chances(self, outputs):
        return outputs.softmax(-1)

    def merits(self, outputs, labels):
        return (self.decide(outputs) == labels).to(outputs.dtype)

    def chance(self, labels):
        return shares(labels[self.labelled(labels)], self.outputs).max().item()

    def number(self, class_name: str) -> int:
        """The label of a class name. KeyError for another name."""
        if (class_name := str(class_name)) not in self.classes:
            raise KeyError(f"task {self.name!r} has no class {class_name!r}; it has {', '.join(self.classes)}")
        return self.classes.index(class_name)

    def check(self, labels):
        if labels.is_floating_point():
            raise TypeError(f"labels of {self.name!r} must be whole numbers (torch.long), not {labels.dtype}")
        wrong = labels[self.labelled(labels) & ((labels < 0) | (labels >= self.outputs))]
        if wrong.numel():
            raise ValueError(
                f"task {self.name!r} has {self.outputs} classes, so its labels run from 0 to {self.outputs - 1} "
                f"({MISSING} where missing); found {wrong.unique().tolist()[:5]}"
            )


@dataclass(frozen=True)
class Binary(Task):
    """Yes or no? Cross-entropy on one output, the log-odds of yes; the score is accuracy. Labels are 0 and 1."""

    score_name, unit, answers = "accuracy", "%", ("no", "yes")

    def losses(self, outputs, labels):
        return F.binary_cross_entropy_with_logits(
            outputs.squeeze(-1), labels.clamp(min=0).to(outputs.dtype), reduction="none"
        )

    def decide(self, outputs):
        return (outputs.squeeze(-1) > 0).long()

    def chances(self, outputs):
        return torch.cat([torch.sigmoid(-outputs), torch.sigmoid(outputs)], -1)

    def merits(self, outputs, labels):
        return (self.decide(outputs) == labels).to(outputs.dtype)

    def chance(self, labels):
        return shares(labels[self.labelled(labels)], 2).max().item()

    def check(self, labels):
        check_yes_or_no(self, labels, "asks yes or no")


@dataclass(frozen=True, init=False)
class Regression(Task):
    """How much? Squared error on one output; the score is the mean squared error, so smaller is better.

    ``outputs``: how many numbers are asked for at once (also ``numbers``); with several, labels are (n, outputs), and
    each of them may be missing (NaN).
    """

    numbers: int = 1

    score_name = "mean squared error"
    higher_is_better = False
    numeric = True
    missing = float("nan")

    def __init__(self, name: str, numbers: int = 1, *, outputs: int | None = None):
        object.__setattr__(self, "name", name)
        numbers = numbers if outputs is None else outputs
        object.__setattr__(self, "numbers", whole(numbers, f"the number of outputs of {name!r}"))
        self.__post_init__()

    @property
    def outputs(self) -> int:
        return self.numbers

    @property
    def label_shape(self) -> tuple[int, ...]:
        return () if self.numbers == 1 else (self.numbers,)

    def labelled(self, labels):
        return ~labels.isnan()

    def losses(self, outputs, labels):
        return ((outputs.squeeze(-1) if self.numbers == 1 else outputs) - labels.nan_to_num()).square()

    merits = losses

    def chance(self, labels):
        labels = labels.double().reshape(len(labels), -1)
        return (labels - labels.nanmean(0)).square().nanmean().item()

    def check(self, labels):
        if not labels.is_floating_point():
            raise TypeError(f"labels of {self.name!r} must be real numbers (torch.float32), not {labels.dtype}")
        if labels.isinf().any():
            raise ValueError(f"labels of {self.name!r} must be finite (NaN where missing); found infinity")


@dataclass(frozen=True, init=False)
class Box(Regression):
    """Where? The four numbers of a box, (left, top, right, bottom), with squared error; labels are (n, 4).

    The score is the mean intersection over union of the given and the true box, the same in pixels as in shares of the
    picture. The loss is not: a box in pixels of a picture of 28 has 28² times the loss that it has in shares.
    A box with a number missing is not judged. One whose right or lower edge lies before the other is empty.
    """

    score_name, unit = "mean IoU", "%"
    higher_is_better = True

    def __init__(self, name: str):
        super().__init__(name, 4)

    def ious(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """Intersection over union of each box, in the shape (…,) that (…, 4) outputs and labels have; two empty ones
        share nothing."""
        low, high = torch.maximum(outputs[..., :2], labels[..., :2]), torch.minimum(outputs[..., 2:], labels[..., 2:])
        both = area(torch.cat([low, high], -1))
        either = area(outputs) + area(labels) - both
        return both / either.where(either > 0, 1)

    def score(self, outputs, labels):
        known = self.labelled(labels).all(-1)
        return self.ious(outputs, labels.nan_to_num()).where(known, 0).sum(-1) / known.sum(-1)

    def chance(self, labels):
        known = labels[self.labelled(labels).all(-1)]
        return self.ious(known.mean(0), known).mean().item() if len(known) else None

    def check(self, labels):
        super().check(labels)
        if (labels[..., 2:] < labels[..., :2]).any():
            raise ValueError(
                f"the boxes of {self.name!r} are (left, top, right, bottom): right is not before left, nor bottom "
                "above top; found a box that ends before it begins"
            )


def area(boxes: Tensor) -> Tensor:
    """The areas (…,) of boxes (…, 4); one that ends before it begins has none."""
    return (boxes[..., 2:] - boxes[..., :2]).clamp(min=0).prod(-1)


@dataclass(frozen=True)
class MultiLabel(Task):
    """Which of several labels apply, be it none or all? Cross-entropy on one output for each of ``names``, the
    log-odds that it applies. Labels are (n, names) of 0 and 1; each may be missing.

    The score is F1 = 2 TP / (2 TP + FP + FN), averaged over the labels: where few apply, saying no to everything is
    right most of the time and scores 0. A label that neither applies nor is given anywhere counts as 0.
    """

    names: Iterable[object] | int = ()

    score_name = "mean F1"

    def __post_init__(self):
        super().__post_init__()
        object.__setattr__(self, "names", class_names(self.name, self.names))

    @property
    def outputs(self) -> int:
        return len(self.names)

    @property
    def label_shape(self) -> tuple[int, ...]:
        return (self.outputs,)

    def losses(self, outputs, labels):
        wanted = labels.clamp(min=0).to(outputs.dtype)
        return F.binary_cross_entropy_with_logits(outputs, wanted, reduction="none")

    def decide(self, outputs):
        return (outputs > 0).long()  # of each label whether it applies

    def score(self, outputs, labels):
        known, given, right = self.labelled(labels), self.decide(outputs) > 0, labels == 1
        both = (given & right & known).sum(1).to(outputs.dtype)
        either = (given & known).sum(1) + (right & known).sum(1)
        return (2 * both / either.clamp(min=1)).mean(-1).where(known.flatten(1).any(-1), torch.nan)

    def chance(self, labels):
        known = self.labelled(labels)
        rate = ((labels == 1) & known).sum(0) / known.sum(0).clamp(min=1)
        return (2 * rate / (1 + rate)).mean().item()  # every label given to all examples

    def check(self, labels):
        check_yes_or_no(self, labels, f"says for each of {', '.join(self.names[:3])} … whether it applies")


@dataclass(frozen=True)
class Segmentation(Classification):
    """Which of several classes is each pixel? Cross-entropy for each; labels are (n, height, width) of class numbers.

    The trunk must return maps (channels, height, width). Where they are smaller than the labels, the outputs are drawn
    out to them bilinearly. The score is the mean over classes of intersection over union, TP / (TP + FP + FN), of the
    classes that occur in the labels or the answers.
    """

    score_name = "mean IoU"
    label_shape = None

    def head(self, shape):
        if len(shape) != 3:
            raise ValueError(
                f"task {self.name!r} asks for a class for each pixel, and the trunk returns {shape} for an example, "
                "not maps (channels, height, width): take one without Flatten and Linear, or a head at a lower layer, "
                "heads={task: layer}"
            )
        return nn.utils.skip_init(nn.Conv2d, shape[0], self.outputs, 1)

    def as_large(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """Outputs (copies, examples, classes, height, width) in the labels' height and width."""
        size = labels.shape[-2:]
        if outputs.shape[-2:] == size:
            return outputs
        drawn_out = F.interpolate(outputs.flatten(0, 1), size, mode="bilinear", align_corners=False)
        return drawn_out.unflatten(0, outputs.shape[:2])

    def losses(self, outputs, labels):
        outputs = self.as_large(outputs, labels).flatten(0, 1)
        flat = F.cross_entropy(outputs, labels.flatten(0, 1), ignore_index=MISSING, reduction="none")
        return flat.view(labels.shape)

    def decide(self, outputs):
        return outputs.argmax(2)

    def chances(self, outputs):
        return outputs.softmax(2).movedim(2, -1)

    def score(self, outputs, labels):
        given, known = self.decide(self.as_large(outputs, labels)), self.labelled(labels)
        found = []
        for number in range(self.outputs):
            of, wanted = (given == number) & known, (labels == number) & known
            either = (of | wanted).flatten(1).sum(-1)
            found.append((of & wanted).flatten(1).sum(-1).to(outputs.dtype) / either.where(either > 0, torch.nan))
        return torch.stack(found, -1).nanmean(-1)

    def chance(self, labels):
        parts = shares(labels[self.labelled(labels)], self.outputs)
        return (parts.max() / (parts > 0).sum()).item()


def shares(labels: Tensor, classes: int) -> Tensor:
    """The share of each class among labels that are there, (classes,)."""
    return torch.bincount(labels.flatten().long(), minlength=classes) / max(1, labels.numel())


def check_yes_or_no(task: Task, labels: Tensor, asks: str) -> None:
    """Refuse labels that are not 0, 1 or missing."""
    wrong = labels[task.labelled(labels) & (labels != 0) & (labels != 1)]
    if wrong.numel():
        raise ValueError(
            f"task {task.name!r} {asks}: its labels are 0 and 1 ({MISSING} where missing); "
            f"found {wrong.unique().tolist()[:5]}"
        )


#: a kind that is another one, too, comes before it
KINDS = (Segmentation, MultiLabel, Classification, Binary, Regression)
#: those with one answer an example, of which a browser computes loss and score, and which can be stored
SINGLE = (Classification, Binary, Regression)
SCORED_BY = ("outputs", "labelled", "merits", "decide", "score")
TRAINED_BY = ("losses", "loss")


def judged_as(task: Task, loss: bool = True) -> type[Task] | None:
    """As what kind of task (Classification, Binary or Regression) a task is judged; None for one with ways of its own.

    Whatever computes a loss, a score or an answer without asking the task itself, as a browser must, asks this first:
    a learner's ``class Focal(Classification)`` with ``losses`` of its own is a Classification to ``isinstance``, and is
    not trained as one. ``loss=False`` asks of the score alone: what counts as right, for which examples.
    """
    kind = next((kind for kind in KINDS if isinstance(task, kind)), None)
    ways = (*SCORED_BY, *TRAINED_BY) if loss else SCORED_BY
    return kind if kind and all(getattr(type(task), way) is getattr(kind, way) for way in ways) else None


def choices(task: Task) -> tuple[str, ...]:
    """The names of the answers a task can get, one an example; none where what is an answer is for the task to say."""
    return task.answers if judged_as(task, loss=False) in (Binary, Classification) else ()


def class_names(task: str, classes: Iterable[object] | int) -> tuple[str, ...]:
    """The names of the classes of ``task`` as text: numbers are written out, a whole number stands for so many classes.

    Raises TypeError for a text, a mapping, a set or a table, whose order or meaning is not plain, and for names that
    are neither text nor number; ValueError for fewer than two classes, a missing name and two classes of one name.
    """
    if getattr(classes, "ndim", None) == 0:  # one number of NumPy's or PyTorch's
        classes = classes.item()
    if isinstance(classes, Integral) and not isinstance(classes, bool):
        if classes < 2:
            raise ValueError(f"task {task!r} needs two or more classes, not {classes}")
        return tuple(map(str, range(classes)))
    if isinstance(classes, set | frozenset):
        raise TypeError(
            f"a set has no order, and the labels of {task!r} count its classes: give a list, such as "
            f"sorted({classes!r})"
        )
    unclear = isinstance(classes, str | bytes | Mapping | bool) or not isinstance(classes, Iterable)
    if unclear or getattr(classes, "ndim", 1) > 1:
        raise TypeError(
            f"the classes of {task!r} are a list of names, such as ['cat', 'dog'], or how many there are, "
            f"such as 10; not {classes!r}"
        )
    names = tuple(class_name(task, one) for one in (classes.tolist() if isinstance(classes, Tensor) else classes))
    if len(names) < 2:
        raise ValueError(f"task {task!r} needs two or more class names, not {names!r}")
    if len(set(names)) < len(names):
        name = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"two classes of task {task!r} are called {name!r}; a name may stand for one class only")
    return names


def class_name(task: str, name: object) -> str:
    """One name as text."""
    if not isinstance(name, str) and isinstance(name, Iterable):
        raise TypeError(f"a class of {task!r} is called by text or a number, such as 'cat', not {name!r}")
    if name is None or is_missing(name):
        raise ValueError(
            f"a class of {task!r} has no name ({name!r}): leave it out, and label its examples {MISSING}, "
            "or give it one"
        )
    return str(name)


def is_missing(value: object) -> bool:
    """Whether a value is NaN, or another library's sign for what is missing: it differs from itself, or cannot tell."""
    try:
        return bool(value != value)
    except TypeError:
        return True


def check_tasks(tasks: Sequence[Task]) -> tuple[Task, ...]:
    """The tasks as a tuple; refuses an empty list, two tasks of one name, and what is not a Task."""
    tasks = getattr(tasks, "tasks", tasks)  # those of a World
    tasks = (tasks,) if isinstance(tasks, Task) else tuple(tasks)
    if not tasks:
        raise ValueError("a model needs at least one task")
    for task in tasks:
        if not isinstance(task, Task):
            raise TypeError(f"expected a Task such as mtl.Classification('colour', classes), not {task!r}")
    names = [task.name for task in tasks]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two tasks are called {name!r}; a name may stand for one task only")
    return tasks


def find_task(tasks: Sequence[Task], name: str) -> Task:
    """The task called ``name``; a KeyError lists the names there are."""
    for task in tasks:
        if task.name == name:
            return task
    raise KeyError(f"there is no task {name!r}; the tasks are {', '.join(task.name for task in tasks)}")
