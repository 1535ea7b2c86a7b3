"""The audit: each thing it looks for is planted and found, and not found where it is not planted."""

import dataclasses
import random

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import mtl_lesson as mtl
from mtl_lesson.data import Grouped, Split, World
from mtl_lesson.data.quoting import quoted
from mtl_lesson.inspection import Finding, audit, audit_labels, audit_rows
from mtl_lesson.inspection.arrays import Arrays, drawn_rows, numbered_alike
from mtl_lesson.inspection.findings import REASONS, WEIGHTS, as_percent

PARTS = ("train", "validation", "test")
few = settings(max_examples=6, deadline=None, derandomize=True)  # a test of chance is wrong by chance, too
seeds = st.integers(0, 10**6)
sizes = st.integers(200, 400)
TASKS = (mtl.Binary("ill"), mtl.Classification("colour", ["red", "green", "blue"]), mtl.Regression("price"))


def parts_of(n, seed=0, d=6, missing=0.0):
    """Split → inputs and labels of three tasks, all drawn apart from one another."""
    rng = np.random.default_rng(seed)
    drawn = {}
    for part in PARTS:
        labels = {
            "ill": torch.tensor(rng.integers(0, 2, n)),
            "colour": torch.tensor(rng.integers(0, 3, n)),
            "price": torch.tensor(rng.normal(size=n)).float(),
        }
        for name, y in labels.items():
            y[torch.tensor(rng.random(n) < missing)] = float("nan") if name == "price" else -1
        drawn[part] = torch.tensor(rng.normal(size=(n, d))).float(), labels
    return drawn


def made(drawn, tasks=TASKS, groups=None, **more):
    """A world of what :func:`parts_of` has drawn."""
    splits = [Split(*drawn[part]) for part in PARTS]
    if groups is None:
        return World("made", tasks, *splits, **more)
    return Grouped("made", tasks, *splits, groups=groups, group="farm", **more)


def of(world, kind, weight=None):
    """The findings of a kind, and of a weight."""
    return [one for one in audit(world) if one.kind == kind and weight in (None, one.weight)]


def weights(world, kind):
    return {one.weight for one in of(world, kind)}


def groups_of(n, each=10, shared=False):
    """Split → the groups of n rows, ten rows a group; on all sides the same ones if they are shared."""
    rows = np.arange(n) // each
    return {part: rows + (0 if shared else 1000 * at) for at, part in enumerate(PARTS)}


# --- what is said, and where nothing is planted ----------------------------------------------------------------------


@few
@given(n=sizes, seed=seeds, missing=st.sampled_from([0.0, 0.3]), grouped=st.booleans(), d=st.integers(1, 8))
def test_where_nothing_is_planted_all_is_fine_and_all_that_was_looked_for_is_told(n, seed, missing, grouped, d):
    world = made(parts_of(n, seed, d, missing), groups=groups_of(n) if grouped else None)
    findings = audit(world)
    assert [one.text for one in findings if one.weight != "fine" and one.kind != "missing labels"] == []
    kinds = {one.kind for one in findings}
    assert kinds >= {"duplicates", "repeats", "contradictions", "shared groups", "tasks", "leak", "missing labels"}
    assert kinds >= {"constant task", "rare classes", "one answer", "size", "wide", "constant columns", "row numbers"}
    assert ("missing by" in kinds) == (missing > 0)
    assert ("few groups" in kinds) == grouped


def test_a_finding_is_frozen_and_gives_its_reasons_the_serious_ones_first():
    drawn = parts_of(30)
    drawn["test"][1]["ill"][:] = 1
    findings = audit(made(drawn))
    ranks = [WEIGHTS.index(one.weight) for one in findings]
    assert ranks == sorted(ranks)
    assert len(set(ranks)) == 3
    assert {one.kind for one in findings} <= set(REASONS)
    for one in findings:
        assert one.text
        assert one.why.endswith(".")
        assert (one.what_to_do == "") == (one.weight == "fine")
        assert all(isinstance(name, str) for name in one.where)
    with pytest.raises(dataclasses.FrozenInstanceError):
        findings[0].text = ""
    assert isinstance(findings[0], Finding)


def test_it_says_the_same_each_time_and_draws_from_nobodys_numbers():
    drawn = parts_of(200)
    drawn["train"][0][:, 2] = drawn["train"][1]["price"]
    drawn["test"][0][:20] = drawn["train"][0][:20]
    world = made(drawn)
    states = [np.random.get_state()[1].tolist(), torch.get_rng_state().tolist(), random.getstate()]  # noqa: NPY002
    first = audit(world)
    assert states == [np.random.get_state()[1].tolist(), torch.get_rng_state().tolist(), random.getstate()]  # noqa: NPY002
    np.random.seed(1)  # noqa: NPY002
    assert audit(world) == first


def test_what_is_no_world_is_refused():
    with pytest.raises(TypeError, match="expected a World"):
        audit([1, 2])


