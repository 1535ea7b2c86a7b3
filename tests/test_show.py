"""Figures: what they say in words, that they are drawn as they were, and that nothing of a learner's breaks them.

The pictures in tests/pictures are what the figures look like, blurred to a quarter of their size, so that another
version of the font engine passes and a curve that moves does not. After a wanted change:
``python tests/test_show.py`` draws them anew; look at them before they are committed.
"""

import html
import io
import math
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from PIL import Image, ImageFilter

import mtl_lesson as mtl
from mtl_lesson import show
from mtl_lesson.show import curves, sheets, style
from mtl_lesson.show.drawing import render
from mtl_lesson.tasks import Classification

PICTURES = Path(__file__).parent / "pictures"
TASKS = (
    Classification("garment", [f"class {i}" for i in range(10)]),
    Classification("colour", ["red", "yellow", "green", "cyan", "blue", "magenta"]),
    Classification("way up", ["upright", "left", "upside down", "right"]),
)
NAMES = [task.name for task in TASKS]
NASTY = '<b>"$x_1$'


# The data that each figure is drawn from; ``change`` alters what the figure is about


def some_pictures(n=12):
    across = torch.linspace(0, 1, 28)
    return torch.stack(
        [
            torch.stack(
                [
                    across.expand(28, 28) * (i + 1) / n,
                    across[:, None].expand(28, 28),
                    across.expand(28, 28).flip(1) * (1 - i / n),
                ]
            )
            for i in range(n)
        ]
    )


def history(change=0.0, names=NAMES, seeds=3, epochs=8):
    """Curves that rise to a level that falls from task to task; ``change`` lifts the last task's."""
    rows = []
    for seed in range(seeds):
        for t, name in enumerate(names):
            for epoch in range(1, epochs + 1):
                level = 0.85 - 0.2 * t + change * (t == len(names) - 1) + 0.02 * seed
                score = level * (1 - math.exp(-epoch / 2))
                rows.append(
                    {
                        "way": "Hard",
                        "seed": seed,
                        "epoch": epoch,
                        "task": name,
                        "split": "validation",
                        "loss": 2 - score,
                        "score": score,
                    }
                )
                rows.append(rows[-1] | {"split": "train", "loss": 1.8 - 1.1 * score, "score": math.nan})
    return pd.DataFrame(rows)


def learning_curves(change=0.0):
    return show.learning_curves(history(change), tasks=TASKS, ceilings={"colour": 0.9})


def ready(change=0):
    facts = {"device": "CPU, 2 cores", "Python": "3.11", "data": "15,000 garments and 4,059 pupils, checksums match"}
    return show.ready(facts | ({"memory": "8 GB"} if change else {}), some_pictures())


def pictures(change=0):
    captions = ["sandal" if i == 3 and change else f"class {i}" for i in range(12)]
    return show.pictures(some_pictures(), captions, title="A sheet")


def answers(change=0):
    """The network is right on everything but some garments, or but every colour."""
    n = 6
    labels = {task.name: torch.arange(n) % task.outputs for task in TASKS}
    said = {name: y.clone() for name, y in labels.items()}
    said["garment"][:3] += 1
    if change:
        said["colour"] = (said["colour"] + 1) % 6
    outputs = {task.name: 2.5 * torch.nn.functional.one_hot(said[task.name], task.outputs).float() for task in TASKS}
    return show.answers(some_pictures(n), TASKS, outputs, labels, columns=3)


def schools_data(change=0.0):
    lambdas = [0, *np.logspace(-2, 2, 9), math.inf]
    keep = np.array([1 / (1 + lam) for lam in lambdas])
    own = np.stack([np.linspace(-1, 1, 12), 0.6 + 0.4 * np.sin(np.arange(12))], axis=1)
    pooled = own.mean(0)
    errors = 0.6 + 0.1 * (keep - 0.4 + change) ** 2
    x = np.linspace(-2, 2, 8)
    pupils = {f"school {i + 1}": (x, own[i, 0] + own[i, 1] * x + 0.3 * np.cos(5 * x)) for i in (0, 6, 11)}
    return (
        (-3, 3),
        pooled + keep[:, None, None] * (own - pooled),
        pooled,
        lambdas,
        errors,
        [f"school {i + 1}" for i in range(12)],
        pupils,
    )


def schools(change=0.0):
    return show.schools(*schools_data(change), index=4)


def probe_matrix(change=0.0):
    values = np.array([[0.38, 0.52, 0.57], [0.66, 0.24 + change, 0.70], [0.45, 0.83, 0.60], [0.52, 0.28, 0.88]])
    return show.probe_matrix(
        values,
        ["untrained", *NAMES],
        NAMES,
        intervals=np.full(values.shape, 0.02),
        floors={"pixels": [0.6, 0.5, 0.4]},
        title="What features hold",
    )


def map_of_differences(change=0.0):
    values = np.linspace(-0.08, 0.05, 12).reshape(3, 4)
    values[0, 0] += change
    return show.map_of_differences(
        values,
        [4, 8, 16],
        [50, 100, 400, 1600],
        np.full(values.shape, 0.012),
        "width",
        "labels",
        positive="one trunk is better",
        negative="three are better",
    )


