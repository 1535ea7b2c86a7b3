"""The λ explorer in Python: what it computes, what it draws without a browser, and what its controls do.

The browser's half is driven in test_explorer_browser.py.
"""

import html
import json
import math
import re
import threading
from collections import OrderedDict
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
import traitlets
from nbconvert import HTMLExporter
from nbformat.v4 import new_code_cell, new_notebook, new_output
from torch import nn

import mtl_lesson as mtl
from mtl_lesson import bank
from mtl_lesson.data.world import Split, World
from mtl_lesson.evidence import interval
from mtl_lesson.inspection.paths import Path, confusions_of
from mtl_lesson.linear.closed_form import errors, solve
from mtl_lesson.show import explorer as drawn
from mtl_lesson.show import spoken
from mtl_lesson.show.explorer import ALONE
from mtl_lesson.training.live import SETTINGS, Countdown, Stopped, Train
from mtl_lesson.widgets import LambdaExplorer, explore
from mtl_lesson.widgets.explorer import screen
from mtl_lesson.words import sentence, written

INF, HOSTILE = math.inf, "<img src=x onerror=alert(1)>"
LAMS = [0, 0.01, 0.1, 1, INF]
TRAINING = {"epochs": 2, "batch_size": 20, "lr": 1e-2, "precision": "float32"}


def tiny(n=40, delta=0.5, seed=0):
    """Two questions with a yes or no, one of them with a hostile name, and one with three classes."""
    names, draw, common = ("Ana", "Bao", HOSTILE), torch.Generator().manual_seed(seed), torch.Generator().manual_seed(7)
    w = torch.randn(1 + len(names), 6, generator=common)

    def split(m):
        x = {name: torch.randn(m, 6, generator=draw) for name in names}
        z = {name: x[name] @ (w[0] + delta * own) for name, own in zip(names, w[1:], strict=True)}
        labels = {name: (value > 0).long() for name, value in z.items()}
        labels["Bao"] = (z["Bao"] > -1).long() + (z["Bao"] > 1).long()
        labels["Ana"][:3] = -1  # nobody asked Ana about these
        return Split(x, labels)

    tasks = (mtl.Binary("Ana"), mtl.Classification("Bao", ("low", "middle", "high")), mtl.Binary(HOSTILE))
    return World("tiny", tasks, split(n), split(50), split(60), {"delta": delta})


def trunk():
    return nn.Sequential(OrderedDict(first=nn.Linear(6, 8), relu=nn.ReLU(), second=nn.Linear(8, 5)))


@pytest.fixture(scope="module")
def sweep():
    return mtl.sweep(
        mtl.Soft, tiny, trunk=trunk(), lam=LAMS, delta=[0.2, 2.0], seeds=range(2), test=True, progress=False, **TRAINING
    )


@pytest.fixture(scope="module")
def path(sweep):
    return Path.of(sweep)


@pytest.fixture
def explorer(path):
    return explore(path, predict=False)


def table_of(scores, tasks):
    """A Path made of scores alone: (split, seed, lam, task) → score."""
    rows = [
        {"lam": lam, "seed": seed, "task": task, "split": split, "score": score, "loss": 1.0}
        for (split, seed, lam, task), score in scores.items()
    ]
    gaps = [
        {"lam": lam, "seed": seed, "task": task, "layer": "linear", "gap": 1.0 / (1 + lam)}
        for (split, seed, lam, task) in scores
        if split == "validation"
    ]
    nothing = pd.DataFrame(columns=["lam", "task", "label", "answer", "count"])
    return Path("made up", tuple(tasks), {}, pd.DataFrame(rows), pd.DataFrame(gaps), nothing, split="test")


def many_schools(counts, seeds, lams):
    """A Path of more tasks than can be told one by one: schools, solved on paper, with counts of pupils as its dial."""
    scores, gaps, tasks = [], [], {}
    for n in counts:
        for seed in seeds:
            world = mtl.data.schools(n, seed=seed)
            theta, names = solve(world, lams), [task.name for task in world.tasks]
            tasks |= {task.name: task for task in world.tasks}
            place = {"lam": np.repeat(lams, len(names)), "n": n, "seed": seed, "task": names * len(lams)}
            mean = theta.mean(1, keepdim=True)
            apart = ((theta - mean).norm(dim=2) / mean.norm(dim=2)).flatten().tolist()
            error = errors(world, theta, "validation").flatten().tolist()
            scores.append(pd.DataFrame(place | {"split": "validation", "score": error, "loss": error}))
            gaps.append(pd.DataFrame(place | {"layer": "line", "gap": apart}))
    nothing = pd.DataFrame(columns=["lam", "n", "task", "label", "answer", "count"])
    scores, gaps = pd.concat(scores, ignore_index=True), pd.concat(gaps, ignore_index=True)
    return Path("schools", tuple(tasks.values()), {"n": tuple(counts)}, scores, gaps, nothing, origin="stored")