def test_names_stand_as_they_are_and_a_long_one_is_cut():
    names = ["$x^2$", "<script>alert(1)</script>", "价格\n元"]
    drawn = parts_of(200, d=3)
    for part in PARTS:
        x, y = drawn[part]
        drawn[part] = x, {"a$b": y["ill"], "<b>": y["colour"], "z" * 300: x[:, 1].clone()}
    tasks = mtl.Binary("a$b"), mtl.Classification("<b>", 3), mtl.Regression("z" * 300)
    (leak,) = of(named(made(drawn, tasks), names), "leak", "serious")
    assert "'<script>alert(1)</script>' alone" in leak.text
    assert "z" * 301 not in leak.text
    assert "z" * 39 + "…" in leak.text
    assert leak.where == ("z" * 300, names[1])
    assert quoted("价格\n元") == "'价格\n元'"


def named(world, names):
    """The same world, with names for the columns of x."""
    object.__setattr__(world, "columns", tuple(names))
    return world


def test_percents_do_not_round_to_all_or_nothing():
    assert [as_percent(share) for share in (0, 1, 0.5, 0.002, 0.998, 1e-5)] == [
        "0 %",
        "100 %",
        "50 %",
        "0.2 %",
        "99.8 %",
        "0 %",
    ]


# --- copies ----------------------------------------------------------------------------------------------------------


@few
@given(n=sizes, seed=seeds, copies=st.integers(8, 40), missing=st.sampled_from([0.0, 0.2]))
def test_test_rows_that_were_trained_on_are_serious_and_counted(n, seed, copies, missing):
    drawn = parts_of(n, seed, missing=missing)
    for own, theirs in zip(
        (drawn["test"][0], *drawn["test"][1].values()), (drawn["train"][0], *drawn["train"][1].values()), strict=True
    ):
        own[-copies:] = theirs[:copies]
    (leak,) = of(made(drawn), "duplicates", "serious")
    assert leak.where == ("train", "test")
    assert leak.text.startswith(f"{copies} rows of {n} in test")
    nobody = sum(
        all(int(y.isnan()[at] if y.is_floating_point() else y[at] < 0) for y in drawn["train"][1].values())
        for at in range(copies)
    )
    assert (
        f"{copies - nobody} with the same labels (a leak), 0 with other labels (noise), {nobody} without" in leak.text
    )


@few
@given(n=sizes, seed=seeds)
def test_equal_inputs_with_other_labels_are_noise_and_no_leak(n, seed):
    drawn = parts_of(n, seed)
    drawn["test"][0][:30] = drawn["train"][0][:30]  # labels are drawn apart
    (one,) = of(made(drawn), "duplicates", "worth a look")
    assert "0 with the same labels, 30 with other labels (noise)" in one.text
    (torn,) = of(made(drawn), "contradictions", "worth a look")
    assert f"60 of {3 * n:,} of 'price'" in torn.text


@pytest.mark.parametrize(
    ("n", "copies", "weight"),
    [(400, 4, "worth a look"), (400, 5, "serious"), (1000, 9, "worth a look"), (1000, 10, "serious")],
)
def test_a_leak_is_five_rows_or_more_and_one_in_a_hundred(n, copies, weight):
    drawn = parts_of(n)
    for own, theirs in zip(
        (drawn["test"][0], *drawn["test"][1].values()), (drawn["train"][0], *drawn["train"][1].values()), strict=True
    ):
        own[:copies] = theirs[:copies]
    (one,) = [one for one in of(made(drawn), "duplicates") if one.where == ("train", "test")]
    assert one.weight == weight


@pytest.mark.parametrize("side", ["train", "test"])
def test_labels_that_only_one_side_tells_are_not_compared(side):
    drawn = parts_of(200)
    drawn["test"][0][:30] = drawn["train"][0][:30]
    for y, missing in zip(drawn[side][1].values(), (-1, -1, float("nan")), strict=True):
        y[:30] = missing
    (one,) = of(made(drawn), "duplicates", "worth a look")
    assert "0 with the same labels, 0 with other labels (noise), 30 without a label to compare" in one.text


def test_an_input_of_another_shape_is_another():
    numbers = numbered_alike({"a": torch.zeros(2, 4), "b": torch.zeros(2, 2, 2), "c": torch.zeros(1, 4)})
    assert numbers["a"][0] == numbers["a"][1] == numbers["c"][0] != numbers["b"][0]


def test_zero_is_zero_and_single_precision_is_found_in_double():
    drawn = parts_of(200)
    drawn["train"][0][:10, 0], drawn["test"][0][:10, 0] = 0.0, -0.0
    drawn["test"][0][:10, 1:] = drawn["train"][0][:10, 1:]
    drawn["test"] = drawn["test"][0].double(), drawn["test"][1]
    assert "10 rows of 200 in test" in of(made(drawn), "duplicates", "worth a look")[0].text