def model_diagram(change=0, tasks=TASKS):
    return show.model_diagram((mtl.Separate if change else mtl.Hard)(tasks, mtl.nets.conv(4)))


def bars(change=0.0):
    weights = [157_000, 54_000 + 200_000 * change, 52_000]
    table = pd.DataFrame({"way": ["Separate", "Hard", "Pooled"], "weights": weights})
    return show.bars(table, "weights", "way", title="Number of weights")


def neighbours(change=0):
    """Three pictures, of which two find their words among three; after the change one does."""
    names = ["red circle", "face with tears of joy", "flag of a land far away", NASTY, "owl"]
    nearest = np.array([[3, 0, 1], [4, 2, 0], [2, 1, 0], [0, 1, 2], [0, 1, 2]])
    nearest[0] = [3, 4, 1] if change else nearest[0]
    return show.neighbours(some_pictures(5), names, nearest, rows=[0, 1, 2], title="What a picture finds")


def paired(change=0.0):
    steps = np.array([-0.01, 0.0, 0.004, 0.008, -0.002])
    on_garment = mtl_claim("one trunk is better on garment", 0.05 + steps)
    on_colour = mtl_claim("it is better on colour", change + steps)
    return show.paired([on_garment, on_colour], title="One trunk against three")


def graph(change=0):
    """Two triangles that a tie joins; the network calls one node of the second what the first are, or all of it."""
    ties, side = np.kron(np.eye(2), 1 - np.eye(3)), np.arange(6) // 3
    ties[2, 3] = ties[3, 2] = 0.5
    said = {"side": np.where(np.arange(6) == 5, 0, side) * (1 - change), "distance": np.arange(6) / 2}
    names = {"side": ("left", "right")}
    return show.graph(ties, None, said, classes=names, truth={"side": side}, ringed=[0, 3], title="Two triangles")


def mtl_claim(text, differences, unit="%"):
    """What is drawn of a claim."""
    mean, low, high = map(float, style.interval(differences))
    verdict = "supported" if low > 0 else "contradicted" if high < 0 else "undecided"
    parts = {"mean": mean, "low": low, "high": high, "verdict": verdict, "unit": unit}
    return SimpleNamespace(text=text, differences=differences, **parts)


# figure → (how it is changed, what its alt text names as the largest, before and after the change)
FIGURES = {
    ready: (1, "3 check marks", "4 check marks"),
    pictures: (1, "class 3", "sandal"),
    answers: (1, "colour on ≈ 100 %", "colour on ≈ 0 %"),
    learning_curves: (0.45, "way up from ≈ 18 % to ≈ 46 %", "way up from ≈ 36 % to ≈ 90 %"),
    schools: (-0.3, "least at λ = 1:", "least at λ = 0.3"),
    probe_matrix: (0.7, "Most: way up from way up, ≈ 88 %", "Most: colour from garment, ≈ 94 %"),
    map_of_differences: (
        0.2,
        "better): ≈ 5.0 percentage points at width 16, labels 1600",
        "better): ≈ 12 percentage points at width 4, labels 50",
    ),
    model_diagram: (1, "A Hard model", "none of them used by more than one task"),
    bars: (1, "Most: Separate, ≈ 157,000", "Most: Hard, ≈ 254,000"),
    graph: (1, "Right on ≈ 3 of the 4 nodes without a ring", "Right on ≈ 2 of the 4 nodes"),
    neighbours: (1, "among them for ≈ 2 of 3", "among them for ≈ 1 of 3"),
    paired: (-0.2, "of “one trunk is better on garment”, is ≈ 5.0", "of “it is better on colour”, is ≈ −20"),
}
each = pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.__name__)


