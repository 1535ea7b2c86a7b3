"""The λ microscope in Python: what it computes, what it sends to the browser, and what its controls do.

The browser's half is driven in test_microscope_browser.py.
"""

import base64
import html
import io
import json
import math
import re
from collections import OrderedDict
from dataclasses import replace

import numpy as np
import pytest
import torch
import traitlets
from PIL import Image
from torch import nn

import mtl_lesson as mtl
from mtl_lesson.data.world import Split, World
from mtl_lesson.inspection.features import features
from mtl_lesson.inspection.frames import Frames, Groups
from mtl_lesson.inspection.similarity import align
from mtl_lesson.inspection.swap import head_swap
from mtl_lesson.show.microscope import label, marks, notes_on_maps, say_frame, say_selection, titles
from mtl_lesson.show.style import about
from mtl_lesson.widgets import Microscope, microscope
from mtl_lesson.widgets.base import packed
from mtl_lesson.widgets.microscope import sprite_of

INF, HOSTILE = math.inf, "<img src=x onerror=alert(1)></script>"
LAMS = [0, 0.01, 0.1, 1, INF]
TRAINING = {"epochs": 3, "batch_size": 20, "lr": 1e-2, "precision": "float32", "progress": False}


def boxes(n_test=80, seed=0):
    """Small pictures, higher than wide, and four questions about each: three with classes, one with a number."""
    draw = torch.Generator().manual_seed(seed)
    tasks = (
        mtl.Classification("kind", ("flat", "tall", HOSTILE)),
        mtl.Classification("colour", ("red", "green", "blue")),
        mtl.Binary("bright"),
        mtl.Regression("size"),
    )

    def split(n):
        kind, colour, x = (
            torch.randint(0, 3, (n,), generator=draw),
            torch.randint(0, 3, (n,), generator=draw),
            0.3 * torch.rand(n, 3, 6, 5, generator=draw),
        )
        x[torch.arange(n), colour] += 0.3
        x[kind == 0, :, 3:] += 0.3
        x[kind == 1, :, :, 2:] += 0.3
        bright = (x.mean((1, 2, 3)) > 0.4).long()
        labels = {"kind": kind, "colour": colour, "bright": bright, "size": x.mean((1, 2, 3))}
        labels["kind"] = labels["kind"].index_fill(0, torch.arange(2), -1)  # nobody said what these are
        return Split(x, labels)

    return World("boxes", tasks, split(60), split(60), split(n_test))


def people(n_test=40):
    """Two people who were each asked about inputs of their own, yes or no, and one who was asked about the first's."""
    draw = torch.Generator().manual_seed(3)
    names = ("Ana", "Bao", "Chidi")

    def split(n):
        x = {name: torch.randn(n, 6, generator=draw) for name in names}
        x["Chidi"] = x["Ana"].clone()
        return Split(x, {name: (x[name].sum(1) + k > 0).long() for k, name in enumerate(names)})

    return World("people", tuple(map(mtl.Binary, names)), split(40), split(40), split(n_test))


def trunk(inputs=90, hidden=12, features=5):
    layers = OrderedDict(
        flatten=nn.Flatten(), first=nn.Linear(inputs, hidden), relu=nn.ReLU(), second=nn.Linear(hidden, features)
    )
    return nn.Sequential(layers if inputs == 90 else OrderedDict(list(layers.items())[1:]))


@pytest.fixture(scope="module")
def world():
    return boxes()


@pytest.fixture(scope="module")
def sweep(world):
    return mtl.sweep(mtl.Soft, world, trunk=trunk(), lam=LAMS, seeds=[0, 1], **TRAINING)


@pytest.fixture(scope="module")
def frames(sweep, world):
    return Frames.of(sweep, world)


@pytest.fixture
def scope(frames):
    return Microscope(frames)


@pytest.fixture
def fresh(world):
    return mtl.Separate(world.tasks, trunk(), seeds=(7,))


# --- compute -------------------------------------------------------------------------------------------------------