LAYOUTS = {
    "maps": lambda rng, n: torch.tensor(rng.normal(size=(n, 3, 5, 5))).float(),
    "sequences": lambda rng, n: torch.tensor(rng.normal(size=(n, 7, 2))).float(),
    "tokens": lambda rng, n: torch.tensor(rng.integers(0, 50, (n, 9))),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_inputs_of_any_layout_are_audited_and_what_was_not_looked_for_is_said(layout):
    rng, drawn = np.random.default_rng(0), parts_of(200)
    drawn = {part: (LAYOUTS[layout](rng, 200), labels) for part, (_, labels) in drawn.items()}
    clean = made(drawn, layout=layout)
    assert {one.weight for one in audit(clean)} == {"fine"}
    assert "not looked for" in of(clean, "leak")[0].text
    assert "not looked at" in of(clean, "row numbers")[0].text
    assert ("not looked for" in of(clean, "shift")[0].text) == (layout == "tokens")
    drawn["validation"][0][5:15] = drawn["train"][0][:10]
    assert of(made(drawn, layout=layout), "duplicates", "worth a look")[0].where == ("train", "validation")


def own_inputs(n_of, seed=0, d=4):
    """A world of tasks with inputs of their own, of n_of[task] rows."""
    rng, splits = np.random.default_rng(seed), []
    for _ in PARTS:
        x = {name: torch.tensor(rng.normal(size=(n, d))).float() for name, n in n_of.items()}
        splits.append(Split(x, {name: torch.tensor(rng.normal(size=n)).float() for name, n in n_of.items()}))
    return [mtl.Regression(name) for name in n_of], splits


@few
@given(small=st.integers(60, 150), seed=seeds)
def test_rows_that_fill_up_a_smaller_data_set_are_no_copies(small, seed):
    tasks, splits = own_inputs({"a": 200, "b": small}, seed)
    world = World("own", tasks, *splits)
    assert {one.weight for one in audit(world)} == {"fine"}
    assert f"'b' {small} / {small} / {small}" in of(world, "missing labels")[0].text


def test_a_test_input_that_another_task_trains_on_is_found():
    tasks, splits = own_inputs({"a": 200, "b": 200, "c": 200})
    splits[2].x["b"][:25] = splits[0].x["a"][:25]
    (one,) = of(World("own", tasks, *splits), "elsewhere")
    assert one.weight == "worth a look"
    assert one.where == ("b", "train", "test")
    assert one.text.startswith("25 test rows of 600")
    splits[0].x["b"][:25] = splits[2].x["b"][:25]  # the task itself trains on them: a leak, and told as that
    assert weights(World("own", tasks, *splits), "elsewhere") == {"fine"}


def test_rows_that_come_twice_in_a_split_are_counted():
    drawn = parts_of(200)
    drawn["train"][0][50:60] = drawn["train"][0][:10]
    (one,) = of(made(drawn), "repeats", "worth a look")
    assert one.where == ("train",)
    assert one.text.startswith("10 rows of 200 in train (5 %)")
    drawn = parts_of(200)
    drawn["train"][0][50] = drawn["train"][0][0]
    assert weights(made(drawn), "repeats") == weights(made(drawn), "contradictions") == {"fine"}


# --- groups ----------------------------------------------------------------------------------------------------------


def test_groups_on_both_sides_are_serious_only_where_it_is_the_test():
    n, drawn = 200, parts_of(200)
    findings = of(made(drawn, groups=groups_of(n, shared=True)), "shared groups")
    assert {one.where: one.weight for one in findings} == {
        ("train", "validation"): "worth a look",
        ("train", "test"): "serious",
        ("validation", "test"): "worth a look",
    }
    assert "20 of 20 groups ('farm') of test stand in train, too" in findings[0].text
    names = {part: [f"farm {number}" for number in of_rows] for part, of_rows in groups_of(n, shared=True).items()}
    assert "'farm 0'" in of(made(drawn, groups=names), "shared groups")[0].text
    assert weights(made(drawn, groups=groups_of(n)), "shared groups") == {"fine"}


@pytest.mark.parametrize(("count", "weight"), [(2, "serious"), (3, "worth a look"), (9, "worth a look"), (10, "fine")])
def test_a_claim_needs_groups_to_test_on(count, weight):
    groups = groups_of(200) | {"test": 5000 + np.arange(200) % count}
    (one,) = of(made(parts_of(200), groups=groups), "few groups")
    assert one.weight == weight
    assert (
        f"test {count} (the largest has {as_percent(np.ceil(200 / count) / 200)} of the rows, 0 have one row)"
        in one.text
    )


def test_one_large_group_of_many_is_worth_a_look():
    groups = groups_of(200) | {"test": np.maximum(5000, 5000 + np.arange(200) - 150)}
    assert weights(made(parts_of(200), groups=groups), "few groups") == {"worth a look"}


# --- tasks that give one another -------------------------------------------------------------------------------------


@few
@given(n=sizes, seed=seeds, missing=st.sampled_from([0.0, 0.3]))
def test_a_copy_a_renaming_and_a_rescaling_are_named_as_such(n, seed, missing):
    drawn = parts_of(n, seed, missing=missing)
    tasks = [*TASKS, mtl.Binary("sick"), mtl.Classification("Farbe", 3), mtl.Regression("cents")]
    for _, y in drawn.values():
        y["sick"] = y["ill"].clone()
        y["Farbe"] = torch.where(y["colour"] < 0, -1, (y["colour"] + 1) % 3)
        y["cents"] = 7 - 100 * y["price"]
    findings = of(made(drawn, tasks), "tasks", "serious")
    said = {one.where: one.text for one in findings}
    assert set(said) == {("ill", "sick"), ("colour", "Farbe"), ("price", "cents")}
    assert "'sick' is a copy of 'ill'" in said["ill", "sick"]
    assert "'Farbe' is a renaming of 'colour'" in said["colour", "Farbe"]
    assert "'cents' is a rescaling of 'price'" in said["price", "cents"]


@given(st.lists(st.integers(0, 3), min_size=4, max_size=4), st.integers(4, 40), seeds)
def test_classes_are_renamed_where_each_has_one_other_name(names, n, seed):
    one = np.append(np.arange(4), np.random.default_rng(seed).integers(0, 4, n))
    other = np.array(names)[one]
    said = audit_labels.copied(one, other, {"classes"})
    assert said == ("a copy" if names == [0, 1, 2, 3] else "a renaming" if len({*names}) == 4 else "")
    assert audit_labels.copied(one, np.append(other[:-1], (other[-1] + 1) % 4), {"classes"}) == ""  # but for one


@given(st.floats(-5, 5).filter(lambda by: abs(by) > 0.1), st.floats(-5, 5), st.floats(1e-3, 1), seeds)
def test_numbers_are_rescaled_where_a_line_goes_through_all(by, shift, noise, seed):
    rng = np.random.default_rng(seed)
    one = rng.normal(size=50)
    other = by * one + shift
    said = "a copy" if np.array_equal(one, other) else "a rescaling"
    assert audit_labels.copied(one, other, {"numbers"}) == said
    assert audit_labels.copied(one, other + noise * by * rng.normal(size=50), {"numbers"}) == ""
    assert audit_labels.copied(one.round(), one.round(), {"numbers", "classes"}) == ""  # equal, and not the same thing


def foretelling(kind, n=400, seed=0):
    """A world in which the first of two labels gives the second, for each pair of kinds."""
    drawn = parts_of(n, seed)
    for _, y in drawn.values():
        if kind == "number gives class":
            y["ill"] = (y["price"] > 0.3).long()
        if kind == "number gives number":
            y["price"] = torch.rand(n, generator=torch.Generator().manual_seed(n + int(y["colour"].sum())))
            y["other"] = (6 * y["price"]).sin()
        if kind == "class gives number":
            y["price"] = 5.0 * (y["colour"] == 1) + 0.1 * y["price"]
        if kind == "class gives class":
            y["ill"] = (y["colour"] == 2).long()
        y.setdefault("other", torch.tensor(np.random.default_rng(1).normal(size=n)).float())
    return made(drawn, [*TASKS, mtl.Regression("other")])


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("number gives class", "price", "ill"),
        ("number gives number", "price", "other"),
        ("class gives number", "colour", "price"),
        ("class gives class", "colour", "ill"),
    ],
)
def test_a_label_that_gives_another_one_way_is_serious(kind, one, other):
    (found,) = of(foretelling(kind), "tasks", "serious")
    assert set(found.where) == {one, other}
    assert f"'{one}' gives" in found.text
    assert "is a" not in found.text
    back = {"number gives class": False, "class gives class": False, "number gives number": False}
    assert (f"'{other}' gives" in found.text) == back.get(kind, "and" in found.text)