def quarter(drawing, scale=4):
    """The drawing in grey levels 0 to 1, blurred and at a quarter of its size."""
    png = drawing._png or render(drawing.figure, "png", style.DPI)
    image = Image.open(io.BytesIO(png)).convert("RGB").filter(ImageFilter.GaussianBlur(3))
    return image.resize((max(1, image.width // scale), max(1, image.height // scale)), Image.Resampling.BOX)


def distance(one, two):
    """Root mean square of the difference of two pictures, 0 to 1, in the ninth where they differ most.

    Over a whole figure, which is mostly paper, a moved curve would hardly count.
    """
    one, two = (np.asarray(image, float) / 255 for image in (one, two))
    squares = ((one - two) ** 2).mean(-1)
    parts = [part for rows in np.array_split(squares, 3, axis=0) for part in np.array_split(rows, 3, axis=1)]
    return math.sqrt(max(part.mean() for part in parts))


CLOSE = 0.03


# What a figure looks like


@each
def test_a_figure_looks_as_it_did(figure):
    stored = PICTURES / f"{figure.__name__}.png"
    assert stored.stat().st_size < 60_000
    now, reference = quarter(figure()), Image.open(stored).convert("RGB")
    assert now.size == reference.size
    assert distance(now, reference) < CLOSE


@pytest.mark.parametrize(
    "figure", [figure for figure in FIGURES if figure not in (pictures, neighbours)], ids=lambda figure: figure.__name__
)
def test_the_look_of_a_figure_depends_on_its_data(figure):
    """The comparison above would fail if a curve, a bar or a cell moved. (In two, only a caption changes.)"""
    change = FIGURES[figure][0]
    moved, reference = quarter(figure(change)), Image.open(PICTURES / f"{figure.__name__}.png").convert("RGB")
    assert moved.size != reference.size or distance(moved, reference) > 1.5 * CLOSE


def test_a_small_step_of_one_curve_is_seen():
    moved = quarter(learning_curves(0.1))
    assert distance(moved, Image.open(PICTURES / "learning_curves.png").convert("RGB")) > CLOSE


def test_another_rendering_of_the_letters_is_not_taken_for_a_change():
    drawing = learning_curves()
    before = quarter(drawing)
    with style.style():
        for text in drawing.figure.findobj(matplotlib.text.Text):
            text.set_fontsize(text.get_fontsize() * 1.04)  # as another version of the font would
    drawing.figure.set_layout_engine("none")
    assert distance(before, quarter(drawing)) < CLOSE


@each
def test_nothing_is_cut_off(figure):
    """Every text that is shown lies inside the figure."""
    drawing = figure()
    drawing.png()
    with style.style():
        drawing.figure.draw_without_rendering()
        renderer = drawing.figure.canvas.get_renderer()
        texts, unseen = drawing.figure.findobj(matplotlib.text.Text), set()
        for ax in drawing.figure.axes:
            for axis in (ax.xaxis, ax.yaxis) if ax.axison else ():
                low, high = sorted(axis.get_view_interval())
                unseen |= {
                    id(text)
                    for text, at in zip(axis.get_ticklabels(), axis.get_ticklocs(), strict=False)
                    if not low <= at <= high
                }
            if not ax.axison:
                unseen |= {id(text) for axis in (ax.xaxis, ax.yaxis) for text in axis.findobj(matplotlib.text.Text)}
        edge = drawing.figure.bbox
        for text in texts:
            if not text.get_text() or not text.get_visible() or id(text) in unseen:
                continue
            box = text.get_window_extent(renderer)
            inside = edge.x0 - 1 <= box.x0 and box.x1 <= edge.x1 + 1 and edge.y0 - 1 <= box.y0 and box.y1 <= edge.y1 + 1
            assert inside, f"{text.get_text()!r} at {box} is outside {edge}"


# What a figure says


@each
def test_the_alt_text_names_what_is_largest_and_follows_the_data(figure):
    change, before, after = FIGURES[figure]
    assert before in figure().alt
    assert after not in figure().alt
    assert after in figure(change).alt


@each
def test_an_alt_text_is_short_and_has_no_raw_number(figure):
    for change in (0, FIGURES[figure][0]):
        alt = figure(change).alt
        assert 30 < len(alt) < 700
        assert alt[0] != " "
        assert alt.endswith(".")
        assert not re.search(r"\b[Nn]a[Nn]\b|\binf\b|\d\.\d{4,}|None", alt)


def test_an_alt_text_holds_no_nan_where_data_do():
    table = history()
    table.loc[table.task == "colour", "score"] = np.nan
    empty = table.assign(score=np.nan)
    values = np.array([[0.5, np.nan], [np.nan, 0.2]])
    drawings = [
        show.learning_curves(table, tasks=TASKS),
        show.learning_curves(empty, tasks=TASKS),
        show.probe_matrix(values, ["a", "b"], ["a", "b"], floors={"pixels": [0.1, np.nan]}),
        show.probe_matrix(np.full((1, 1), np.nan), ["a"], ["a"]),
        show.map_of_differences(values - 0.3, ["a", "b"], ["c", "d"], row_name="width", column_name="labels"),
        show.bars(pd.DataFrame({"way": ["Hard", "Soft"], "s": [1.0, np.nan]}), "s", "way", "s"),
    ]
    for drawing in drawings:
        assert drawing.png().startswith(b"\x89PNG")
        assert not re.search(r"nan", drawing.alt, re.IGNORECASE)


def test_an_answer_without_a_label_is_not_judged():
    labels = {"colour": torch.tensor([0, -1])}
    drawing = show.answers(some_pictures(2), TASKS[1:2], {"colour": torch.eye(6)[:2]}, labels)
    assert "Answered right: colour on ≈ 100 % of them" in drawing.alt
    labels = {"colour": torch.tensor([-1, -1])}
    assert "right" not in show.answers(some_pictures(2), TASKS[1:2], {"colour": torch.eye(6)[:2]}, labels).alt


def test_a_word_is_marked_where_it_is_the_pictures_own_and_told_on_request():
    for change, own in ((0, {"red circle", "flag of a land far away"}), (1, {"flag of a land far away"})):
        texts = neighbours(change).figure.axes[0].texts
        bold = {text.get_text() for text in texts if text.get_weight() == "bold"}
        assert bold >= own | {"✓"}
        assert ("red circle" in bold) == ("red circle" in own)
    assert "red circle: <b>" in neighbours().alt
    x, names, nearest = some_pictures(2), ["a star", "an owl"], np.array([[1], [0]])
    others = show.neighbours(x, names, np.array([[1, 0], [0, 1]]), rows=[1, 0])
    bold = [text.get_text() for text in others.figure.axes[0].texts if text.get_weight() == "bold"]
    assert bold == ["✓", "an owl", "✓", "a star"]  # by the picture's number, not by its place in the figure
    assert "for ≈ 2 of 2" in others.alt
    assert "for ≈ 1 of 2" in show.neighbours(x, names, np.array([[1], [1]]), rows=[1, 0]).alt
    assert "a star: an owl" in show.neighbours(x, names, nearest).alt
    quiet = show.neighbours(x, names, nearest, tell=False).alt
    assert (
        quiet == "2 pictures, beside each the nearest word. Its own word is among them for ≈ 0 of 2: a star and an owl."
    )
    assert len(show.neighbours(x, names, nearest, rows=[1]).figure.axes[0].images) == 2


def test_answers_of_yes_or_no_and_of_how_much():
    tasks = mtl.Binary("new"), mtl.Regression("price")
    outputs = {"new": torch.tensor([[2.0], [-2.0]]), "price": torch.tensor([[3.0], [4.0]])}
    labels = {"new": torch.tensor([1, 1]), "price": torch.tensor([3.5, float("nan")])}
    drawing = show.answers(some_pictures(2), tasks, outputs, labels)
    shown = [text.get_text() for text in drawing.figure.findobj(matplotlib.text.Text)]
    assert {"yes", "no", "is: yes", "3.00", "is: 3.50", "88 %"} <= set(shown)
    assert "Answered right: new on ≈ 50 % of them" in drawing.alt


class Lenient(Classification):
    """Right where the label is among the two answers it holds likeliest; half right where it is the third."""

    def merits(self, outputs, labels):
        place = (outputs.argsort(-1, descending=True) == labels[..., None]).long().argmax(-1)
        return (place < 2).to(outputs.dtype) + 0.5 * (place == 2)


class Careful(mtl.Binary):
    """Says yes where it is all but certain."""

    def merits(self, outputs, labels):
        return ((outputs.squeeze(-1) > 3) == (labels == 1)).to(outputs.dtype)


def test_right_and_wrong_are_what_the_task_itself_says():
    lenient, careful = Lenient("l", list("abcd")), Careful("c")
    outputs = {"l": torch.tensor([[3.0, 2, 1, 0]] * 5), "c": torch.tensor([[4.0], [2.0], [2.0], [-4.0], [4.0]])}
    labels = {"l": torch.tensor([0, 1, 2, 3, -1]), "c": torch.tensor([1, 1, 0, 0, -1])}
    told = {
        task.name: [
            sheets.Answer(task, y, label) for y, label in zip(outputs[task.name], labels[task.name], strict=True)
        ]
        for task in (lenient, careful)
    }
    assert [one.right for one in told["l"]] == [True, True, None, False, None]
    assert [one.instead for one in told["l"]] == ["", "b", "c", "d", ""]
    assert [one.right for one in told["c"]] == [True, False, True, True, None]
    drawing = show.answers(some_pictures(5), (lenient, careful), outputs, labels)
    assert "l on ≈ 67 % and c on ≈ 75 % of them" in drawing.alt
    for task in (lenient, careful):  # the alt text agrees with the score, where each answer is right or wrong
        known = [i for i, one in enumerate(told[task.name]) if one.right is not None]
        score = float(task.score(outputs[task.name][None, known], labels[task.name][None, known]))
        assert score == pytest.approx(np.mean([told[task.name][i].right for i in known]))


def test_answers_are_judged_in_the_precision_they_have():
    """Two outputs that float32 cannot tell apart, and one that is above 0 by less than a sigmoid shows."""
    y = torch.tensor([[1.0, 1.0 + 1e-12]], dtype=torch.float64)
    drawing = show.answers(some_pictures(1), [Classification("k", ["a", "b"])], {"k": y}, {"k": torch.tensor([1])})
    assert "Answered right: k on ≈ 100 %" in drawing.alt
    one = sheets.Answer(mtl.Binary("x"), torch.tensor([1e-9]), torch.tensor(1))
    assert (one.text, one.right, one.instead) == ("yes", True, "")
    half = show.answers(
        some_pictures(1), [mtl.Binary("x")], {"x": torch.tensor([[2.0]]).bfloat16()}, {"x": torch.tensor([1])}
    )
    assert "x on ≈ 100 %" in half.alt


def test_chance_is_drawn_where_the_score_is_the_accuracy_we_know():
    class Focal(Classification):
        def losses(self, outputs, labels):
            return super().losses(outputs, labels) ** 2

    kinds = [
        *(kind("a", list("xyzw")) for kind in (Classification, Focal, Lenient)),
        mtl.Binary("a"),
        Careful("a"),
        mtl.Regression("a"),
        None,
    ]
    assert [curves.chance_level(task) for task in kinds] == [0.25, 0.25, None, 0.5, None, None, None]
    for task, drawn_it in zip(kinds[:3], (True, True, False), strict=True):
        drawing = show.learning_curves(history(names=["a"]), tasks=[task])
        texts = {text.get_text() for text in drawing.figure.findobj(matplotlib.text.Text)}
        assert ("chance" in texts) == drawn_it


# Pictures of any range


def pictures_from(low, high, kind=torch.float32, seed=0, shape=(4, 3, 5, 6)):
    """Random pictures that reach both ends, but for rounding."""
    x = torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    x = (x - x.min()) / (x.max() - x.min()) * (high - low) + low
    return x.to(kind) if kind.is_floating_point else x.round().to(kind)


def shown(x):
    """As they are drawn, in the shape they came in; a warning is an error here."""
    return torch.from_numpy(sheets.as_images(x)).permute(0, 3, 1, 2)


FLOATS, WHOLE = (torch.float64, torch.float32, torch.float16, torch.bfloat16), (torch.uint8, torch.int16, torch.int64)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", FLOATS)
@pytest.mark.parametrize(("low", "high"), [(0, 1), (0.2, 0.7), (-9e-4, 1 + 9e-4), (0, 0)])
def test_pictures_of_0_to_1_are_shown_as_they_are(low, high, kind, seed):
    x = pictures_from(low, high, kind, seed)
    assert (shown(x) == x.float().clamp(0, 1)).all()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("kind", "low", "high"),
    [
        *((kind, low, high) for kind in (*FLOATS, *WHOLE) for low, high in ((0, 255), (3, 90))),
        *((kind, 0, 2) for kind in WHOLE),
        (torch.uint8, 0, 1),
        (torch.float32, -0.2, 255.2),
    ],
)
def test_pictures_of_0_to_255_are_divided(kind, low, high, seed):
    x = pictures_from(low, high, kind, seed)
    assert torch.allclose(shown(x), (x.float() / 255).clamp(0, 1), atol=1e-6)


@pytest.mark.parametrize("kind", [torch.bool, torch.int16, torch.int32, torch.int64, torch.float32])
def test_black_and_white_is_0_and_1(kind):
    x = pictures_from(0, 1, torch.int64).to(kind)
    assert (shown(x) == x.float()).all()
    assert set(shown(x).unique().tolist()) == {0, 1}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("kind", "low", "high"),
    [
        *(
            (kind, low, high)
            for kind in FLOATS
            for low, high in ((-2.1, 2.6), (-1, 1), (-0.3, 0.4), (0, 1.5), (0, 16), (0.5, 300), (-40, 200), (-3, -1))
        ),
        (torch.int16, 0, 4095),
        (torch.int64, -1, 1),
        (torch.int8, -100, 100),
    ],
)
def test_others_are_stretched_in_order_and_said_once(kind, low, high, seed):
    x = pictures_from(low, high, kind, seed)
    with pytest.warns(UserWarning, match="these pictures run from .* to see them as they were") as told:
        y = shown(x)
    assert len(told) == 1
    assert ("undo the normalisation, x * std + mean" in str(told[0].message)) == (low < 0)
    assert (float(y.min()), float(y.max())) == pytest.approx((0, 1), abs=1e-6)
    wanted = (x.double() - x.min().double()) / (x.max().double() - x.min().double())
    assert torch.allclose(y.double(), wanted, atol=1e-5)


def test_the_ends_are_named_as_a_figure_names_numbers():
    x = pictures_from(-2.1, 2.6)
    words = "run from −2.10 to 2.60, and were stretched to run from 0 to 1: undo the normalisation"
    with pytest.warns(UserWarning, match=words) as told:
        show.pictures(x)
    assert told[0].filename == __file__  # the learner's line, not one of ours


@pytest.mark.parametrize(
    "draw",
    [
        lambda x: show.pictures(x, list("abcd")),
        lambda x: show.ready({"a": "b"}, x),
        lambda x: show.answers(x, [mtl.Binary("k")], {"k": torch.zeros(4, 1)}, {"k": torch.zeros(4, dtype=torch.long)}),
        lambda x: show.attributions(x, {"hard": {"a": torch.rand(4, 5, 6), "b": torch.rand(4, 5, 6)}}),
        lambda x: show.units(x, {"a": torch.tensor([[0, 1], [2, 3]])}),
    ],
    ids=["pictures", "ready", "answers", "attributions", "units"],
)
def test_every_figure_of_pictures_shows_normalised_ones_and_says_so_once(draw):
    x = pictures_from(0, 1)
    mean, std = x.mean((0, 2, 3), keepdim=True), x.std((0, 2, 3), keepdim=True)
    with pytest.warns(UserWarning, match="undo the normalisation") as told:
        drawing = draw((x - mean) / std)
    assert len(told) == 1
    images = np.concatenate([np.asarray(image.get_array()).ravel() for image in drawing.figure.findobj(AxesImage)])
    assert np.isin(images, (0, 1)).mean() < 0.05  # clipped, 40 % were black or white


def test_numbers_that_are_none_do_not_decide_the_range():
    x = pictures_from(0, 1)
    x[0, 0, 0, :3] = torch.tensor([math.nan, math.inf, -math.inf])
    y = shown(x)
    assert y[0, 0, 0, :3].tolist() == [0, 1, 0]
    assert (y[1:] == x[1:]).all()
    far = 255 * x
    assert shown(far)[0, 0, 0, :3].tolist() == [0, 1, 0]
    assert torch.allclose(shown(far)[1:], x[1:], atol=1e-6)
    with pytest.warns(UserWarning, match="stretched"):
        assert shown(4 * x - 2)[0, 0, 0, :3].tolist() == [0, 1, 0]
    assert (shown(torch.full((1, 3, 2, 2), math.nan)) == 0).all()


# Names that learners give


class Images(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))