def test_the_readouts_are_those_of_the_inspection(scope, sweep, world):
    for f, lam in enumerate(LAMS):
        model = sweep.run(lam=lam, seed=0).model
        h = features(model, world.test.x)
        assert scope.frames.residual[f] == pytest.approx(align(h["colour"], h["kind"]).residual, abs=1e-9)
        assert scope.frames.gap[f] == pytest.approx(float(model.gap()[0][:2].mean()), abs=1e-7)
        score = head_swap(model, world).set_index(["trunk", "head"]).score
        assert scope.frames.own[f].tolist() == [score["kind", "kind"], score["colour", "colour"]]
        assert scope.frames.swapped[f].tolist() == [score["colour", "kind"], score["kind", "colour"]]
    assert scope.frames.residual[0] > 0.1 > scope.frames.residual[-1]  # there is something to see


def test_tied_weights_have_no_gap_and_one_map(scope):
    frames = scope.frames
    assert frames.gap[-1] == pytest.approx(0, abs=1e-6)
    assert frames.residual[-1] == pytest.approx(0, abs=1e-6)
    assert (frames.swapped[-1] == frames.own[-1]).all()
    assert frames.points[-1, 0] == pytest.approx(frames.points[-1, 1], abs=1e-5)
    assert np.abs(frames.points[0, 0] - frames.points[0, 1]).max() > 0.01


def decoded(scope):
    """The points as the browser has them."""
    kind, first, count = scope.facts["where"]["points"]
    assert kind == "Int16Array"
    numbers = np.frombuffer(scope.data, "<i2", count, first)
    return numbers.reshape(scope.frames.points.shape) * scope.facts["step"]


def test_the_browser_has_the_pooled_components_of_the_aligned_features(scope, sweep, world):
    raw = [features(sweep.run(lam=lam, seed=0).model, world.test.x) for lam in LAMS]
    one = [align(h[task], raw[-1]["kind"]).points for h in raw for task in ("kind", "colour")]
    pooled = np.concatenate(one)
    values, directions = np.linalg.eigh(np.cov(pooled.T))
    wanted = (pooled - pooled.mean(0)) @ directions[:, [-1, -2]]
    found, step = decoded(scope).reshape(-1, 2), scope.facts["step"]
    for axis in (0, 1):  # a component may point either way
        sign = np.sign(wanted[:, axis] @ found[:, axis])
        assert found[:, axis] == pytest.approx(sign * wanted[:, axis], abs=0.51 * step + 1e-6)
    share = values[-2:].sum() / values.sum()
    assert f"({about(share, '%')} of the variance)" in scope.facts["caption"]
    assert "onto kind at λ = ∞" in scope.facts["caption"]


def test_permuting_the_pictures_permutes_the_points(sweep, world):
    order = torch.randperm(len(world.test), generator=torch.Generator().manual_seed(1))
    mixed = replace(world, test=Split(world.test.x[order], {name: y[order] for name, y in world.test.labels.items()}))
    one, other = (Frames.of(sweep, w) for w in (world, mixed))
    assert other.points == pytest.approx(one.points[:, :, order], abs=1e-5)
    assert (other.groups["kind"].labels == one.groups["kind"].labels[order]).all()
    assert other.residual == pytest.approx(one.residual, abs=1e-9)


def test_the_frames_of_a_sweep_are_of_one_seed_in_the_order_of_the_axis(sweep, world):
    scope = microscope(sweep, world, seed=1)
    assert titles(scope.frames) == ("0", "0.01", "0.1", "1", "∞")
    assert scope.frames.values == tuple(LAMS)
    h = features(sweep.run(lam=0, seed=1).model, world.test.x)
    assert scope.frames.residual[0] == pytest.approx(align(h["colour"], h["kind"]).residual)
    assert "of 2 seeds this is seed 1" in scope.facts["caption"].lower()
    assert "of 2 seeds this is seed 0" in microscope(sweep, world, seed=99).facts["caption"].lower()


def test_another_axis_than_lambda(world):
    branches = mtl.sweep(mtl.Hierarchical, world, trunk=trunk(), branch=["second", "heads"], seeds=[0], **TRAINING)
    scope = microscope(branches, world)
    assert label(scope.frames, 1) == "branch = heads"
    assert scope.move("heads").text.startswith("branch = heads: gap ≈ 0 %")
    with pytest.raises(KeyError, match="there are second and heads"):
        scope.move(3)