@pytest.mark.parametrize(("wrong", "weight"), [(0.01, "serious"), (0.06, "worth a look"), (0.2, "fine")])
def test_how_nearly_a_task_gives_another_decides_the_weight(wrong, weight):
    drawn = parts_of(1000)
    for at, (_, y) in enumerate(drawn.values()):
        other = torch.tensor(np.random.default_rng(at).random(1000) < wrong)
        y["sick"] = torch.where(other, 1 - y["ill"], y["ill"])
    assert weights(made(drawn, [*TASKS, mtl.Binary("sick")]), "tasks") == {weight}


def test_tasks_with_inputs_of_their_own_are_joined_by_equal_inputs():
    tasks, splits = own_inputs({"a": 200, "b": 200, "c": 200})
    for at, split in enumerate(splits):
        order = np.random.default_rng(at).permutation(200)
        split.x["b"][:], split.labels["b"][:] = split.x["a"][order], split.labels["a"][order]
    (one,) = of(World("own", tasks, *splits), "tasks", "serious")
    assert one.where == ("a", "b")
    assert "copy" in one.text


def test_the_work_on_many_tasks_is_bounded_and_what_was_drawn_is_said(monkeypatch):
    tried = []
    real = audit_labels.foretold
    monkeypatch.setattr(audit_labels, "foretold", lambda *all: tried.append(1) or real(*all))
    drawn = parts_of(60)
    for part, (x, _) in drawn.items():
        drawn[part] = (
            x,
            {f"t{at}": torch.tensor(np.random.default_rng([at, len(part)]).normal(size=60)) for at in range(65)},
        )
    monkeypatch.setattr(audit_labels, "MOST_FITS", 100)
    monkeypatch.setattr(audit_labels, "MOST_PAIRS", 30)
    world = made(drawn, [mtl.Regression(f"t{at}") for at in range(65)])
    (one,) = of(world, "tasks")
    assert "30 of 2,080 pairs of tasks" in one.text
    assert "drawn" in one.text
    assert "100 of 390 pairs of a column and a task, drawn" in of(world, "leak")[0].text
    assert len(tried) <= 2 * (2 * 30 + 100 + 10 * 3)