# --- compute -------------------------------------------------------------------------------------------------------


def test_a_path_holds_what_each_run_says(sweep, path):
    assert path.settings == [(0.2,), (2.0,)]
    assert path.layers == ("first", "second")
    for (lam, delta, seed), run in sweep.runs.items():
        found = path.at(delta)
        s, i = found.seeds.index(seed), found.lams.index(lam)
        assert found.scores[s, i].tolist() == pytest.approx(list(run.scores.values()), abs=1e-5)
        for k, layer in enumerate(path.layers):
            assert found.gaps[s, i, k].tolist() == pytest.approx(run.model.gap(layer)[0].tolist(), abs=1e-5)


def test_confusions_count_every_labelled_example_once_and_agree_with_the_score(sweep, path):
    for delta in (0.2, 2.0):
        found = path.at(delta)
        assert list(found.confusions) == ["Ana", "Bao", HOSTILE]
        assert found.classes["Bao"] == ("low", "middle", "high")
        for t, task in enumerate(found.tasks):
            counts = found.confusions[task.name]
            labelled = 47 if task.name == "Ana" else 50
            assert (counts.sum((1, 2)) == 2 * labelled).all()
            right = counts.trace(axis1=1, axis2=2) / counts.sum((1, 2))
            assert right == pytest.approx(found.scores[:, :, t].mean(0), abs=1e-5)
    # rows are labels: how often each class is right asks for nothing but the validation set
    world = sweep.run(lam=0, delta=0.2, seed=0).world.validation.labels["Bao"]
    other = sweep.run(lam=0, delta=0.2, seed=1).world.validation.labels["Bao"]
    expected = torch.bincount(torch.cat([world, other]), minlength=3).tolist()
    assert path.at(0.2).confusions["Bao"][0].sum(1).tolist() == expected


def counts_of(run, split="validation"):
    """(task, label, answer) → count."""
    rows = confusions_of(run, split)
    return {(row["task"], row["label"], row["answer"]): row["count"] for row in rows}


@pytest.mark.parametrize("precision", ["bfloat16", "float32", "float64"])
def test_confusions_are_those_of_the_weights_whatever_it_was_trained_in(precision):
    """Inputs far from 0 and answers near the border: bfloat16, of 8 bits, would turn a third of them."""
    world = tiny()
    far = {
        part: Split({name: x + 100 for name, x in split.x.items()}, split.labels)
        for part, split in (("train", world.train), ("validation", world.validation))
    }
    run = mtl.fit(
        mtl.Separate(world.tasks, trunk()),
        replace(world, **far),
        progress=False,
        **TRAINING | {"precision": precision, "epochs": 1},
    )
    split, wanted = run.world.validation, {}
    for task in world.tasks:
        head = run.model.heads[run.model.head_of(task)]
        network = run.model.plain(task.name).eval()
        weights = next(network.parameters())
        with torch.no_grad():
            head.bias -= network(split.x[task.name].to(weights)).mean(0)
            y = run.model.plain(task.name).eval()(split.x[task.name].to(weights))
        answer = y.argmax(1) if y.shape[1] > 1 else (y[:, 0] > 0).long()
        names = ("no", "yes") if y.shape[1] == 1 else task.classes
        for label, said in zip(split.labels[task.name].tolist(), answer.tolist(), strict=True):
            if label >= 0:
                key = (task.name, names[label], names[said])
                wanted[key] = wanted.get(key, 0) + 1
    assert len({said for _, _, said in wanted}) == 5  # no and yes, low, middle and high
    assert counts_of(run) == wanted


def test_dropout_rests_while_confusions_are_counted_and_the_model_is_left_as_it_was():
    layers = nn.Sequential(OrderedDict(first=nn.Linear(6, 8), drop=nn.Dropout(0.9), second=nn.Linear(8, 5)))
    world = tiny()
    run = mtl.fit(mtl.Separate(world.tasks, layers), world, progress=False, **TRAINING)
    run.model.eval()
    wanted = counts_of(run)
    run.model.train()
    assert counts_of(run) == counts_of(run) == wanted
    assert all(module.training for module in run.model.modules())


class Focal(mtl.Classification):
    """Trained by a loss of its own and judged as any other."""

    def losses(self, outputs, labels):
        return super().losses(outputs, labels) ** 2


class Lenient(mtl.Classification):
    """Right where the label is among the two answers it holds likeliest."""

    def merits(self, outputs, labels):
        return (outputs.topk(2).indices == labels[..., None]).any(-1).to(outputs.dtype)