def test_a_mapping_shows_its_models_in_its_order(sweep, world, fresh):
    scope = microscope({"new": fresh, HOSTILE: sweep.run(lam=1, seed=0)}, world, tasks=("bright", "colour"))
    assert titles(scope.frames) == ("new", HOSTILE)
    assert label(scope.frames, 0) == "new (untrained)"
    assert label(scope.frames, 1) == HOSTILE
    assert label(microscope({"an untrained one": fresh}, world).frames, 0) == "an untrained one"
    assert scope.text.startswith("new (untrained): gap ≈ 0 %")
    assert scope.move(HOSTILE).at["frame"] == 1
    assert [task.name for task in scope.frames.tasks] == ["bright", "colour"]


def test_one_model_alone_is_allowed(world, fresh):
    scope = microscope({"one": fresh}, world)
    assert decoded(scope).shape == (1, 2, 80, 2)
    assert scope.move("one").at["frame"] == 0
    assert "from one to one" not in scope.alt.lower()


def test_a_layer_in_the_middle(sweep, world):
    scope = microscope(sweep, world, layer="relu")
    h = features(sweep.run(lam=0, seed=0).model, world.test.x, "relu")
    assert scope.frames.residual[0] == pytest.approx(align(h["colour"], h["kind"]).residual)


# --- which pictures ------------------------------------------------------------------------------------------------


def test_a_sample_of_the_pictures_is_drawn_by_its_seed_and_said(sweep, world):
    few, again, other = (Frames.of(sweep, world, points=30, seed=seed) for seed in (0, 0, 5))
    assert few.chosen.tolist() == again.chosen.tolist() == sorted(set(few.chosen.tolist()))
    assert few.chosen.tolist() != other.chosen.tolist()
    assert few.points.shape == (5, 2, 30, 2)
    assert notes_on_maps(few)[0] == "a point is a picture: a sample of 30 from 80 test pictures; scores are of all"
    assert few.groups["colour"].labels.tolist() == world.test.labels["colour"][few.chosen].tolist()
    h = features(sweep.run(lam=0, seed=0).model, world.test.x[few.chosen])
    assert few.residual[0] == pytest.approx(align(h["colour"], h["kind"]).residual)


def test_more_than_20000_points_are_sampled(fresh):
    many = boxes(n_test=20_050)
    for points in (None, 20_040):
        frames = Frames.of({"one": fresh}, many, points=points, pictures=False)
        assert len(frames.chosen) == 20_000
        assert notes_on_maps(frames)[0] == (
            "a point is a picture: a sample of 20,000 from 20,050 test pictures (20,000 are the most that are drawn); "
            "scores are of all"
        )


def test_with_inputs_of_their_own_both_trunks_look_at_the_first_tasks():
    world = people()
    run = mtl.fit(mtl.Separate(world.tasks, trunk(6)), world, **TRAINING)
    scope = microscope({"apart": run}, world)
    h = features(run.model, world.test.x["Ana"])
    assert scope.frames.residual[0] == pytest.approx(align(h["Bao"], h["Ana"]).residual)
    assert "both maps show those of Ana" in scope.facts["caption"]
    assert list(scope.frames.groups) == ["Ana", "Chidi"]  # Bao was asked about others
    assert scope.colour("Chidi").coloured == "Chidi"
    with pytest.raises(ValueError, match="'Bao' was asked about other pictures than those of 'Ana'"):
        scope.colour("Bao")
    assert "pictures of its own" not in microscope({"x": run}, world, tasks=("Ana", "Chidi")).facts["caption"]
    assert scope.sprite == b""
    assert scope.facts["sprite"] is None  # these are no pictures
    score = head_swap(run.model, world).set_index(["trunk", "head"]).score
    assert scope.readouts["swapped"] == {"Ana": score["Bao", "Ana"], "Bao": score["Ana", "Bao"]}


def test_a_world_without_classes_is_drawn_in_one_colour():
    world = mtl.data.planted(n=10, n_test=60)
    scope = microscope({"untouched": mtl.Separate(world.tasks, mtl.nets.linear(10, 3))}, world)
    assert scope.coloured is None
    assert scope.select([3, 1]).text.endswith("2 pictures")
    with pytest.raises(ValueError, match="has no classes to colour by"):
        scope.colour(world.tasks[0].name)
    with pytest.raises(KeyError, match="no classes"):
        scope.highlight("yes")
    scope.drawing.png()


