"""The lesion lab in Python: what it computes, what it sends to the browser, and what its controls do.

The browser's half is driven in test_microscope_browser.py.
"""

import html
import json
import math
import re
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
import traitlets
from test_microscope import HOSTILE, TRAINING, boxes, people, trunk

import mtl_lesson as mtl
from mtl_lesson.data.world import Split, World
from mtl_lesson.inspection.features import features
from mtl_lesson.inspection.lesion import importance, lesion
from mtl_lesson.inspection.lesions import GROUPS, Lesions
from mtl_lesson.show.lesions import notes_on_lesions
from mtl_lesson.show.style import about
from mtl_lesson.widgets import LesionLab, lesion_lab


@pytest.fixture(scope="module")
def world():
    return boxes()


@pytest.fixture(scope="module")
def run(world):
    return mtl.fit(mtl.Hard(world.tasks, trunk(features=8)), world, **TRAINING)


@pytest.fixture(scope="module")
def lesions(run, world):
    return Lesions.of(run, world)


@pytest.fixture
def lab(lesions):
    return LesionLab(lesions)


@pytest.fixture(scope="module")
def asked():
    world = people()
    return mtl.fit(mtl.Separate(world.tasks, trunk(6)), world, **TRAINING), world


# --- compute -------------------------------------------------------------------------------------------------------


def test_units_lie_where_their_importance_says(lesions, run, world):
    table = importance(run, world).set_index(["task", "unit"])
    for t, task in enumerate(world.tasks):
        for unit in range(8):
            assert lesions.rise[t, unit] == table.rise[task.name, unit]
            assert lesions.error[t, unit] == table.error[task.name, unit]


def test_the_quadrants_part_the_units_by_two_standard_errors(lab):
    table = importance(lab.lesions.model, lab.lesions.world).set_index(["task", "unit"])
    counts = {
        name: {unit for unit in range(8) if table.rise[name, unit] > 2 * table.error[name, unit]}
        for name in ("kind", "colour")
    }
    kind, colour, everything = counts["kind"], counts["colour"], set(range(8))
    assert {name: set(units) for name, units in lab.quadrants.items()} == {
        "kind only": kind - colour,
        "colour only": colour - kind,
        "both": kind & colour,
        "idle": everything - kind - colour,
    }
    assert sum(map(len, lab.quadrants.values())) == 8


def test_what_counts_is_what_is_certain(lesions):
    clear = replace(
        lesions,
        rise=np.array([[1, 1, 0, -1.0], [1, 0, 1, 0.3]] + [[0] * 4] * 2),
        error=np.array([[0.1, 0.6, 0, 0.1], [0.6, 0, 0.1, 0.1]] + [[0] * 4] * 2),
    )
    assert clear.kinds("kind", "colour") == {"kind only": [0], "colour only": [2, 3], "both": [], "idle": [1]}


@pytest.mark.parametrize("units", [[0], [3, 1], [7, 6, 5, 4], list(range(8))])
def test_the_results_are_those_of_a_lesion(lab, run, world, units):
    lab.remove(units)
    assert lab.results.equals(lesion(run, world, units))
    for row in lab.results.itertuples():  # and the algebra of the browser, in numpy
        assert lab.lesions.algebra(row.task, units) == pytest.approx((row.loss, row.score), abs=1e-5)


def test_without_a_lesion_all_is_as_it_was(lab, run):
    assert lab.results.score.tolist() == pytest.approx([run.scores[task] for task in lab.results.task], abs=1e-6)
    assert (lab.results.loss == lab.results.intact_loss).all()
    assert lab.lesions.algebra("kind", []) == pytest.approx((lab.results.loss[0], lab.results.score[0]), abs=1e-5)


def test_without_any_unit_every_picture_gets_one_answer(lab, world):
    lab.remove(range(8))
    z = lab.lesions.z["kind"].mean(0)
    labels = world.validation.labels["kind"]
    wanted = torch.nn.functional.cross_entropy(z.expand(60, -1), labels, ignore_index=-1).item()
    assert lab.results.loss[0] == pytest.approx(wanted, abs=1e-5)
    chance = lab.at_random
    assert chance.loss_low.to_numpy() == pytest.approx(chance.loss_high.to_numpy())  # there is one group of all units
    assert chance.loss.to_numpy() == pytest.approx(lab.results.loss.to_numpy(), abs=1e-5)