class Careful(mtl.Binary):
    """Says yes where it is all but certain."""

    def merits(self, outputs, labels):
        return ((outputs.squeeze(-1) > 3) == (labels == 1)).to(outputs.dtype)


def test_a_task_with_a_score_of_its_own_has_no_confusions_rather_than_wrong_ones():
    def own(seed=0):
        world = tiny(seed=seed)
        return replace(world, tasks=(Careful("Ana"), Lenient("Bao", world.tasks[1].classes), world.tasks[2]))

    swept = mtl.sweep(mtl.Soft, own, trunk=trunk(), lam=[0, 1], seeds=[0], progress=False, **TRAINING)
    found = Path.of(swept).at()
    assert list(found.confusions) == [HOSTILE]
    assert found.scores[0, 0].tolist() == pytest.approx(list(swept.run(lam=0, seed=0).scores.values()), abs=1e-5)
    assert drawn(Path.of(swept), (), 0).png()


def test_a_task_with_a_loss_of_its_own_answers_as_any_other():
    def own(seed=0):
        world = tiny(seed=seed)
        return replace(world, tasks=(world.tasks[0], Focal("Bao", world.tasks[1].classes), world.tasks[2]))

    swept = mtl.sweep(mtl.Soft, own, trunk=trunk(), lam=[0, 1], seeds=[0], progress=False, **TRAINING)
    found = Path.of(swept).at()
    assert found.classes["Bao"] == ("low", "middle", "high")
    right = found.confusions["Bao"].trace(axis1=1, axis2=2) / 50
    assert right == pytest.approx(found.scores[0, :, 1], abs=1e-5)


def test_the_test_split_is_shown_and_the_best_is_chosen_on_validation(sweep):
    shown = Path.of(sweep, split="test").at(0.2)
    run = sweep.run(lam=1, delta=0.2, seed=1)
    assert shown.scores[1, 3].tolist() == pytest.approx(list(run.test().values()), abs=1e-5)
    scores = {("validation", 0, 0.0, "a"): 0.9, ("validation", 0, 1.0, "a"): 0.8}
    scores |= {("test", 0, 0.0, "a"): 0.1, ("test", 0, 1.0, "a"): 0.7}
    found = table_of(scores, [mtl.Binary("a")]).at()
    assert found.best == 0
    assert found.band[0][:, 0].tolist() == [0.1, 0.7]


def test_where_less_is_better_the_best_is_the_least():
    scores = {
        (split, seed, lam, "a"): lam + seed
        for split in ("validation", "test")
        for seed in range(2)
        for lam in (0.5, 1.0, 2.0)
    }
    found = table_of(scores, [mtl.Regression("a")]).at()
    assert found.lams[found.best] == 0.5
    assert found.bests == (0, 0)
    assert table_of(scores, [mtl.Binary("a")]).at().best == 2


def test_scores_of_different_kinds_are_compared_by_their_relative_change():
    values = {"a": [0.5, 0.6, 0.4], "b": [2.0, 1.0, 3.0]}  # a share, and an error
    scores = {
        (split, 0, lam, task): values[task][i]
        for split in ("validation", "test")
        for task in values
        for i, lam in enumerate((0.0, 1.0, INF))
    }
    found = table_of(scores, [mtl.Binary("a"), mtl.Regression("b")]).at()
    assert not found.alike
    assert found.merit[0].tolist() == pytest.approx([0, (0.2 + 0.5) / 2, (-0.2 - 0.5) / 2])
    assert found.best == 1
    assert np.isnan(found.pooled).all()


def test_bands_are_intervals_over_the_seeds_that_are_there():
    values = {0: [0.5, 0.6], 1: [0.7, 0.9], 2: [0.6, 0.8]}
    scores = {
        (split, seed, lam, "a"): values[seed][i]
        for split in ("validation", "test")
        for seed in values
        for i, lam in enumerate((0.0, 1.0))
        if (seed, lam) != (2, 1.0)
    }
    found = table_of(scores, [mtl.Binary("a")]).at()
    mean, low, high = (part[:, 0].tolist() for part in found.band)
    first = [float(part[0]) for part in interval(np.array([[0.5], [0.7], [0.6]]))]
    assert [mean[0], low[0], high[0]] == pytest.approx(first, abs=1e-5)
    assert [mean[1], low[1], high[1]] == pytest.approx([0.75, 0.6, 0.9])
    assert math.isnan(found.scores[2, 1, 0])
    assert screen({"x": table_of(scores, [mtl.Binary("a")])})[0]["slices"][""]["scores"][2][1] == [None]