# --- what is sent --------------------------------------------------------------------------------------------------


def test_the_sheet_holds_every_picture_in_its_cell(scope, world):
    layout, image = scope.facts["sprite"], np.asarray(Image.open(io.BytesIO(scope.sprite)).convert("RGB")) / 255
    assert (layout["width"], layout["height"]) == (5, 6)
    for row in (0, 8, 9, 79):
        y, x = (layout["cell"] * place for place in divmod(row, layout["columns"]))
        shown = image[y : y + 6, x : x + 5]
        assert np.abs(shown - world.test.x[row].permute(1, 2, 0).numpy()).mean() < 0.06  # a JPEG, and noise
    far = [np.abs(image[:6, :5] - one.permute(1, 2, 0).numpy()).mean() for one in world.test.x]
    assert int(np.argmin(far)) == 0


def test_normalised_pictures_are_stretched_and_said_once(world, fresh):
    def normal(split):
        return Split((split.x - 0.3) / 0.2, split.labels)

    far = replace(world, train=normal(world.train), validation=normal(world.validation), test=normal(world.test))
    with pytest.warns(UserWarning, match="undo the normalisation, x . std . mean, to see them") as told:
        scope = microscope({"fresh": fresh}, far)
    assert len(told) == 1
    low, high = world.test.x.min(), world.test.x.max()
    wanted = ((world.test.x - low) / (high - low)).permute(0, 2, 3, 1).numpy()
    assert pictures_of(scope) == pytest.approx(wanted, abs=0.3)  # a JPEG, and noise
    assert np.abs(pictures_of(scope) - wanted).mean() < 0.06
    bytes_of = replace(world, test=Split(world.test.x * 255, world.test.labels))
    wanted = world.test.x.permute(0, 2, 3, 1).numpy()
    assert np.abs(pictures_of(microscope({"fresh": fresh}, bytes_of)) - wanted).mean() < 0.06
    assert microscope({"fresh": fresh}, world, pictures=False).sprite == b""


def pictures_of(scope):
    """The pictures on the sheet (n, height, width, 3), from 0 to 1."""
    layout, whole = scope.facts["sprite"], np.asarray(Image.open(io.BytesIO(scope.sprite)).convert("RGB")) / 255
    corners = (divmod(row, layout["columns"]) for row in range(scope.facts["n"]))
    corners = ((layout["cell"] * y, layout["cell"] * x) for y, x in corners)
    return np.stack([whole[y : y + layout["height"], x : x + layout["width"]] for y, x in corners])


def test_large_and_grey_pictures_are_shrunk_and_kept_grey():
    images = np.zeros((3, 64, 128, 3))
    images[1, :, 64:] = 0.5
    data, layout = sprite_of(images)
    assert (layout["width"], layout["height"]) == (32, 16)
    picture = Image.open(io.BytesIO(data))
    assert picture.mode == "L"
    half = np.asarray(picture)[:16, 32:64] / 255
    assert half[:, :15] == pytest.approx(0, abs=0.05)
    assert half[:, 17:] == pytest.approx(0.5, abs=0.05)


def test_arrays_are_packed_where_the_facts_say():
    arrays = {"a": np.array([1, -2, 3], np.int16), "b": np.array([[0.5, np.nan]]), "c": np.arange(2), "d": np.zeros(0)}
    data, where = packed(arrays)
    assert where == {
        "a": ["Int16Array", 0, 3],
        "b": ["Float32Array", 8, 2],
        "c": ["Int32Array", 16, 2],
        "d": ["Float32Array", 24, 0],
    }
    assert np.frombuffer(data, "<i2", 3, 0).tolist() == [1, -2, 3]
    assert np.frombuffer(data, "<f4", 1, 8).tolist() == [0.5]