def test_random_groups_are_as_large_drawn_by_the_seed_and_nested(lesions, run, world):
    assert lesions.orders.shape == (GROUPS, 8)
    assert (np.sort(lesions.orders) == np.arange(8)).all()
    assert len(set(map(tuple, lesions.orders))) > 15
    assert (Lesions.of(run, world).orders == lesions.orders).all()
    assert (Lesions.of(run, world, seed=1).orders != lesions.orders).any()
    each = [lesion(run, world, order[:3].tolist()) for order in lesions.orders]
    found = np.array([table.loc[1, ["loss", "score"]] for table in each], float)
    row = lesions.at_random(3).loc[1]
    assert [row.loss, row.loss_low, row.loss_high] == pytest.approx(
        [found[:, 0].mean(), found[:, 0].min(), found[:, 0].max()], abs=1e-5
    )
    assert [row.score, row.score_low, row.score_high] == pytest.approx(
        [found[:, 1].mean(), found[:, 1].min(), found[:, 1].max()], abs=1e-5
    )


def test_a_sample_of_the_pictures_is_drawn_by_its_seed_and_said(run, world):
    few, again, other = (Lesions.of(run, world, pictures=25, seed=seed) for seed in (0, 0, 4))
    assert (few.n, few.total) == (25, 60)
    assert (few.rise == again.rise).all()
    assert (few.rise != other.rise).any()
    assert notes_on_lesions(few)[0] == "computed on a sample of 25 from 60 validation pictures"
    assert few.without([2]).equals(lesion(run, few.world, [2]))
    kept = few.world.validation  # every picture with its own labels
    rows = [int((world.validation.x == one).flatten(1).all(1).nonzero()) for one in kept.x]
    for name, labels in kept.labels.items():
        assert labels.tolist() == world.validation.labels[name][rows].tolist()
    on_test = Lesions.of(run, world, split="test", pictures=None)
    assert on_test.without([2]).equals(lesion(run, world, [2], split="test"))


def test_tasks_with_inputs_and_trunks_of_their_own(asked):
    run, world = asked
    lab = lesion_lab(run, world, tasks=("Chidi", "Bao"))
    assert [task.name for task in lab.compared] == ["Chidi", "Bao"]
    assert "The tasks have features of their own" in lab.facts["caption"]
    lab.remove([1, 4])
    assert lab.results.equals(lesion(run, world, [1, 4]))
    assert lab.lesions.algebra("Bao", [1, 4]) == pytest.approx(tuple(lab.results.iloc[1, 1:3]), abs=1e-5)
    assert [task["loss"] for task in lab.facts["tasks"]] == ["Binary"] * 3
    # Ana's and Chidi's pictures are the same and their trunks are not
    assert [task["features"] for task in lab.facts["tasks"]] == [0, 1, 2]


def test_units_that_never_vary_are_said(world):
    model = mtl.Hard(world.tasks, trunk(features=8))
    with torch.no_grad():
        model.trunk["second"].weight[0, 0, 5:] = 0
    found = Lesions.of(model, world)
    assert "≈ 3 units are the same for every picture: nothing is lost with them" in notes_on_lesions(found)
    assert {5, 6, 7} <= set(found.kinds("kind", "colour")["idle"])
    assert "this model was never trained" not in notes_on_lesions(found)
    assert "this model was never trained" in notes_on_lesions(Lesions.of(mtl.Hard(world.tasks, trunk()), world))


# --- what is sent --------------------------------------------------------------------------------------------------


def array(lab, name):
    kind, first, count = lab.facts["where"][name]
    return np.frombuffer(lab.data, {"Int16Array": "<i2", "Float32Array": "<f4"}[kind], count, first)


def test_the_browser_has_what_the_algebra_needs(lab, world):
    h = features(lab.lesions.model, world.validation.x)["kind"].double().numpy()
    step = array(lab, "step0")
    sent = array(lab, "h0").reshape(60, 8) * step
    assert np.abs(sent - h).max() <= 0.51 * step.max() + 1e-6
    assert array(lab, "mean0") == pytest.approx(h.mean(0), abs=1e-5)
    assert [task["features"] for task in lab.facts["tasks"]] == [0] * 4  # one trunk: sent once
    assert "h1" not in lab.facts["where"]
    assert [task["loss"] for task in lab.facts["tasks"]] == ["Classification", "Classification", "Binary", "Regression"]
    labels = array(lab, "y0")
    assert np.isnan(labels[:2]).all()
    assert labels[2:].tolist() == world.validation.labels["kind"][2:].tolist()
    assert array(lab, "w3").tolist() == lab.lesions.weights["size"].flatten().tolist()
    assert array(lab, "z1").reshape(60, 3) == pytest.approx(lab.lesions.z["colour"].numpy(), abs=1e-5)
    assert array(lab, "orders").tolist() == lab.lesions.orders.flatten().tolist()
    assert array(lab, "rise") == pytest.approx(lab.lesions.rise.flatten(), abs=1e-6)