def test_ties_run_from_nothing_to_all(path):
    ties = path.at(0.2).ties
    assert ties.shape == (2, 5, 2)
    assert (ties[:, -1] == 1).all()  # identical at λ = ∞
    assert (ties[:, 0] == 0).all()  # and nowhere looser than without a pull
    assert (np.diff(ties.mean(0), axis=0) > 0).all()


def test_tied_heads_are_a_layer_of_their_own():
    def yes_or_no(seed=0):
        world = tiny(seed=seed)
        tasks = (world.tasks[0], world.tasks[2])
        parts = [
            Split({t.name: s.x[t.name] for t in tasks}, {t.name: s.labels[t.name] for t in tasks})
            for s in (world.train, world.validation, world.test)
        ]
        return World("two", tasks, *parts)

    tied = mtl.sweep(mtl.Soft, yes_or_no, trunk=trunk(), lam=[0, INF], tie="all", seeds=[0], progress=False, **TRAINING)
    found = Path.of(tied)
    assert found.layers == ("first", "second", "heads")
    model = tied.run(lam=0, tie="all", seed=0).model
    heads = [
        torch.cat([value.flatten() for value in model.heads[model.head_of(task)].values(0).values()]).detach()
        for task in model.tasks
    ]
    mean = (heads[0] + heads[1]) / 2
    expected = [float((head - mean).norm() / mean.norm()) for head in heads]
    assert found.at("all").gaps[0, 0, 2].tolist() == pytest.approx(expected, rel=1e-4)
    assert found.at("all").gaps[0, 1, 2].max() < 1e-6


@pytest.mark.parametrize(
    ("lam", "found"), [(0, 0), (INF, 4), (1e-9, 1), (1e9, 3), (0.03, 1), (0.033, 2), (0.1, 2), (0.9, 3)]
)
def test_the_nearest_lambda_is_so_on_the_logarithmic_scale(path, lam, found):
    assert path.at(0.2).nearest(lam) == found


@pytest.mark.parametrize("world", [lambda: mtl.data.schools(10), lambda: mtl.data.planted(seed=0), tiny])
def test_a_world_has_no_path_yet_and_the_way_to_one_is_told(world):
    with pytest.raises(TypeError, match=r"mtl.widgets.Schools\(world\) .* mtl.sweep\(mtl.Soft, world,"):
        explore(world())


@pytest.mark.parametrize(
    ("what", "error", "message"),
    [
        ([], ValueError, "nothing to explore"),
        (3, TypeError, "explore takes a Sweep over lam"),
        ("no such", mtl.data.DataError, "there is no stored result 'no such'"),
        ("relatedness", mtl.data.DataError, "relatedness_gaps"),
        (["relatedness", None], mtl.data.DataError, "relatedness"),
    ],
)
def test_what_cannot_be_explored_is_refused(what, error, message):
    with pytest.raises(error, match=message):
        explore(what)


def test_sweeps_without_one_lambda_are_refused(sweep):
    other = mtl.sweep(mtl.Hard, tiny, trunk=trunk(), seeds=[0], progress=False, **TRAINING)
    with pytest.raises(ValueError, match="has no axis lam, only seed"):
        explore(other)
    layered = mtl.sweep(mtl.Soft, tiny, trunk=trunk(), lam=[{"first": 1.0}], seeds=[0], progress=False, **TRAINING)
    with pytest.raises(ValueError, match="one λ a layer"):
        explore(layered)
    with pytest.raises(ValueError, match="no scores on 'train'"):
        Path.of(sweep, split="train")
    with pytest.raises(KeyError, match=r"there is nothing at \(3,\); there is delta=0.2; delta=2.0"):
        Path.of(sweep).at(3)


# --- stored --------------------------------------------------------------------------------------------------------


def test_a_stored_path_is_the_one_that_was_saved(tmp_path, monkeypatch, path):
    monkeypatch.setattr(bank, "data_folder", lambda: tmp_path)
    monkeypatch.setattr("mtl_lesson.data.files.data_folder", lambda: tmp_path)
    monkeypatch.setattr(mtl.data, "tiny", tiny, raising=False)
    monkeypatch.setattr(mtl.nets, "tiny", trunk, raising=False)
    live = Train(mtl.Soft, tiny, ("tiny", {}), TRAINING, seconds=2.5)
    saved = Path(path.world, path.tasks, path.dials, path.scores, path.gaps, path.confusions, live=live)
    assert list(saved.tables()) == ["", "_gaps", "_confusions"]
    for ending, table in saved.tables().items():
        bank.save(f"walk{ending}", table, {"epochs": 2, "path": bank.facts_of(saved)}, ["sharing/soft"])
    assert bank.names() == ["walk", "walk_confusions", "walk_gaps"]
    assert bank.read_facts("walk")["settings"]["epochs"] == 2
    again = bank.load_path("walk")
    assert (again.world, again.tasks, again.dials, again.live) == (path.world, path.tasks, path.dials, live)
    assert screen({"x": again})[0]["slices"] == screen({"x": path})[0]["slices"]
    assert explore("walk").lam == 0
    (tmp_path / "bank" / "walk_gaps.csv").write_text("lam\n1\n")
    with pytest.raises(mtl.data.DataError, match="walk_gaps' is damaged"):
        bank.load_path("walk")