def test_many_copies_of_one_task_are_told_in_few_findings():
    drawn = parts_of(100)
    for part, (x, y) in drawn.items():
        drawn[part] = x, {f"t{at}": y["ill"] for at in range(12)}
    findings = of(made(drawn, [mtl.Binary(f"t{at}") for at in range(12)]), "tasks", "serious")
    assert len(findings) == 7
    assert "60 more pairs" in findings[-1].text


# --- columns that give a label away ----------------------------------------------------------------------------------


@few
@given(
    n=sizes, seed=seeds, task=st.sampled_from(["ill", "colour", "price"]), at=st.integers(0, 5), use_names=st.booleans()
)
def test_a_column_that_gives_a_label_away_is_serious(n, seed, task, at, use_names):
    drawn = parts_of(n, seed, missing=0.1)
    for x, y in drawn.values():
        known = y[task] != -1 if task != "price" else ~y[task].isnan()
        x[known, at] = y[task][known].float() * 3 - 1
    names = [f"name {letter}" for letter in "abcdef"]
    world = named(made(drawn), names) if use_names else made(drawn)
    (one,) = of(world, "leak", "serious")
    column = names[at] if use_names else f"column {at}"
    assert one.where == (task, column)
    assert f"'{column}' alone gives" in one.text


@pytest.mark.parametrize(
    ("wrong", "columns", "weight"), [(0.06, 1, "serious"), (0.06, 2, "worth a look"), (0.25, 1, "worth a look")]
)
def test_a_column_far_ahead_of_all_others_weighs_more(wrong, columns, weight):
    drawn = parts_of(1000)
    for at, (x, y) in enumerate(drawn.values()):
        for column in range(columns):
            other = torch.tensor(np.random.default_rng([at, column]).random(1000) < wrong)
            x[:, column] = torch.where(other, 1 - y["ill"], y["ill"]).float()
    findings = [one for one in of(made(drawn), "leak") if "alone" in one.text]
    assert [one.weight for one in findings] == [weight] * columns
    assert ("far ahead" in findings[0].text) == (columns == 1)


@pytest.mark.parametrize(("d", "judged", "far"), [(6, 400, True), (3, 400, False), (6, 60, False)])
def test_far_ahead_of_few_columns_or_judged_on_few_rows_is_not_far(d, judged, far):
    drawn = parts_of(400, d=d)
    for at, (x, y) in enumerate(drawn.values()):
        other = torch.tensor(np.random.default_rng(at).random(400) < 0.2)
        x[:, 0] = torch.where(other, 1 - y["ill"], y["ill"]).float()
    drawn["validation"] = tuple(
        one[:judged] if isinstance(one, torch.Tensor) else {name: y[:judged] for name, y in one.items()}
        for one in drawn["validation"]
    )
    assert any("far ahead" in one.text for one in of(made(drawn), "leak")) == far


def test_where_one_column_gives_a_label_no_others_are_looked_for_together():
    drawn = parts_of(400)
    for x, y in drawn.values():
        x[:, 0] = y["ill"].float()
        x[:, 1] = y["colour"].float() + 0.6 * (x[:, 2] > 0)
        x[:, 3] = y["colour"].float() + 0.6 * (x[:, 2] < 0)
    found = of(made(drawn), "leak")
    assert [one.where[0] for one in found if "alone" in one.text and one.weight == "serious"].count("ill") == 1
    assert not [one for one in found if "together" in one.text and one.where[0] == "ill"]


@pytest.mark.parametrize(("most", "n"), [(50, 50), (1000, 300)])
def test_at_most_so_many_rows_are_fitted_on(most, n):
    world = made(parts_of(300))
    x, y = audit_labels.fitting_rows(Arrays(world), None, world.tasks[0], most)
    assert [len(part) for part in (*x, *y)] == [n] * 4


def test_two_columns_that_give_a_label_only_together_are_found():
    drawn = parts_of(1000)
    for x, y in drawn.values():
        y["ill"] = ((x[:, 1] > 0) != (x[:, 4] > 0.2)).long()
        x[:, 1] += 0.3 * (y["ill"] == 1)  # a tree needs a first step
    (one,) = of(made(drawn), "leak", "worth a look")
    assert set(one.where) == {"ill", "column 1", "column 4"}
    assert one.text.startswith("2 columns together")


def test_the_columns_after_the_decision_are_found_in_loans_and_patients_and_none_without():
    loans = [one for seed in range(3) for one in of(mtl.data.loans(seed=seed, n_train=2000, leak=True), "leak")]
    named_there = {column for one in loans if one.weight != "fine" for column in one.where[1:]}
    assert {"installment", "balance", "paid_interest"} <= named_there
    patients = [one for one in of(mtl.data.patients(leak=True), "leak") if one.weight != "fine"]
    assert {column for one in patients for column in one.where[1:]} == set(mtl.data.patients(leak=True).columns[-2:])
    for seed in range(3):
        assert weights(mtl.data.loans(seed=seed, n_train=2000), "leak") == {"fine"}
        assert weights(mtl.data.patients(seed=seed), "leak") == {"fine"}


# --- labels ----------------------------------------------------------------------------------------------------------