def test_the_page_holds_all_it_needs(lab):
    page = lab.remove([2, 5]).page()
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")  # a name, which nobody asks for
    assert not re.search(r"<[^>]* (src|href)=", page)
    traits = json.loads(re.search(r'<script type="application/json" id="traits">(.*?)</script>', page, re.S)[1])
    assert str(LesionLab._esm) in page
    assert (traits["pair"], traits["removed"]) == ([0, 1], [2, 5])


# --- controls ------------------------------------------------------------------------------------------------------


def test_removing_restoring_and_comparing(lab):
    assert lab.text.startswith("all 8 units in place: kind loss ≈ ")
    assert lab.remove([5, 1]).removed == [1, 5]
    assert lab.remove([5, 7]).removed == [1, 5, 7]
    assert lab.restore([1]).removed == [5, 7]
    assert lab.text.startswith("2 of 8 units removed: kind loss ≈ ")
    results, chance = lab.results.set_index("task"), lab.at_random.set_index("task")
    for name in ("kind", "colour"):
        row = results.loc[name]
        assert (
            f"{name} loss {about(row.loss)} (intact {about(row.intact_loss)}, as many at random "
            f"{about(chance.loss[name])}), accuracy {about(row.score, '%')} (intact {about(row.intact_score, '%')})"
        ) in lab.text
    assert lab.compare("size", "kind") is lab
    assert "size loss ≈ " in lab.text
    assert "mean squared error ≈ " in lab.text
    assert "colour" not in lab.text
    assert list(lab.quadrants)[:2] == ["size only", "kind only"]
    assert lab.restore().removed == []


def test_the_most_important_units_are_removed_together(lab):
    rises = importance(lab.lesions.model, lab.lesions.world)
    wanted = rises[rises.task == "colour"].nlargest(3, "rise").unit.tolist()
    assert lab.lesions.most_important("colour", 3) == wanted
    assert lab.remove_most_important("colour", 3).removed == sorted(wanted)


@pytest.mark.parametrize(
    ("ask", "error", "words"),
    [
        (lambda lab: lab.remove([8]), ValueError, "there is no unit 8: h has 8, from 0 to 7"),
        (lambda lab: lab.remove([-1]), ValueError, "there is no unit -1"),
        (lambda lab: lab.compare("kind", "taste"), KeyError, "there is no task 'taste'; there are kind, colour"),
        (lambda lab: lab.compare("kind", "kind"), traitlets.TraitError, "two different tasks"),
        (lambda lab: lab.remove_most_important("taste"), KeyError, "there is no task 'taste'"),
        (lambda lab: lab.set_trait("removed", [8]), traitlets.TraitError, "there is no unit 8"),
        (lambda lab: lab.set_trait("removed", [0.5]), traitlets.TraitError, "there is no unit 0.5"),
        (lambda lab: lab.set_trait("pair", [0, 4]), traitlets.TraitError, "two different tasks"),
        (lambda lab: lab.set_trait("pair", [0]), traitlets.TraitError, "two different tasks"),
    ],
)
def test_what_is_not_there_is_refused_and_nothing_changes(lab, ask, error, words):
    before = lab.text
    with pytest.raises(error, match=words):
        ask(lab)
    assert lab.text == before


@dataclass(frozen=True)
class Absolute(mtl.tasks.Task):
    """A task of a kind of one's own."""

    def losses(self, outputs, labels):
        return (outputs.squeeze(-1) - labels).abs()

    merits = losses


def of_one_s_own():
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(40, 90, generator=draw)
    split = Split(x, {"one": x[:, 0], "two": x[:, 1]})
    return World("own", (Absolute("one"), mtl.Regression("two")), split, split, split)


def way_of_its_own(kind, way):
    """A task of the course's with one of its functions written anew, to the same effect."""
    return type("Focal", (kind,), {way: lambda self, *arguments: getattr(kind, way)(self, *arguments)})