def test_eleven_frames_of_2000_coloured_pictures_are_at_most_3_mb():
    world = mtl.data.questions(n_train=10, n_validation=10, n_test=2000)
    layers = mtl.nets.conv(4, features=24)
    scope = microscope({f"seed {seed}": mtl.Separate(world.tasks, layers, seeds=(seed,)) for seed in range(11)}, world)
    assert scope.frames.points.shape == (11, 2, 2000, 2)
    size = len(scope.data) + len(scope.sprite) + len(json.dumps(scope.get_state(["facts", "at", "selected"])))
    assert len(scope.sprite) > 200_000  # the pictures are there
    assert size <= 3e6
    assert len(scope.page()) <= 3e6


def test_colours_are_told_by_their_own_and_marks_are_all_different(scope):
    kind, colour, bright = scope.facts["colours"]
    assert [group["colour"] for group in colour["groups"]] == ["#D55E00", "#009E73", "#0072B2", "#6E6E6E"]
    many = Groups("many", tuple(map(str, range(20))), np.zeros(1, int))
    looks = [(mark["colour"], mark["shape"]) for mark in marks(many)[:-1]]
    assert len(set(looks)) == 20
    assert [group["name"] for group in kind["groups"]] == ["flat", "tall", HOSTILE, "no label"]
    assert [group["name"] for group in bright["groups"]] == ["no", "yes", "no label"]


# --- controls ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("to", "frame"),
    [(0, 0), (0.1, 2), (INF, 4), ("∞", 4), ("inf", 4), ("0.1", 2), (0.2, 2), (1e9, 3), (1e-9, 1), (0.5, 3)],
)
def test_lambda_goes_to_the_nearest_frame(scope, to, frame):
    assert scope.move(to) is scope
    assert scope.at["frame"] == frame
    assert scope.text.startswith(f"λ = {('0', '0.01', '0.1', '1', '∞')[frame]}: gap ≈ ")
    frames, read = scope.frames, scope.readouts
    assert read == {
        "frame": label(frames, frame),
        "gap": frames.gap[frame],
        "residual": frames.residual[frame],
        "own": {"kind": frames.own[frame, 0], "colour": frames.own[frame, 1]},
        "swapped": {"kind": frames.swapped[frame, 0], "colour": frames.swapped[frame, 1]},
    }
    for value in (
        about(read["gap"], "%"),
        about(round(read["residual"], 4)),
        about(read["own"]["kind"], "%"),
        about(read["swapped"]["colour"], "%"),
    ):
        assert value in scope.text
        assert value in scope.alt


def test_selecting_colouring_and_clearing(scope, world):
    labels = world.test.labels
    assert scope.text.endswith(". nothing selected")
    scope.highlight("tall")
    assert scope.selected == (labels["kind"] == 1).nonzero().flatten().tolist()
    assert scope.text.endswith(f"{len(scope.selected)} pictures: tall {len(scope.selected)}")
    chosen = torch.tensor(scope.selected)
    scope.colour("colour")
    counts = {name: int((labels["colour"][chosen] == k).sum()) for k, name in enumerate(("red", "green", "blue"))}
    said = re.search(r"pictures: (.*)$", scope.text)[1].split(", ")
    assert {part.split()[0]: int(part.split()[1]) for part in said} == counts
    assert [int(part.split()[1]) for part in said] == sorted(counts.values(), reverse=True)
    scope.select([0]).colour("kind")
    assert scope.text.endswith("1 picture: no label 1")
    assert scope.clear().selected == []
    assert scope.highlight("flat", "tall").selected == [i for i in range(80) if int(labels["kind"][i]) in (0, 1)]


def test_many_classes_are_counted_together(scope):
    labels = np.repeat(np.arange(8), [9, 8, 7, 6, 5, 4, 3, 2])
    groups = {"x": Groups("x", tuple("abcdefgh"), labels)}
    frames = replace(scope.frames, groups=groups)
    assert say_selection(frames, range(44), "x") == "44 pictures: a 9, b 8, c 7, d 6, e 5, others 9"
    assert say_selection(frames, range(3), None) == "3 pictures"