def nasty():
    tasks = (Classification(NASTY, ["<i>", "$\\frac{"]), Classification("b", ["x", "$y"]))
    n = 2
    labels, outputs = {t.name: torch.tensor([0, 1]) for t in tasks}, {t.name: torch.eye(2) for t in tasks}
    names = [NASTY, "b"]
    lines = list(schools_data())
    lines[5], lines[6] = [NASTY, *lines[5][1:]], {NASTY: lines[6]["school 1"]}
    yield show.ready({NASTY: NASTY}, some_pictures(n), tell=True)
    yield show.pictures(some_pictures(n), [NASTY, "$"], title=NASTY)
    yield show.answers(some_pictures(n), tasks, outputs, labels)
    yield show.learning_curves(history(names=names), tasks=tasks, title=NASTY)
    yield show.schools(*lines, x_name=NASTY)
    yield show.probe_matrix(np.eye(2), names, names)
    yield show.map_of_differences(np.eye(2) - 0.5, names, names, row_name=NASTY, column_name="$", unit=NASTY)
    yield model_diagram(tasks=tasks)
    yield show.bars(pd.DataFrame({"a": names, "b": [2, 1]}), "b", "a", "s", title=NASTY)
    yield show.paired([(NASTY, [1.0, 2.0, 4.0])], title=NASTY)