@few
@given(n=sizes, seed=seeds)
def test_labels_that_lack_by_another_label_or_by_the_split_are_found(n, seed):
    drawn = parts_of(n, seed)
    drawn["train"][1]["price"][drawn["train"][1]["ill"] == 1] = float("nan")
    findings = of(made(drawn), "missing by", "worth a look")
    assert {one.where for one in findings} == {("price", "ill"), ("price", *PARTS)}
    assert "0 % to 100 %" in next(one.text for one in findings if one.where == ("price", "ill"))
    (lack,) = of(made(drawn), "missing labels", "worth a look")
    assert f"'price' {as_percent((drawn['train'][1]['ill'] == 1).double().mean().item())} / 0 % / 0 %" in lack.text


@pytest.mark.parametrize(("missing", "weight"), [(0.03, "fine"), (0.1, "worth a look")])
def test_that_some_labels_lack_is_worth_a_look_where_it_is_more_than_one_in_twenty(missing, weight):
    assert weights(made(parts_of(1000, missing=missing)), "missing labels") == {weight}


def lacking(*counts):
    """Classes, and whether a label lacks, of so many (rows, that lack) each."""
    classes = np.repeat(np.arange(len(counts)), [rows for rows, _ in counts])
    return classes, np.concatenate([np.arange(rows) < lack for rows, lack in counts])


def test_that_labels_lack_by_class_is_said_where_it_is_much_and_no_accident_of_many_tests():
    assert audit_labels.lacking_by(*lacking((200, 60), (200, 120)), 1) == [0.3, 0.6]
    assert audit_labels.lacking_by(*lacking((200, 60), (200, 120)), 10**7) == []
    assert audit_labels.lacking_by(*lacking((200, 60), (200, 72)), 1) == []  # by chance
    assert audit_labels.lacking_by(*lacking((50_000, 5000), (50_000, 6500)), 1) == []  # surely, and little
    assert audit_labels.lacking_by(*lacking((5000, 250), (5000, 250), (3, 3)), 1) == []  # three rows
    assert audit_labels.lacking_by(*lacking((200, 0), (200, 0)), 1) == []


def test_a_label_that_lacks_by_a_number_is_found():
    drawn = parts_of(400)
    for _, y in drawn.values():
        y["ill"][y["price"] > 0.5] = -1
    assert [one.where for one in of(made(drawn), "missing by", "worth a look")] == [("ill", "price")]


def test_tasks_that_label_no_row_in_common_are_named():
    drawn = parts_of(200)
    for _, y in drawn.values():
        y["ill"][:100] = -1
        y["price"][100:] = float("nan")
    (one,) = of(made(drawn), "disjoint")
    assert one.weight == "worth a look"
    assert one.where == ("ill", "price", "train")
    drawn["train"][1]["price"][100] = 0.0
    assert weights(made(drawn), "disjoint") == {"fine"}  # one row is common to both


def test_rare_and_absent_classes_are_counted():
    drawn = parts_of(200)
    for part, (_, y) in drawn.items():
        y["colour"] %= 2
        y["colour"][: {"train": 4, "validation": 0, "test": 7}[part]] = 2
    (one,) = of(made(drawn), "rare classes")
    assert one.weight == "worth a look"
    assert "'blue' of 'colour' 4 / 7" in one.text
    drawn["train"][1]["colour"][4:5] = 2
    assert weights(made(drawn), "rare classes") == {"fine"}  # five are enough
    drawn["train"][1]["colour"][4:9], drawn["test"][1]["colour"][:7] = 2, 0
    assert "'blue' of 'colour' 9 / 0" in of(made(drawn), "rare classes")[0].text
    drawn["test"][1]["colour"][:1] = 2
    assert weights(made(drawn), "rare classes") == {"fine"}


@pytest.mark.parametrize("task", ["ill", "colour", "price"])
@pytest.mark.parametrize(
    ("part", "weight"), [("train", "serious"), ("test", "serious"), ("validation", "worth a look")]
)
def test_a_task_with_one_answer_is_named(task, part, weight):
    drawn = parts_of(200)
    drawn[part][1][task][:] = 1
    drawn[part][1][task][:50] = float("nan") if task == "price" else -1
    (one,) = of(made(drawn), "constant task")
    assert one.weight == weight
    assert one.where == (task, part)


def test_an_answer_that_is_nearly_always_right_is_named():
    drawn = parts_of(200)
    drawn["test"][1]["ill"][:] = 0
    drawn["test"][1]["ill"][:9] = 1
    (one,) = of(made(drawn), "one answer")
    assert one.weight == "worth a look"
    assert "'ill' 96 % in test" in one.text
    drawn["test"][1]["ill"][:11] = 1
    assert weights(made(drawn), "one answer") == {"fine"}
    drawn["test"][1]["ill"][:] = 0
    assert weights(made(drawn), "one answer") == {"fine"}  # a task with one answer is told as that
    assert weights(made(drawn), "constant task") == {"serious"}


def test_a_picture_of_two_classes_is_no_one_answer_though_each_pixel_has_one():
    pixels = (torch.arange(16).view(4, 4) % 2).expand(30, 4, 4)
    split = Split(torch.rand(30, 1, 4, 4), {"pixels": pixels, "tags": torch.ones(30, 2)})
    world = World("made", [mtl.Segmentation("pixels", 2), mtl.MultiLabel("tags", ["a", "b"])], split, split, split)
    told = [audit_labels.is_constant(Arrays(world), task, "train") for task in world.tasks]
    assert told == [False, True]