@pytest.mark.parametrize("way", ["losses", "merits", "loss", "score", "labelled"])
@pytest.mark.parametrize("name", ["kind", "bright", "size"])
def test_a_task_with_a_way_of_its_own_is_refused_since_the_browser_does_not_know_it(world, way, name):
    """It would be shown its parent's loss; inspection.lesion asks the task itself."""
    old = world.task(name)
    own = way_of_its_own(type(old), way)(**vars(old))
    changed = replace(world, tasks=tuple(own if task is old else task for task in world.tasks))
    model = mtl.Hard(changed.tasks, trunk())
    with pytest.raises(TypeError, match=f"'{name}' is a Focal, with a loss or score of its own: use mtl.inspection.le"):
        lesion_lab(model, changed)
    assert lesion(model, changed, [0]).task.tolist() == [task.name for task in world.tasks]  # the way on


def broken(world):
    model = mtl.Hard(world.tasks, trunk())
    with torch.no_grad():
        model.trunk["second"].bias[0, 0, 0] = math.inf
    return model


@pytest.mark.parametrize(
    ("ask", "error", "words"),
    [
        (lambda w, m: lesion_lab(3, w), TypeError, "the model' must be a model such as mtl.Hard or a Run, not int"),
        (lambda w, m: lesion_lab(m.like((0, 1)), w), ValueError, "holds 2 copies"),
        (lambda w, m: lesion_lab(m, w, layer="first"), ValueError, r"at the last layer \('second'\).*layer='first'"),
        (lambda w, m: lesion_lab(m, w, tasks=("kind", "taste")), KeyError, "there is no task 'taste'"),
        (lambda w, m: lesion_lab(m, w, tasks=("kind",)), ValueError, "two different tasks"),
        (lambda w, m: lesion_lab(mtl.Hard(w.tasks[2:], trunk()), w), KeyError, "there is no task 'kind'"),
        (lambda w, m: lesion_lab(m, w, split="all"), ValueError, "not 'all'"),
        (lambda w, m: lesion_lab(m, w, pictures=0), ValueError, "2 or more"),
        (lambda w, m: lesion_lab(broken(w), w), ValueError, "layer h.*infinity.*second"),
        (
            lambda w, m: lesion_lab(mtl.Hard(of_one_s_own().tasks, trunk()[1:], features=5), of_one_s_own()),
            TypeError,
            "'one' is a Absolute: use mtl.inspection.lesion, which asks the task",
        ),
    ],
)
def test_bad_input_is_refused_with_a_word_of_help(world, run, ask, error, words):
    with pytest.raises(error, match=words):
        ask(world, run.model)


def test_the_last_layer_may_be_named(run, world, lesions):
    assert (Lesions.of(run, world, layer="second").rise == lesions.rise).all()


# --- without a browser ---------------------------------------------------------------------------------------------


def test_its_words_are_the_same_each_time_and_numbers_stand_behind_about(lab, run, world):
    other = lesion_lab(run, world).remove([0, 1])
    lab.remove([0, 1])
    assert repr(lab) == repr(other)
    assert re.fullmatch(
        r"LesionLab\(2 of 8 units removed: kind loss ≈ \S+ \(intact ≈ \S+, as many at random ≈ \S+\), accuracy ≈ \d+ % "
        r"\(intact ≈ \d+ %\); colour loss ≈ \S+ \(intact ≈ \S+, as many at random ≈ \S+\), accuracy ≈ \d+ % "
        r"\(intact ≈ \d+ %\)\)",
        repr(lab),
    )
    assert lab.data == other.data
    assert lab.alt == other.alt


def test_a_notebook_without_a_kernel_shows_a_picture_with_its_alt_text(lab):
    for removed in ([], [0, 3]):
        lab.restore().remove(removed)
        bundle = lab._repr_mimebundle_()
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        assert data["text/plain"] == repr(lab)
        alt = html.unescape(re.search(r'alt="([^"]*)"', data["text/html"])[1])
        assert alt == lab.alt
        assert alt.startswith("Lesion lab: 8 units placed by the rise of the loss of kind (across) and of colour (up")
        assert lab.text in alt
        for name, units in lab.quadrants.items():
            assert f"{name} ≈ {len(units)}" in alt


def test_hostile_names_are_never_markup(run, world):
    tasks = (replace(world.tasks[0], name=HOSTILE), *world.tasks[1:])

    def renamed(split):
        return Split(split.x, {HOSTILE: split.labels["kind"]} | {t.name: split.labels[t.name] for t in world.tasks[1:]})

    hostile = World("hostile", tasks, *map(renamed, (world.train, world.validation, world.test)))
    lab = lesion_lab(mtl.Hard(tasks, trunk()), hostile)
    for text in (lab.page(), lab.drawing._repr_html_()):
        assert "<img src=x" not in text
    assert HOSTILE in lab.text