def test_names_of_learners_are_shown_as_they_are():
    for drawing in nasty():
        ((tag, attributes),) = Images(drawing._repr_html_()).tags
        assert tag == "img"
        assert attributes["alt"] == drawing.alt
        assert attributes["src"].startswith("data:image/png;base64,")
        assert "max-width:100%" in attributes["style"]
        shown = [text for text in drawing.figure.findobj(matplotlib.text.Text) if "$" in text.get_text()]
        assert not any(text.get_parse_math() for text in shown)
        if NASTY in drawing.alt:
            assert html.escape(NASTY) in drawing._repr_html_()
            assert NASTY not in drawing._repr_html_()
    assert sum(NASTY in drawing.alt for drawing in nasty()) >= 8


def test_long_names_and_many_tasks_find_room():
    long = Classification("a task with a name that goes on and on and never seems to reach its end", ["x", "y"])
    tasks = (long, *(Classification(f"task {i}", ["x", "y"]) for i in range(5)))
    names = [task.name for task in tasks]
    for drawing in (
        show.learning_curves(history(names=names), tasks=tasks),
        model_diagram(1, tasks),
        show.learning_curves(history(names=[f"school {i}" for i in range(30)], seeds=1)),
        show.probe_matrix(np.eye(6), names, names),
    ):
        assert drawing.figure.get_figwidth() <= style.WIDTH
        assert drawing.png()