def test_what_has_no_name_in_the_course_cannot_be_stored(path):
    with pytest.raises(ValueError, match="only the course's own ways and worlds"):
        bank.facts_of(path)
    with pytest.raises(ValueError, match="a stored trunk is written as its name"):
        bank.facts_of(replace(path, live=Train(mtl.Soft, mtl.data.shoppers, trunk())))
    with pytest.raises(TypeError, match="'folder'; its settings are epochs"):
        Train(mtl.Soft, tiny, trunk(), {"folder": "x"})

    class Odd(mtl.Binary):
        pass

    with pytest.raises(ValueError, match="'odd' is a Odd"):
        bank.facts_of(table_of({("validation", 0, 0.0, "odd"): 1.0, ("test", 0, 0.0, "odd"): 1.0}, [Odd("odd")]))


# --- draw ----------------------------------------------------------------------------------------------------------


def test_the_picture_says_its_numbers(path):
    drawing = drawn(path, (0.2,), 3)
    found = path.at(0.2)
    for t, task in enumerate(found.tasks):
        assert f"{task.name} ≈ {100 * found.band[0][3, t]:.0f} %" in drawing.alt
    assert "tiny, δ = 0.2, trained networks, 2 seeds, on validation. λ = 1:" in drawing.alt
    assert "Best" not in drawing.alt  # which λ is best may turn on another machine
    assert drawing.png().startswith(b"\x89PNG")
    assert drawn(path, (0.2,), 3, seed=1).alt != drawing.alt


def test_an_axis_of_distances_that_are_all_0_has_no_formula_for_a_label(path):
    """A trunk that all tasks share, such as a merged one: no decade, so the ticks between would be named."""
    flat = replace(path, gaps=path.gaps.assign(gap=0.0))
    figure = drawn(flat, (0.2,), 1).figure
    figure.draw_without_rendering()
    labels = [label.get_text() for ax in figure.axes for label in ax.get_yticklabels(which="both")]
    assert any(labels)
    assert not [text for text in labels if "$" in text]


def test_every_kind_of_path_can_be_drawn():
    drawing = drawn(many_schools([10], range(3), [0, 0.02, INF]), (10,), 1)
    assert "Best on validation (mean squared error, mean over tasks): λ = 0.02." in drawing.alt
    assert "mean of 63 tasks" in drawing.alt
    assert drawing.png().startswith(b"\x89PNG")
    for tasks in ([mtl.Binary("a"), mtl.Regression("b")], [mtl.Binary("a")]):
        scores = {
            (split, 0, lam, task.name): 0.3 + lam
            for split in ("validation", "test")
            for lam in (0.0, 0.5)
            for task in tasks
        }
        drawing = drawn(table_of(scores, tasks), (), 1, seed=0)
        assert "λ = 0.5 (seed 0): a ≈ 80 %" in drawing.alt
        assert drawing.png().startswith(b"\x89PNG")


# --- control -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("lam", "shown"), [(0, "0"), (0.1, "0.1"), (INF, "∞")])
@pytest.mark.parametrize("delta", [0.2, 2.0])
@pytest.mark.parametrize("seed", ["all", 0, 1])
def test_every_control_shows_what_was_measured_there(sweep, explorer, lam, shown, delta, seed):
    explorer.move(lam, delta=delta, seed=seed)
    runs = [sweep.run(lam=lam, delta=delta, seed=s) for s in ((0, 1) if seed == "all" else (seed,))]
    expected = {name: np.mean([run.scores[name] for run in runs]) for name in runs[0].scores}
    assert explorer.lam == lam
    assert explorer.scores == pytest.approx(expected, abs=1e-5)
    said = ", ".join(f"{name} ≈ {100 * round(value, 6):.0f} %" for name, value in expected.items())
    who = "" if seed == "all" else f" (seed {seed})"
    assert explorer.text == f"λ = {shown}{who}: {said}"
    assert repr(explorer) == f"LambdaExplorer(tiny, δ = {delta}, {explorer.text})"