@pytest.mark.parametrize(
    ("ask", "error", "words"),
    [
        (lambda s: s.move(-1), ValueError, "λ must be 0 or more"),
        (lambda s: s.move(math.nan), ValueError, "λ must be 0 or more"),
        (lambda s: s.move("nonsense"), KeyError, "there is no frame 'nonsense'; there are 0, 0.01"),
        (lambda s: s.colour("taste"), KeyError, "there is no task 'taste'; the tasks are kind, colour, bright, size"),
        (lambda s: s.colour("size"), ValueError, "'size' has no classes to colour by"),
        (lambda s: s.highlight("round"), KeyError, "kind has no class 'round'; it has flat, tall"),
        (lambda s: s.select([80]), ValueError, "picture 80 is not among the 80 shown"),
        (lambda s: s.set_trait("selected", [-1]), traitlets.TraitError, "there is no picture -1"),
        (lambda s: s.set_trait("selected", ["a"]), traitlets.TraitError, "there is no picture 'a'"),
        (lambda s: s.set_trait("at", {"frame": 5, "colour": 0}), traitlets.TraitError, "nothing to show"),
        (lambda s: s.set_trait("at", {"frame": 0, "colour": None}), traitlets.TraitError, "nothing to show"),
        (lambda s: s.set_trait("at", {"frame": True, "colour": 0}), traitlets.TraitError, "nothing to show"),
        (lambda s: s.set_trait("at", {}), traitlets.TraitError, "nothing to show"),
    ],
)
def test_what_is_not_there_is_refused_and_nothing_moves(scope, ask, error, words):
    before = scope.text
    with pytest.raises(error, match=words):
        ask(scope)
    assert scope.text == before


def test_a_selection_is_kept_sorted_and_once(scope):
    assert scope.select(np.array([5, 2, 5])).selected == [2, 5]


def test_an_error_of_a_callback_is_told_to_the_browser(scope):
    scope.guarded(scope.move)(-1)
    assert scope.trouble == "λ must be 0 or more, not -1"
    scope.guarded(scope.highlight)("round")
    assert scope.trouble.startswith("That did not work (")
    assert "kind has no class 'round'" in scope.trouble


# --- bad input -----------------------------------------------------------------------------------------------------


def one_class(world):
    return replace(world, test=Split(world.test.x, world.test.labels | {"kind": torch.ones(80, dtype=torch.long)}))


def broken(model):
    model = mtl.Separate(model.tasks, trunk(), seeds=(7,))
    with torch.no_grad():
        model.trunk["first"].weight[0, 1, 0, 0] = math.nan
    return model


@pytest.mark.parametrize(
    ("ask", "error", "words"),
    [
        (lambda w, m, s: microscope({}, w), ValueError, "nothing to show: the mapping of models is empty"),
        (lambda w, m, s: microscope(m, w), TypeError, "takes a Sweep or a mapping from titles"),
        (lambda w, m, s: microscope({"x": 3}, w), TypeError, "'x' must be a model such as mtl.Hard or a Run, not int"),
        (lambda w, m, s: microscope(s, w, tasks=("kind", "taste")), KeyError, "world boxes, there is no task 'taste'"),
        (lambda w, m, s: microscope(s, w, tasks=("kind", "kind")), ValueError, "two different tasks"),
        (lambda w, m, s: microscope(s, w, tasks="kind"), ValueError, "tasks are two names"),
        (lambda w, m, s: microscope(s, w, split="all"), ValueError, "train, validation and test, not 'all'"),
        (lambda w, m, s: microscope(s, w, layer="conv9"), KeyError, "λ = 0: the trunk has no layer 'conv9'"),
        (lambda w, m, s: microscope(s, w, points=1), ValueError, "points must be 2 or more"),
        (lambda w, m, s: microscope(s, w, points=4), ValueError, r"λ = 0: 4 pictures .* 5 features.*\(a larger"),
        (lambda w, m, s: microscope({"two": m.like((0, 1))}, w), ValueError, r"holds 2 copies.*model.copy\(0\)"),
        (
            lambda w, m, s: microscope({"ok": m, "odd": broken(m)}, w),
            ValueError,
            "odd: task 'colour', layer h, picture 0: .* NaN .*first",
        ),
        (
            lambda w, m, s: microscope({"a": mtl.Hard(w.tasks, trunk(features=4)), "b": m}, w),
            ValueError,
            "different sizes cannot be laid over each other: kind has 4 at a, kind 5 at b",
        ),
        (
            lambda w, m, s: microscope({"one": mtl.Hard(w.tasks[:1], trunk())}, w),
            KeyError,
            "in the model 'one', there is no task 'colour'",
        ),
        (
            lambda w, m, s: microscope({"m": m}, one_class(w)).colour("kind"),
            ValueError,
            "all labels of 'kind' here are 'tall', so colours tell nothing apart",
        ),
    ],
)
def test_bad_input_is_refused_with_a_word_of_help(world, fresh, sweep, ask, error, words):
    with pytest.raises(error, match=words):
        ask(world, fresh, sweep)