# The notebook


@each
def test_no_figure_is_left_with_pyplot(figure):
    drawing = figure()
    drawing._repr_html_()
    assert plt.get_fignums() == []
    assert type(drawing.figure) is Figure


def test_a_notebook_shows_a_drawing_once():
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    try:
        from IPython.core.pylabtools import select_figure_formats

        select_figure_formats(shell, {"png"})
        data, _ = shell.display_formatter.format(bars())
    finally:
        InteractiveShell.clear_instance()
    assert set(data) == {"text/plain", "text/html"}
    assert data["text/plain"] == f"Drawing: {bars().alt}"


def test_a_learners_settings_are_untouched_and_do_not_matter():
    plain = quarter(learning_curves())
    own = {"font.size": 30, "axes.facecolor": "black", "text.parse_math": True, "lines.linewidth": 9}
    with matplotlib.rc_context(own):
        before = dict(matplotlib.rcParams)
        assert distance(plain, quarter(learning_curves())) == 0
        assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_a_drawing_can_be_saved(tmp_path, ending):
    path = tmp_path / f"figure.{ending}"
    bars().save(path)
    assert path.stat().st_size > 1000


@each
def test_no_letter_is_smaller_than_12_points(figure):
    texts = [text for text in figure().figure.findobj(matplotlib.text.Text) if text.get_text()]
    assert min(text.get_fontsize() for text in texts) >= 12
    assert figure().figure.get_figwidth() <= style.WIDTH


# Style