def test_another_world_is_entered_at_the_same_lambda(path):
    both = explore({"people": path, "exam": many_schools([10], [0], [0, 0.02, 1, INF])}, predict=False)
    both.move(1, seed=1).move(world="exam")
    assert (both.lam, both.at["seed"], both.path.world) == (1, None, "schools")
    assert "mean squared error ≈ 0." in both.text
    both.move(0, world="people", delta=2.0)
    assert repr(both).startswith("LambdaExplorer(tiny, δ = 2.0, λ = 0: Ana")
    listed = explore([path, path])
    assert list(listed.paths) == ["tiny", "tiny (2)"]


@pytest.mark.parametrize("typed", ["nonsense", "-1", "nan", HOSTILE, ""])
def test_nonsense_is_refused_and_nothing_moves(explorer, typed):
    explorer.go_to("0,1")
    with pytest.raises(ValueError, match="λ must be"):
        explorer.go_to(typed)
    assert explorer.lam == 0.1
    assert explorer.go_to("∞").lam == explorer.go_to("inf").lam == INF
    assert explorer.go_to("0.5").lam == 1


def test_places_that_are_not_there_are_refused(explorer):
    with pytest.raises(KeyError, match=r"no delta=7; the dials are delta \(0.2, 2.0\)"):
        explorer.move(delta=7)
    with pytest.raises(KeyError, match="no seed 9; there are 0, 1, or 'all'"):
        explorer.move(seed=9)
    with pytest.raises(KeyError, match="no world 'x'"):
        explorer.move(world="x")
    before = explorer.at
    wrong = [
        {"index": 5},
        {"index": -1},
        {"world": 1},
        {"dials": [2]},
        {"dials": []},
        {"seed": 9},
        {"pair": [0, 3]},
        {"task": -1},
        {"guess": {"world": 0, "dials": [0], "index": 9}},
        {"index": None},
    ]
    for change in wrong:
        with pytest.raises(traitlets.TraitError, match="nothing to show"):
            explorer.at = before | change
        assert explorer.at == before


def test_the_scores_are_hidden_until_they_are_revealed(path):
    explorer = explore(path).move(0.1).mark().move(1)
    assert explorer.text == "λ = 1: the scores are hidden until you reveal them"
    assert explorer.at["guess"] == {"world": 0, "dials": [0], "index": 2}
    assert explorer.reveal().text.startswith("λ = 1: Ana ≈")
    assert "≈" in repr(explore(path))  # what a test of the notebook compares is not hidden


def test_without_a_kernel_there_is_a_picture_with_its_text(explorer):
    bundle = explorer.move(1)._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    alt = html.unescape(re.search(r'alt="([^"]*)"', data["text/html"])[1])
    assert explorer.text in alt
    assert "<img src=x" not in data["text/html"]
    assert data["text/plain"] == repr(explorer)
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == explorer.model_id


def test_it_is_alive_in_a_page_made_from_the_notebook(explorer):
    bundle = explorer.move(1)._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    cell = new_code_cell("explorer", outputs=[new_output("execute_result", data, execution_count=1)], execution_count=1)
    page, _ = HTMLExporter().from_notebook_node(new_notebook(cells=[cell]))
    assert html.escape(explorer.text) in page
    assert "data:image/png;base64," in page


def test_a_page_of_its_own_holds_all_but_the_training(sweep, explorer, tmp_path):
    explorer.training = {"state": "running", "text": "epoch 1 of 2", "done": 0.5, "world": 0}
    explorer.move(1, seed=1).save(tmp_path / "explorer.html")
    page = (tmp_path / "explorer.html").read_text(encoding="utf-8")
    assert page == explorer.page()
    assert f"<title>{html.escape(explorer.title)}</title>" in page
    assert f"<noscript><p>{html.escape(explorer.alt)}</p></noscript>" in page
    assert explorer.alt == explorer.drawing.alt
    assert str(LambdaExplorer._esm) in page
    held = json.loads(re.search(r'id="traits">(.*?)</script>', page)[1])
    assert list(held) == ["facts", "at", "results", "training"]
    assert (held["at"], held["training"]) == (explorer.at, {"state": "idle"})
    (world,) = held["facts"]["worlds"]
    assert (world["live"], world["why"]) == (None, ALONE)
    assert world["slices"] == explorer.worlds[0]["slices"]
    assert explorer.worlds[0]["live"] == "2 epochs"  # in the notebook it can be trained still
    other = explore(replace(sweep, plan=None))
    assert other.held()["facts"]["worlds"][0]["why"] == other.worlds[0]["why"]


# --- train it live -------------------------------------------------------------------------------------------------


def finish(explorer):
    explorer.worker.join(60)
    assert not explorer.worker.is_alive()
    return explorer.training["state"]