def test_tasks_of_every_kind_are_audited():
    n, rng = 120, np.random.default_rng(0)
    tasks = [
        mtl.MultiLabel("tags", ["a", "b"]),
        mtl.Segmentation("pixels", 3),
        mtl.Box("where"),
        mtl.Regression("two", 2),
    ]
    splits = []
    for _ in PARTS:
        corners = torch.tensor(rng.random((n, 2, 2))).float().cumsum(1).flatten(1)
        labels = {
            "tags": torch.tensor(rng.integers(-1, 2, (n, 2))),
            "pixels": torch.tensor(rng.integers(-1, 3, (n, 4, 4))),
            "where": corners,
            "two": torch.tensor(np.where(rng.random((n, 2)) < 0.2, np.nan, rng.normal(size=(n, 2)))).float(),
        }
        splits.append(Split(torch.tensor(rng.normal(size=(n, 1, 4, 4))).float(), labels))
    world = World("all", tasks, *splits)
    assert {one.weight for one in audit(world) if one.kind != "missing labels"} == {"fine"}
    splits[0].labels["tags"][:, 1] = 0
    splits[2].labels["pixels"][:] = 2
    splits[0].labels["two"][:] = 0.5
    world = World("all", tasks, *splits)
    said = " ".join(one.text for one in of(world, "rare classes") + of(world, "constant task"))
    assert "'b' of 'tags' 0 / " in said
    assert "'0' of 'pixels' 119 / 0" in said
    assert "'two' in train" in said
    assert "'pixels' in test" in said
    assert "'tags' in" not in said


# --- sizes, columns, shift -------------------------------------------------------------------------------------------


def test_few_test_rows_and_wide_tables_are_named():
    drawn = parts_of(60, d=61)
    drawn["test"][1]["ill"][49:] = -1
    world = made(drawn)
    (size,) = of(world, "size")
    assert (size.weight, size.where) == ("worth a look", ("ill", "test"))
    assert "'ill' 49" in size.text
    assert weights(world, "wide") == {"worth a look"}
    assert weights(made(parts_of(60, d=60)), "wide") == {"fine"}
    assert weights(made(parts_of(60, d=60)), "size") == {"fine"}


COLUMNS = {
    "in order": lambda rng, n: np.sort(rng.normal(size=n))[::-1],
    "numbered and shuffled": lambda rng, n: (rng.permutation(n) - n / 2) / n,
    "some of many numbers": lambda rng, n: rng.choice(4 * n, n, replace=False).astype(float),
}
NO_IDS = {
    "measured": lambda rng, n: rng.normal(size=n),
    "counts": lambda rng, n: rng.poisson(20, n).astype(float),
    "whole, of a wide range": lambda rng, n: rng.choice(10**6, n, replace=False).astype(float),
    "yes or no": lambda rng, n: rng.integers(0, 2, n).astype(float),
    "in order, with ties": lambda rng, n: np.sort(rng.integers(0, 50, n)).astype(float),
}


@pytest.mark.parametrize("kind", [*COLUMNS, *NO_IDS])
@pytest.mark.parametrize("seed", range(3))
def test_columns_that_number_the_rows_are_found_and_measured_ones_are_not(kind, seed):
    drawn, n = parts_of(200, seed), 200
    values = (COLUMNS | NO_IDS)[kind](np.random.default_rng(seed), 3 * n)
    for at, (x, _) in enumerate(drawn.values()):
        x[:, 3] = torch.tensor(values[at * n : (at + 1) * n].copy())
    (one,) = of(made(drawn), "row numbers")
    assert (one.weight, one.where) == (("worth a look", ("column 3",)) if kind in COLUMNS else ("fine", PARTS))


def test_a_column_that_goes_one_way_but_for_once_is_no_row_number():
    column = np.sort(np.random.default_rng(0).normal(size=200)).astype(np.float32)
    assert "one way" in audit_rows.numbers_rows(column, column)
    assert "one way" in audit_rows.numbers_rows(-column, column)
    column[[50, 51]] = column[[51, 50]]
    assert audit_rows.numbers_rows(column, column) == ""


def test_a_column_with_one_value_in_training_is_named():
    drawn = parts_of(200)
    drawn["train"][0][:, 2] = 4.0
    (one,) = of(made(drawn), "constant columns")
    assert (one.weight, one.where) == ("worth a look", ("column 2",))


@few
@given(seed=seeds, at=st.integers(0, 5))
def test_a_test_of_another_kind_is_told_apart_by_its_column(seed, at):
    drawn = parts_of(300, seed)
    drawn["test"][0][:, at] += 1.5
    (one,) = of(made(drawn), "shift")
    assert one.weight == "worth a look"
    assert f"most by 'column {at}'" in one.text
    assert "not looked for" in of(made(parts_of(99)), "shift")[0].text