def test_a_task_has_one_colour_in_the_whole_course():
    assert show.colour_of("colour") == show.colour_of("colour", ["way up", "garment"]) == "#D55E00"
    assert style.colours_of(["x", "garment", "y"])["garment"] == style.OF_TASKS["garment"]
    for names in (["x", "y", "z", "garment"], [f"task {i}" for i in range(6)], [*NAMES, "x", "y", "z"]):
        assert len(set(style.colours_of(names).values())) == len(names)
        assert style.colours_of(names) == {name: show.colour_of(name, names) for name in names}


def test_ways_of_sharing_differ_by_marker():
    ways = ["Separate", "Pooled", "Hard", "Soft", "Hierarchical", "SharedPrivate", "LowRank", "my own", "my other"]
    ways += ["CrossStitch", "Attention", "Experts", "Learnt"]
    assert len(set(style.markers_of(ways).values())) == len(ways)
    assert style.markers_of(["Hard"]) == {"Hard": style.markers_of(ways)["Hard"]}


def test_text_has_enough_contrast():
    for colour in [*style.OF_TASKS.values(), *style.OTHERS, style.GREY, style.RIGHT, style.WRONG]:
        assert 1.05 / (style.luminance(style.for_text(colour)) + 0.05) >= 4.5


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.64, "%", "≈ 64 %"),
        (-0.312, "", "≈ −0.31"),
        (-0.0001, "%", "≈ 0 %"),
        (1204.4, "", "≈ 1,204"),
        (0.001234, "s", "≈ 0.001 s"),
        (12.34, "s", "≈ 12.3 s"),
        (math.nan, "%", "unknown"),
        (math.inf, "", "≈ ∞"),
        (0, "", "≈ 0.00"),
        (-1e-12, "", "≈ −1e−12"),
        (2.4e-4, "", "≈ 2e−4"),
    ],
)
def test_how_a_number_is_written(value, unit, text):
    assert style.about(value, unit) == text


# Schools and the slider


def test_the_slider_moves_the_same_picture_and_leaves_the_old_drawing_alone():
    data = schools_data()
    picture = show.SchoolsPicture(*data)
    first = picture.update(2)
    before = first.png()
    artists = [id(artist) for artist in picture.figure.findobj()]
    second = picture.update(-1)
    assert first.png() == before != second.png()
    assert [id(artist) for artist in picture.figure.findobj()] == artists
    assert "All lines coincide" in second.alt
    assert distance(quarter(picture.update(2)), quarter(first)) == 0


def test_the_quick_picture_is_the_whole_picture():
    picture = show.SchoolsPicture(*schools_data())
    drawing = picture.update(4)
    whole = show.Drawing(drawing.figure, drawing.alt)
    assert distance(quarter(drawing), quarter(whole)) < 0.005


def test_a_curve_that_is_not_revealed_shows_only_what_was_visited():
    data = schools_data()
    picture = show.SchoolsPicture(*data, reveal=False, visited=[1])
    picture.update(3)
    drawing = picture.update(8)
    assert picture.visited == [1, 3, 8]
    assert sorted(picture.seen.get_ydata()) == sorted(data[4][[1, 3, 8]])
    assert "Of all λ tried so far (3)" in drawing.alt
    assert "λ = 1:" not in drawing.alt  # where the least error is, nobody has been yet
    whole = [line for ax in picture.figure.axes for line in ax.lines if len(line.get_xdata()) == len(data[3])]
    assert whole == []


def test_zero_and_infinity_stand_beyond_the_powers_of_ten():
    picture = show.SchoolsPicture(*schools_data())
    assert (np.diff(picture.places) > 0).all()
    labels = [label.get_text() for label in picture.figure.axes[1].get_xticklabels()]
    assert {"0", "0.01", "1", "100", "∞"} <= set(labels)


# What is drawn from a live model


def test_a_diagram_has_a_box_for_each_group_with_its_number_of_weights():
    tasks = tuple(Classification(name, ["x", "y", "z"]) for name in "abc")

    class Branch(mtl.sharing.Sharing):
        def owners(self, depth):
            return [[0, 0, 0], [0, 1, 0], [0, 1, 2]][depth]

    model = Branch(tasks, mtl.nets.conv(4))
    texts = [text.get_text() for text in show.model_diagram(model).figure.findobj(matplotlib.text.Text)]
    assert [texts.count(name) for name in ("conv1", "conv2", "linear")] == [1, 2, 3]
    counts = [int(text.replace(",", "")) for text in texts if re.fullmatch(r"[\d,]+", text)]
    assert sum(counts) == model.size()


@pytest.mark.parametrize("owners", [[0, 0, 0, 0, 0, 0], [0, 1, 2, 3, 4, 5], [0, 1, 0, 1, 0, 1], [0, 0, 1, 2, 2, 2]])
def test_boxes_do_not_overlap(owners):
    tasks = tuple(Classification(f"task {i}", ["x", "y"]) for i in range(6))

    class Plan(mtl.sharing.Sharing):
        def owners(self, depth):
            return owners if depth else [0, 0, 0, 1, 1, 1]

    drawing = show.model_diagram(Plan(tasks, mtl.nets.conv(4)))
    boxes = [patch.get_bbox() for patch in drawing.figure.findobj(matplotlib.patches.FancyBboxPatch)]
    assert len(boxes) >= 10
    assert all(box.x0 >= 0 and box.x1 <= drawing.figure.get_figwidth() for box in boxes)
    for i, one in enumerate(boxes):
        for two in boxes[:i]:
            apart = one.x1 <= two.x0 + 1e-9 or two.x1 <= one.x0 + 1e-9 or abs(one.y0 - two.y0) > 0.5
            assert apart