def test_a_stored_seed_comes_out_as_it_was(sweep, explorer):
    explorer.move(1, delta=2.0, seed=1)
    explorer.train()
    assert finish(explorer) == "done", explorer.training
    (result,) = explorer.results
    assert {name: result[name] for name in ("world", "dials", "index", "seed")} == {
        "world": 0,
        "dials": [1],
        "index": 3,
        "seed": 1,
    }
    expected = sweep.run(lam=1, delta=2.0, seed=1).scores
    assert list(result["scores"].values()) == pytest.approx(list(expected.values()), abs=0.05)  # batched otherwise
    assert explorer.training["text"].startswith("★ Trained now, λ = 1, seed 1: Ana ≈ ")


def test_with_all_seeds_on_show_a_fresh_one_is_drawn(explorer):
    explorer.train()
    assert finish(explorer) == "done", explorer.training
    assert explorer.results[0]["seed"] == 2
    assert "fresh seed 2" in explorer.training["text"]
    explorer.train()
    finish(explorer)
    assert len(explorer.results) == 2


class Waiting(Train):
    """Trains only when told to, and tells when it is asked to stop."""

    def __init__(self):
        super().__init__(mtl.Soft, tiny, trunk(), TRAINING | {"epochs": 3})
        object.__setattr__(self, "go", threading.Event())

    def train(self, point, split, ticks):
        assert self.go.wait(60)
        return super().train(point, split, ticks)


def test_training_blocks_nothing_and_can_be_stopped(path):
    live = Waiting()
    explorer = explore(Path(path.world, path.tasks, path.dials, path.scores, path.gaps, path.confusions, live=live))
    explorer.reveal().guarded(explorer.asked)({"do": "train"})
    assert explorer.training["state"] == "running"
    assert explorer.move(1).text.startswith("λ = 1")  # meanwhile the slider moves
    with pytest.raises(ValueError, match="being trained already"):
        explorer.train()
    explorer.asked({"do": "stop"})
    live.go.set()
    assert finish(explorer) == "stopped"
    assert "stopped after epoch 1 of 3; nothing was drawn" in explorer.training["text"]
    assert explorer.results == []


def test_progress_is_told_epoch_by_epoch(path):
    told = []
    scores = path.live.train(
        {"lam": 0.1, "delta": 0.2, "seed": 5}, "test", Countdown(2, lambda *said: told.append(said))
    )
    assert [done for done, _ in told] == [1, 2]
    assert told[1][1] == 0
    assert told[0][1] > 0
    assert list(scores) == ["Ana", "Bao", HOSTILE]
    stopped = Countdown(2, lambda *_: None)
    stopped.stop()
    with pytest.raises(Stopped, match="after epoch 1 of 2"):
        path.live.train({"lam": 0.1, "delta": 0.2, "seed": 5}, "test", stopped)


def test_a_path_that_cannot_be_trained_says_why(sweep):
    explorer = explore(replace(sweep, plan=None))
    explorer.guarded(explorer.asked)({"do": "train"})
    assert explorer.trouble == "no point can be trained here: this sweep does not say how it was trained"
    assert screen(explorer.paths)[0]["live"] is None
    explorer.guarded(explorer.asked)({"do": "dance"})
    assert explorer.trouble == "That did not work ('dance')."
    told = []
    explorer.observe(lambda change: told.append(change["new"]), "trouble")
    explorer.guarded(explorer.asked)({"do": "dance"})
    assert told == ["", "That did not work ('dance')."]  # said again: the browser has put it away


def test_an_error_in_training_is_shown_in_place(path):
    broken = Train(mtl.Soft, tiny, ("no such trunk", {}), TRAINING)
    parts = (path.world, path.tasks, path.dials, path.scores, path.gaps, path.confusions)
    explorer = explore(Path(*parts, live=broken), predict=False)
    explorer.train()
    assert finish(explorer) == "failed"
    assert "no such trunk" in explorer.training["text"]
    wild = Train(mtl.Soft, tiny, trunk(), TRAINING | {"optimiser": "sgd", "lr": 1e30})
    explorer = explore(Path(*parts, live=wild), predict=False)
    explorer.train()
    assert finish(explorer) == "failed"
    assert explorer.results == []


def test_a_point_is_trained_as_the_sweep_was(sweep, path):
    assert {name: path.live.training[name] for name in TRAINING} == TRAINING
    assert set(path.live.training) == set(SETTINGS)
    assert (path.live.way, path.live.world, path.live.epochs) == (mtl.Soft, tiny, 2)
    other = Train(mtl.Soft, tiny, trunk(), TRAINING | {"lr": 1e-9})
    assert Path.of(sweep, live=other).live is other