def test_with_one_class_alone_another_task_colours(world, fresh):
    assert microscope({"m": fresh}, one_class(world)).coloured == "colour"


def test_a_sweep_over_two_axes_is_refused(world):
    grid = mtl.sweep(mtl.Soft, world, trunk=trunk(), lam=[0, 1], tie=["trunk"], seeds=[0], **TRAINING)
    assert len(titles(microscope(grid, world).frames)) == 2  # one value is no axis
    wide = mtl.sweep(mtl.Soft, boxes_of, trunk=trunk(), lam=[0, 1], n=[10, 20], seeds=[0], **TRAINING)
    with pytest.raises(ValueError, match=r"several axes \(lam, n\).*mapping"):
        microscope(wide, world)
    with pytest.raises(ValueError, match="stopped before any copy had finished"):
        microscope(replace(grid, runs={}), world)


def boxes_of(n=10, seed=0):
    return boxes(seed=seed)


# --- without a browser ---------------------------------------------------------------------------------------------


def test_its_words_are_the_same_each_time_and_numbers_stand_behind_about(sweep, world):
    one, other = (microscope(sweep, world).move(0.01).highlight("tall") for _ in range(2))
    assert repr(one) == repr(other)
    assert repr(one).startswith("Microscope(kind and colour, λ = 0.01: gap ≈ ")
    assert re.fullmatch(
        r"Microscope\(kind and colour, λ = 0.01: gap ≈ \d+ %, residual ≈ \d\.\d\d, "
        r"kind's head on colour's features ≈ \d+ % \(on its own ≈ \d+ %\), "
        r"colour's head on kind's features ≈ \d+ % \(on its own ≈ \d+ %\); "
        r"\d+ pictures: tall \d+\)",
        repr(one),
    )
    assert one.alt == other.alt
    assert one.data == other.data
    assert one.sprite == other.sprite


def test_a_notebook_without_a_kernel_shows_a_picture_with_its_alt_text(scope):
    bundle = scope._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    assert data["text/plain"] == repr(scope)
    alt = html.unescape(re.search(r'alt="([^"]*)"', data["text/html"])[1])
    assert alt == scope.alt
    assert alt.startswith("Maps of the features of kind and of colour, 80 test pictures, coloured by kind. λ = 0: gap")
    assert "From λ = 0 to λ = ∞, 5 frames, the gap goes from" in alt
    png = base64.b64decode(re.search(r"base64,([^\"]+)", data["text/html"])[1])
    assert Image.open(io.BytesIO(png)).size[0] == 1500


def test_hostile_names_are_never_markup(sweep, world):
    scope = microscope({HOSTILE: sweep.run(lam=1, seed=0)}, world).highlight(HOSTILE)
    for text in (scope.page(), scope.drawing._repr_html_()):
        assert HOSTILE not in text
        assert "<img src=x" not in text
    assert scope.page().count("</script>") == 2


def test_the_page_holds_all_it_needs(scope, tmp_path):
    page = scope.move(0.1).select([3, 4]).page()
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")  # a name, which nobody asks for
    assert not re.search(r"<[^>]* (src|href)=", page)
    assert str(Microscope._esm) in page
    traits = json.loads(re.search(r'<script type="application/json" id="traits">(.*?)</script>', page, re.S)[1])
    assert base64.b64decode(traits["data"]["bytes"]) == scope.data
    assert base64.b64decode(traits["sprite"]["bytes"]) == scope.sprite
    assert (traits["at"], traits["selected"]) == ({"frame": 2, "colour": 0}, [3, 4])
    assert traits["facts"]["frames"][2]["text"] == say_frame(scope.frames, 2)
    scope.save(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == page
    with pytest.raises(OSError, match="nowhere"):
        scope.save(tmp_path / "nowhere" / "page.html")