@pytest.mark.parametrize(("n", "area", "told"), [(100, 0.65, False), (400, 0.65, True), (4000, 0.58, False)])
def test_an_area_is_more_than_chance_for_so_many_rows_and_worth_a_word(monkeypatch, n, area, told):
    monkeypatch.setattr("sklearn.metrics.roc_auc_score", lambda *said: area)
    assert audit_rows.tell_apart(Arrays(made(parts_of(n, d=2))), None)[1] == told


def test_shift_is_looked_for_among_so_many_rows(monkeypatch):
    monkeypatch.setattr(audit_rows, "SHIFT_MOST", 150)
    true, fitted = audit_rows.shallow_tree, []
    monkeypatch.setattr(audit_rows, "shallow_tree", lambda x, *said, **more: fitted.append(x) or true(x, *said, **more))
    audit_rows.tell_apart(Arrays(made(parts_of(400))), None)
    assert len(fitted[0]) == 300  # of both sides


def test_shift_is_judged_on_rows_that_were_not_fitted_on():
    worlds = [made(parts_of(120, seed, d=40)) for seed in range(5)]
    assert {one.weight for world in worlds for one in of(world, "shift")} == {"fine"}


def test_numbers_of_any_size_pass():
    drawn = parts_of(150)
    for part, (x, y) in drawn.items():
        drawn[part] = x.double() * 1e300, y | {"price": y["price"].double() * 1e-200, "ill": y["ill"]}
    assert {one.weight for one in audit(made(drawn))} == {"fine"}
    for part, (x, y) in drawn.items():
        drawn[part] = x * 1e-300, y | {"price": y["price"] * 1e250 * 1e250}
    drawn["train"][0][0] = -3e38
    assert weights(made(drawn), "tasks") == {"fine"}


@given(st.integers(0, 400), st.integers(1, 200))
def test_rows_are_drawn_from_all_of_them_in_order(n, most):
    drawn = drawn_rows(n, most)
    assert drawn.tolist() == sorted({*drawn.tolist()})
    assert len(drawn) == min(n, most)
    assert np.array_equal(drawn, drawn_rows(n, most))
    if n >= 2 * most >= 40:
        assert drawn.max() > most  # not the first ones


def test_of_many_rows_some_are_drawn_the_same_way_each_time(monkeypatch):
    monkeypatch.setattr(audit_rows, "SHIFT_MOST", 150)
    rows = drawn_rows(30_000)
    assert len(rows) == len(set(rows.tolist())) == 10_000
    assert (rows == drawn_rows(30_000)).all()
    assert (np.diff(rows) > 0).all()
    assert drawn_rows(7).tolist() == list(range(7))
    assert "at most 150 a side" in of(made(parts_of(300)), "shift")[0].text


# --- the bundled worlds ----------------------------------------------------------------------------------------------

BUNDLED = {
    "club": lambda: mtl.data.club(),
    "emoji": lambda: mtl.data.emoji(),
    "emoji, words": lambda: mtl.data.emoji(view="words"),
    "flats": lambda: mtl.data.flats(),
    "loans": lambda: mtl.data.loans(),
    "loans by row": lambda: mtl.data.loans(split_by="row"),
    "loans by state": lambda: mtl.data.loans(40, 20, 20, by="state"),
    "patients": lambda: mtl.data.patients(),
    "patients by year": lambda: mtl.data.patients(group="year", n_death=100),
    "planted": lambda: mtl.data.planted(),
    "portrait": lambda: mtl.data.portrait(),
    "questions": lambda: mtl.data.questions(),
    "scenes": lambda: mtl.data.scenes(),
    "schools": lambda: mtl.data.schools(),
    "shoppers": lambda: mtl.data.shoppers(),
    "shops": lambda: mtl.data.shops(),
    "texts": lambda: mtl.data.texts(),
    "texts, questions": lambda: mtl.data.texts(ask="questions"),
    "voices": lambda: mtl.data.voices(),
    "voices, one held out": lambda: mtl.data.voices(held_out="Allison"),
}
#: what is serious, and right to be: the lender reads the rate off the grade; a speaker has one language
SERIOUS = {
    "loans": {("tasks", ("rate", "grade"))},
    "loans by row": {("tasks", ("rate", "grade")), ("shared groups", ("train", "test"))},
    "voices": {("tasks", ("speaker", "language"))},
    "voices, one held out": {
        ("tasks", ("speaker", "language")),
        ("few groups", PARTS),
        ("constant task", ("speaker", "test")),
    },
}


@pytest.mark.parametrize("name", BUNDLED)
def test_the_bundled_worlds_have_only_the_serious_findings_that_they_are_made_to_have(name):
    found = {(one.kind, one.where) for one in audit(BUNDLED[name]()) if one.weight == "serious"}
    assert found == SERIOUS.get(name, set())


def test_a_row_number_is_found_beside_a_few_copies():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"id": range(1000, 1240), "a": rng.normal(size=240), "y": rng.normal(size=240)})
    frame = pd.concat([frame, frame.sample(10, random_state=0)]).iloc[5:]
    world = mtl.data.table(
        frame.assign(z=rng.choice(["u", "v"], len(frame))), {"y": "number", "z": "binary"}, quiet=True
    )
    said = {one.kind: one for one in audit(world)}["row numbers"]
    assert said.weight == "worth a look"
    assert "'id'" in said.text
    assert "'a'" not in said.text