def test_everything_the_browser_says_is_said_by_python(path):
    for found in (path.at(2.0), many_schools([20], range(3), [0, 0.02, INF]).at(20)):
        told = spoken.say_everything(found, "test")
        for view in ("status", "scores", "gaps", "model", "tied", "score", "pooled"):
            assert [len(row) for row in told[view]] == [len(found.lams)] * (1 + len(found.seeds))
        for s, seed in enumerate((None, *found.seeds)):
            for i, lam in enumerate(found.lams):
                assert told["status"][s][i] == sentence(found, i, seed)
                assert f"At λ = {written(lam)}: " in told["scores"][s][i]
                assert ("one for all tasks" in told["model"][s][i]) == (lam == INF)
    assert "the mean of 62 tasks is ≈ 0." in told["scores"][0][1]
    assert re.search(r"line: mean of 62 tasks ≈ 0\.\d\d \(from ≈ 0\.\d\d to ≈ \d\.\d\d\)\.$", told["gaps"][2][0])
    counts, classes = path.at(2.0).confusions["Bao"][3], ("low", "middle", "high")
    said = spoken.say_confusion(path.at(2.0), "Bao", 3, "test")
    for row, name in zip(counts, classes, strict=True):
        assert f"{name} ≈ {100 * row[classes.index(name)] / row.sum():.0f} % right" in said


def test_what_is_sent_is_plain_and_whole(path):
    (world,) = screen({HOSTILE: path})
    assert world["title"] == HOSTILE  # escaped where it is shown, not here
    assert set(world["slices"]) == {"0", "1"}
    part = world["slices"]["1"]
    assert part["lams"] == ["0", "0.01", "0.1", "1", "∞"]
    assert part["values"][-1] == "inf"
    assert np.array(part["scores"]).shape == (2, 5, 3)
    assert np.array(part["gaps"]).shape == (2, 5, 2, 3)
    assert part["mean"] == pytest.approx(np.mean(part["scores"], axis=0), abs=1e-5)
    assert sentence(path.at(2.0), 0) == explore(path, predict=False).move(0, delta=2.0).text
    assert isinstance(explore(path), LambdaExplorer)


# --- a good λ ------------------------------------------------------------------------------------------------------


def slice_of(validation, test, higher=True):
    """A slice of one task whose scores on validation and test, (seeds, λs), are given."""
    task = mtl.Classification("task", ["a", "b"]) if higher else mtl.Regression("task")
    rows = [
        {"lam": lam, "seed": seed, "task": "task", "split": split, "score": scores[seed][i], "loss": 1.0}
        for split, scores in (("validation", validation), ("test", test))
        for seed in range(len(scores))
        for i, lam in enumerate((0.0, 0.1, INF))
    ]
    scores = pd.DataFrame(rows).assign(higher_is_better=higher)
    gaps = pd.DataFrame([{"lam": 0.0, "seed": 0, "task": "task", "layer": "one", "gap": 0.5}])
    empty = pd.DataFrame(columns=["lam", "task", "label", "answer", "count"])
    return Path("world", (task,), {}, scores, gaps, empty, "test").at()


def test_a_good_lambda_is_told_from_the_others_or_not():
    apart = slice_of([[0.5, 0.7, 0.61], [0.4, 0.6, 0.49], [0.3, 0.51, 0.4]], [[0.5, 0.6, 0.55]] * 3)
    assert (apart.best, apart.as_good) == (1, (1,))
    assert apart.gain_over(0) == pytest.approx((0.1, 0.1, 0.1))
    said = spoken.say_good(apart, "test")
    assert "λ = 0.1 is a good choice" in said
    assert "3 seeds tell it from every other" in said
    assert "On test it gains ≈ +10.0 points (95 % interval ≈ +10.0 points to ≈ +10.0 points) over λ = 0" in said
    level = slice_of([[0.5, 0.52, 0.2], [0.6, 0.59, 0.2], [0.4, 0.42, 0.2]], [[0.6, 0.55, 0.5]] * 3)
    assert level.as_good == (0, 1)
    assert "3 seeds do not tell 0 from it" in spoken.say_good(level, "test")
    assert "≈ −5.0 points" in spoken.say_good(level, "test")
    assert "nothing here shows that a pull is needed" in spoken.say_good(level, "test")


def test_where_less_is_better_a_gain_is_a_fall():
    errors = slice_of([[3.0, 1.0, 2.0]] * 3, [[3.0, 1.5, 2.0]] * 3, higher=False)
    assert errors.best == 1
    assert errors.gain_over(0) == pytest.approx((1.5, 1.5, 1.5))


def test_two_seeds_tell_nothing():
    few = slice_of([[0.5, 0.9, 0.1]] * 2, [[0.5, 0.9, 0.1]] * 2)
    assert few.as_good == (0, 1, 2)
    assert "interval" not in spoken.say_good(few, "test")