def test_a_deep_trunk_is_drawn_in_few_boxes():
    layers = [torch.nn.Linear(4, 4) for _ in range(20)]
    model = mtl.Hard(TASKS, torch.nn.Sequential(*layers))
    drawing = show.model_diagram(model)
    assert drawing.figure.get_figheight() < 6
    assert "0 … 19" in drawing.alt


def test_runs_are_drawn_with_their_tasks():
    world = mtl.data.schools(20)
    run = mtl.fit(mtl.Hard(world.tasks, mtl.nets.linear(2, 2)), world, epochs=2, progress=False)
    drawing = show.learning_curves(run)
    assert f"{len(world.tasks)} tasks" in drawing.figure.axes[0].get_title(loc="left")
    assert "mean squared error" in drawing.figure.axes[0].get_ylabel()
    few = tuple(world.tasks[:2])
    splits = {}
    for name in ("train", "validation", "test"):
        split = getattr(world, name)
        splits[name] = mtl.data.Split(*({t.name: part[t.name] for t in few} for part in (split.x, split.labels)))
    small = replace(world, tasks=few, **splits)
    runs = [
        mtl.fit(way(few, mtl.nets.linear(2, 2)), small, epochs=2, seed=s, progress=False)
        for way in (mtl.Hard, mtl.Separate)
        for s in (0, 1)
    ]
    assert "for Hard and Separate" in show.learning_curves(runs).alt


# Refused


@pytest.mark.parametrize(
    ("draw", "says"),
    [
        (lambda: show.pictures(torch.zeros(2, 5, 4, 4)), "expected pictures"),
        (lambda: show.pictures(some_pictures(2), ["one"]), "2 pictures and 1 captions"),
        (lambda: show.neighbours(some_pictures(2), ["a"], np.zeros((2, 1), int)), "there are 2 pictures"),
        (lambda: show.neighbours(some_pictures(2), ["a", "b"], np.zeros(2, int)), r"nearest \(n, k\)"),
        (lambda: show.neighbours(some_pictures(2), ["a", "b"], np.full((2, 1), 2)), "there is no 2"),
        (lambda: show.neighbours(some_pictures(2), ["a", "b"], np.zeros((2, 1), int), rows=[-1]), "there is no -1"),
        (lambda: show.neighbours(some_pictures(2), ["a", "b"], np.zeros((2, 1), int), rows=[]), "no picture"),
        (lambda: show.learning_curves(pd.DataFrame({"epoch": [1]})), "missing"),
        (lambda: show.learning_curves([]), "no history"),
        (lambda: show.probe_matrix(np.zeros((2, 2)), ["a"], ["b", "c"]), "expected values of shape"),
        (lambda: show.map_of_differences(np.zeros((1, 1)), ["a"], ["b"], np.zeros(3)), "intervals must be"),
        (lambda: show.bars(pd.DataFrame({"a": [1]}), "b", "a"), "it has"),
        (lambda: show.graph(np.eye(2)[[0, 0]]), "must be symmetric"),
        (lambda: show.graph(np.zeros((2, 2)), np.zeros((3, 2))), r"must be finite and \(2, 2\)"),
        (lambda: show.graph(np.zeros((2, 2)), panels={"a": [1]}), "panel 'a': expected a value for each of 2"),
        (lambda: show.graph(np.zeros((2, 2)), ringed=[2]), r"rings around \[2\]"),
        (lambda: show.paired([]), "no claim"),
        (lambda: show.paired([("a", [1.0, math.nan])]), "finite"),
        (lambda: show.paired([mtl_claim("a", np.ones(3)), mtl_claim("b", np.ones(3), "s")]), "one unit"),
        (lambda: show.SchoolsPicture((0, 1), np.zeros((2, 3, 2)), [0, 1], [1, 0], [0, 0], list("abc"), {}), "ascend"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_words(draw, says):
    with pytest.raises(ValueError, match=says):
        draw()


if __name__ == "__main__":
    PICTURES.mkdir(exist_ok=True)
    for each_figure in FIGURES:
        quarter(each_figure()).save(PICTURES / f"{each_figure.__name__}.png", optimize=True)


def test_a_small_share_of_weights_is_not_rounded_to_none():
    """A branch after the first layer shares 0.1 % of the weights, and a picture that says 0 % would contradict."""
    world = mtl.data.questions(n_train=10)
    drawing = show.model_diagram(mtl.Hierarchical(world.tasks, mtl.nets.conv(8), branch="conv2"))
    assert "0.1 % shared" in " ".join(text.get_text() for text in drawing.figure.axes[0].texts)
    assert "0.1 % of them used by more than one" in drawing.alt
