"""Exercises: a stub, the solution and typical mistakes, and what the learner is told about each."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mtl_lesson import checks
from mtl_lesson.checks.exercise import Exercise

CLASSES = {"garment": 10, "colour": 6, "way up": 4}


def stub(*arguments):
    return ...


def mean_of(outputs, labels, name, **options):
    return F.cross_entropy(outputs[name], labels[name], ignore_index=-1, **options)


class Essay(nn.Module):
    """The solution of lesson 02, exercise 1; the mistakes below change one thing each."""

    def __init__(self, heads=nn.ModuleDict, classes=None):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 32, 3, padding=1), nn.Conv2d(32, 64, 3, padding=1)
        self.linear = nn.Linear(64 * 7 * 7, 128)
        self.heads = heads({name: nn.Linear(128, classes or k) for name, k in CLASSES.items()})

    def trunk(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        return F.relu(self.linear(F.max_pool2d(F.relu(self.conv2(x)), 2).flatten(1)))

    def forward(self, x):
        h = self.trunk(x)
        return {name: head(h) for name, head in self.heads.items()}


class Varied(Essay):
    """One that leaves something out of the trunk, or takes something else."""

    def __init__(self, last=F.relu, first=F.relu, pool=F.max_pool2d):
        super().__init__()
        self.last, self.first, self.pool = last, first, pool

    def trunk(self, x):
        x = self.pool(self.first(self.conv1(x)), 2)
        return self.last(self.linear(self.pool(self.first(self.conv2(x)), 2).flatten(1)))


def as_it_is(x):
    return x


class Listed(Essay):
    def forward(self, x):
        return list(super().forward(x).values())


class Detached(Essay):
    def forward(self, x):
        h = self.trunk(x)
        return {name: head(h.detach() if name == "colour" else h) for name, head in self.heads.items()}


class Silent(Essay):
    def forward(self, x):
        super().forward(x)


class Nan(Essay):
    def forward(self, x):
        return {name: y / 0 for name, y in super().forward(x).items()}


class Softmaxed(Essay):
    def forward(self, x):
        return {name: y.softmax(1) for name, y in super().forward(x).items()}


class ThreeTrunks(nn.Module):
    def __init__(self):
        super().__init__()
        self.networks = nn.ModuleDict({name: Essay() for name in CLASSES})
        for name, network in self.networks.items():
            network.heads = nn.ModuleDict({name: network.heads[name]})

    def forward(self, x):
        return {name: network(x)[name] for name, network in self.networks.items()}


def step_with(scale=1.0, names=tuple(CLASSES), zero=True, step=True, returned=lambda loss: loss):
    def training_step(model, optimiser, x, labels):
        if zero:
            optimiser.zero_grad()
        outputs = model(x)
        loss = scale * sum(F.cross_entropy(outputs[name], labels[name]) for name in names)
        loss.backward()
        if step:
            optimiser.step()
        return returned(loss)

    return training_step


def looking_late(model, optimiser, x, labels):
    step_with()(model, optimiser, x, labels)
    return sum(F.cross_entropy(y, labels[name]) for name, y in model(x).items())


def weights(trunk=421_312, head=1290, biases=0):
    def count(T, shared):
        trunks = 1 if shared else T
        return trunks * trunk + T * head - biases * (trunks * (32 + 64 + 128) + T * 10)

    return count


TRUNK = 896 + 18_496 + 401_536

CASES = {
    "claim_of_borrowing": {
        "stub": (..., ...),
        "solution": ("b", "school"),
        "wrong": [
            (("A", "school"), "any smoothing"),
            (("C", "school"), "chosen on the test pupils"),
            (("D", "school"), "wherever λ matters"),
            (("B", "pupil"), "asks about schools"),
            (("B", "λ"), "settings"),
            (("E", "school"), "there is no claim 'E'"),
        ],
    },
    "joint_loss": {
        "solution": lambda outputs, labels: sum(mean_of(outputs, labels, name) for name in outputs),
        "wrong": [
            (lambda o, y: sum(mean_of(o, y, name) for name in o) / 3, "averaged over the tasks"),
            (lambda o, y: sum(mean_of(o, y, name) for name in o).detach(), "cut off"),
            (lambda o, y: sum(mean_of(o, y, name) for name in o).item(), "a loss is a tensor"),
            (lambda o, y: sum(mean_of(o, y, name, reduction="sum") for name in o), "summed over the pictures"),
            (lambda o, y: sum(F.cross_entropy(o[name], y[name].clamp(min=0)) for name in o), "mask is missing"),
            (lambda o, y: sum(mean_of(o, y, name, reduction="sum") / len(y[name]) for name in o), "have a label"),
            (lambda o, y: mean_of(o, y, "colour"), "only colour"),
            (lambda o, y: torch.stack([mean_of(o, y, name) for name in o]), "one number"),
            (lambda o, y: sum(mean_of(o, y, name) for name in o) * float("nan"), "nan"),
            (lambda o, y: sum(mean_of(o, y, name) for name in o) + 1, "on a test batch"),
            (lambda o, y: None, "Is a return missing"),
        ],
    },
    "who_learns": {
        "stub": {...},
        "solution": {"trunk", "colour head"},
        "wrong": [
            ({"colour head"}, "reaches θ"),
            ({"trunk", "colour head", "garment head"}, "garment head"),
            ({"trunk"}, "appear in L_colour"),
            (3, "no part"),
            ({"trunk", "neck"}, "no part"),
            ("colour head", "reaches θ"),
        ],
    },
    "probe_claim": {
        "stub": (..., ...),
        "solution": ("untrained trunk", "seed"),
        "wrong": [
            (("chance", "seed"), "training put it there"),
            (("pixels", "seed"), "training added"),
            (("training accuracy", "seed"), "nothing about colours"),
            (("untrained trunk", "picture"), "of other samples and weights"),
            (("untrained trunk", "task"), "one pair"),
            (("42", "seed"), "there is no number '42'"),
        ],
    },
    "essay_network": {
        "stub": lambda: ...,
        "solution": Essay,
        "wrong": [
            (Listed, "returns a list"),
            (lambda: Essay(classes=10), "colour has 6 classes"),
            (Nan, "NaN"),
            (Silent, "a return at the end"),
            (lambda: Essay(heads=dict), "not registered"),
            (Detached, "detached from colour"),
            (ThreeTrunks, "three trunks"),
            (Softmaxed, "logits"),
            (lambda: nn.Sequential(nn.Flatten(), nn.Linear(2352, 10)), "returns a Tensor"),
            (lambda: Varied(last=as_it_is), "after the linear layer is missing"),
            (lambda: Varied(first=as_it_is), "after the convolutions is missing"),
            (lambda: Varied(first=as_it_is, last=as_it_is), "no ReLU in it"),
            (lambda: Varied(pool=F.avg_pool2d), "pools by the maximum"),
            (lambda: Varied(last=F.gelu), "what they compute together"),
            (42, "a class or a module"),
        ],
    },
    "training_step": {
        "solution": step_with(),
        "wrong": [
            (step_with(scale=1 / 3), "the mean of the three"),
            (step_with(names=["garment"]), "only the loss of garment"),
            (step_with(zero=False), "zero_grad"),
            (step_with(step=False), "no weight moved"),
            (step_with(scale=2.0), "not where a step"),
            (step_with(returned=lambda loss: None), "returns nothing"),
            (step_with(returned=lambda loss: loss.item()), "returns a float"),
            (step_with(returned=lambda loss: loss / 3), "what it returns is not L"),
            (looking_late, "the loss *after* it"),
        ],
    },
    "faults": {
        "stub": {...},
        "solution": set("DEFI"),
        "wrong": [
            (set("DEF"), "1 more to find"),
            (set("DEFIA"), "A is not a fault"),
            (set("DEFIG"), "adds to the gradients"),
            (set("DEFIJ"), "early stopping"),
            ("DEFIZ", "no line Z"),
        ],
    },
    "count_weights": {
        "solution": weights(TRUNK),
        "wrong": [
            (weights(TRUNK, biases=1), "biases"),
            (lambda T, shared: T * (TRUNK + 1290), "one trunk for all"),
            (lambda T, shared: TRUNK + T * 1290, "nothing is shared"),
            (lambda T, shared: TRUNK + 1290, "one head for all"),
            (lambda T, shared: float(TRUNK), "whole number"),
            (lambda T, shared: None, "Is a return missing"),
            (weights(TRUNK, head=7), "the trunk has"),
        ],
    },
    "choose_lambda": {
        "solution": lambda lambdas, validation, test: lambdas[validation.index(min(validation))],
        "wrong": [
            (lambda lambdas, validation, test: lambdas[test.index(min(test))], "test set is for reporting"),
            (lambda lambdas, validation, test: validation.index(min(validation)), "position"),
            (lambda lambdas, validation, test: min(validation), "an error, not a λ"),
            (lambda lambdas, validation, test: lambdas[validation.index(max(validation))], "Less error is better"),
            (lambda lambdas, validation, test: 0.1, "Compute it"),
            (lambda lambdas, validation, test: "0.1", "one number"),
            (lambda lambdas, validation, test: 1.0, "least is at λ = 0.1"),
            (lambda lambdas, validation, test: None, "Is a return missing"),
        ],
    },
}
ALL = [(name, case) for name, case in CASES.items()]


def parts(answer):
    """An answer as it is given: a tuple is several."""
    return answer if isinstance(answer, tuple) else (answer,)


def test_every_exercise_has_its_cases():
    """Here those of lessons 00 to 02; later lessons have a file each."""
    exercises = {name for name, value in vars(checks).items() if isinstance(value, Exercise)}
    later = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_checks_*.py"))
    assert set(CASES) <= exercises
    assert [name for name in exercises - set(CASES) if f"checks.{name}" not in later] == []


@pytest.mark.parametrize(("name", "case"), ALL)
def test_the_stub_is_not_attempted(name, case):
    exercise = getattr(checks, name)
    told = exercise(*parts(case.get("stub", stub)))
    assert told.state == "not attempted"
    assert f"checks.{name}.hint()" in told.words


@pytest.mark.parametrize(("name", "case"), ALL)
def test_the_solution_is_right(name, case):
    told = getattr(checks, name)(*parts(case["solution"]))
    assert told.state == "right", told.words


@pytest.mark.parametrize(
    ("name", "answer", "words"), [(name, answer, words) for name, case in ALL for answer, words in case["wrong"]]
)
def test_a_typical_mistake_is_told_why(name, answer, words):
    told = getattr(checks, name)(*parts(answer))
    assert told.state == "wrong"
    assert told.words.startswith("Because ")
    assert words in told.words


@pytest.mark.parametrize(("name", "case"), ALL)
def test_at_least_three_mistakes_are_known(name, case):
    assert len(case["wrong"]) >= 3


def test_labels_of_minus_one_given_to_cross_entropy_crash_in_the_learners_line():
    def unmasked(outputs, labels):
        return sum(F.cross_entropy(outputs[name], labels[name]) for name in outputs)

    told = checks.joint_loss(unmasked)
    assert told.state == "crashed"
    assert "return sum(F.cross_entropy" in told.words


def test_a_crash_is_the_learners_own():
    def broken(lambdas, validation, test):
        return lambdas[99]

    told = checks.choose_lambda(broken)
    assert told.state == "crashed"
    assert "IndexError" in told.words
    assert "return lambdas[99]" in told.words


def test_an_answer_that_runs_for_ever_can_be_stopped():
    def endless(lambdas, validation, test):
        raise KeyboardInterrupt  # what Stop does to a loop

    assert checks.choose_lambda(endless).state == "stopped"


def test_hints_come_one_by_one_and_the_last_stays():
    exercise = Exercise("Exercise 9", lambda answer: None, hints=("look left", "look right"))
    assert [exercise.hint().words for _ in range(3)] == [
        "Hint 1 of 2. look left",
        "Hint 2 of 2. look right",
        "Hint 2 of 2. look right",
    ]


def test_what_a_learner_wrote_is_escaped():
    told = Exercise("Exercise 9", lambda answer: f"<b>{answer}</b>")("x<script>")
    assert "<script>" not in told._repr_html_()
    assert "x<script>" in repr(told)


def test_what_the_lesson_goes_on_with_is_the_learners_where_it_is_right():
    step = step_with()
    network, stepped, whose = checks.solutions.yours_or_ours(Essay, step)
    assert (type(network), stepped, whose) == (Essay, step, "yours")
    for *answers, words in (
        (stub, step, "ours, exercise 1 is open"),
        (Essay, stub, "ours, exercise 2 is open"),
        (stub, stub, "ours, exercises 1 and 2 are open"),
    ):
        assert checks.solutions.yours_or_ours(*answers)[2] == words


def test_a_network_starts_from_the_weights_of_another():
    one, other, x = Essay(), checks.solutions.EssayNetwork(), torch.rand(2, 3, 28, 28)
    checks.solutions.start_from(other, one)
    assert all(torch.equal(y, one(x)[name]) for name, y in other(x).items())
