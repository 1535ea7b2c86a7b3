"""Letters that the course's font lacks: drawn in a font that has them, else as their code, never as the same box.

Fonts are those that come with matplotlib, whatever the machine has, and tiny ones that are built here.
"""

import io
import warnings

import matplotlib
import numpy as np
import pandas as pd
import pytest
import torch
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib import font_manager
from matplotlib.font_manager import FontProperties
from matplotlib.text import Text
from PIL import Image
from test_show import FIGURES, schools_data, some_pictures

from mtl_lesson import Classification, show
from mtl_lesson.show import fonts, style
from mtl_lesson.show.drawing import render
from mtl_lesson.show.style import breadth, canvas, shortened

CAT, DOG, BIRD = "猫犬鳥"
CODES = {CAT: "⟨732B⟩", DOG: "⟨72AC⟩", BIRD: "⟨9CE5⟩"}
PLAIN = FontProperties(family=["DejaVu Sans"], size=12)


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    """A machine that has the fonts of matplotlib alone, and a learner who has been told nothing yet."""
    own = [entry for entry in font_manager.fontManager.ttflist if entry.fname.startswith(matplotlib.get_data_path())]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", own)
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda *_: [])
    monkeypatch.setattr(fonts, "_known", {})
    monkeypatch.setattr(fonts, "_told", set())
    fonts.add_new_fonts.cache_clear()
    yield
    fonts.add_new_fonts.cache_clear()


def build(path, family, letters, empty=False):
    """A font with a shape of its own for each letter: as many corners, and as broad, as its place says."""
    glyphs, widths = {".notdef": TTGlyphPen(None).glyph()}, {".notdef": (500, 0)}
    for number in range(len(letters)):
        pen = TTGlyphPen(None)
        if not empty:
            turns = np.linspace(0, 2 * np.pi, 4 + number)[:-1]
            corners = [(int(400 + 350 * np.sin(turn)), int(350 + 350 * np.cos(turn))) for turn in turns]
            pen.moveTo(corners[0])
            for corner in corners[1:]:
                pen.lineTo(corner)
            pen.closePath()
        glyphs[f"g{number}"], widths[f"g{number}"] = pen.glyph(), (1000 + 500 * number, 50)
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(list(glyphs))
    builder.setupCharacterMap({ord(letter): f"g{number}" for number, letter in enumerate(letters)})
    builder.setupGlyf(glyphs)
    builder.setupHorizontalMetrics(widths)
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": family, "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(path)
    return str(path)


@pytest.fixture
def tiny(tmp_path):
    """A font with a cat and a dog is installed."""
    font_manager.fontManager.addfont(build(tmp_path / "tiny.ttf", "Tiny", CAT + DOG))


def written(text, size=40):
    """A text, drawn: grey levels (h, w)."""
    figure = canvas(6, 1, layout=None)
    with style.style():
        figure.text(0.1, 0.3, text, fontsize=size)
    return np.asarray(Image.open(io.BytesIO(render(figure, "png", 100))).convert("L"))


def texts(drawing):
    return {text.get_text() for text in drawing.figure.findobj(Text)}


def with_names():
    """A figure whose letters stand in a title, beside ticks, and in a legend."""
    rows = [{"way": way, "task": task, "score": 0.5, "seed": 0} for way in (CAT, DOG, "Hard") for task in (BIRD, "b")]
    return show.along(pd.DataFrame(rows), "way", line="task", title=f"{DOG} and {CAT}")


# Without a font


def test_letters_that_no_font_has_are_written_as_their_codes_and_told_once():
    drawing = show.pictures(some_pictures(3), [CAT, DOG, f"a {BIRD}"], title=CAT)
    with pytest.warns(UserWarning, match="fonts-noto-cjk") as told:
        drawing.png()
    (said,) = (str(one.message) for one in told)
    assert f"a font that has {' '.join(sorted(CAT + DOG + BIRD))}, such as Noto Sans CJK" in said
    assert said.endswith("restart the kernel")
    assert {*CODES.values(), f"a {CODES[BIRD]}"} - texts(drawing) == {CODES[BIRD]}
    assert drawing.alt == f"{CAT}. 3 pictures in 1 row: {CAT}; {DOG}; a {BIRD}."
    drawing.png()  # which tells it no second time, nor does another figure of these letters
    show.pictures(some_pictures(1), [DOG]).png()
    with pytest.warns(UserWarning, match="a font that has 外, such"):
        show.pictures(some_pictures(1), [f"外{DOG}"]).png()


def test_no_two_letters_look_alike_without_a_font():
    with pytest.warns(UserWarning, match="no font here"):
        looks = [written(letter) for letter in CAT + DOG + BIRD]
    assert (looks[0] != looks[1]).any()
    assert (looks[1] != looks[2]).any()
    assert (looks[0] == written(CODES[CAT])).all()


def test_tick_labels_and_legends_are_written_as_codes_each_time_they_are_drawn():
    drawing = with_names()
    with pytest.warns(UserWarning, match="no font here"):
        first = drawing.png()
    assert drawing.png() == first
    assert {CODES[CAT], CODES[DOG], CODES[BIRD], f"{CODES[DOG]} and {CODES[CAT]}"} <= texts(drawing)
    (ax,) = drawing.figure.axes
    assert [label.get_text() for label in ax.get_xticklabels()] == [CODES[CAT], CODES[DOG], "Hard"]


def test_what_is_measured_is_what_is_drawn():
    assert breadth(CAT) == breadth(CODES[CAT]) > 0
    cut = shortened(CAT * 9, 2.0)
    assert cut == CAT * (len(cut) - 1) + "…"
    assert 1.3 < breadth(cut) <= 2.0


# With one


@pytest.mark.usefixtures("tiny")
def test_letters_are_drawn_in_a_font_that_has_them():
    cat, dog = written(CAT), written(DOG)
    assert (cat != dog).any()
    assert min(cat.min(), dog.min()) < 128
    drawing = show.pictures(some_pictures(2), [f"a {CAT}", "a dog"])
    drawing.png()
    families = {text.get_text(): text.get_fontfamily() for text in drawing.figure.findobj(Text)}
    assert families[f"a {CAT}"] == ["DejaVu Sans", "Tiny"]
    assert families["a dog"] == ["DejaVu Sans"]
    bounds = np.where(cat < 128)
    assert np.ptp(bounds[1]) / 40 / 100 * 72 == pytest.approx(0.6, abs=0.05)  # a triangle 606 of 1000 wide
    with pytest.warns(UserWarning, match=f"a font that has {BIRD}, such"):
        written(f"{CAT}{BIRD}")  # each as far as there is one


@pytest.mark.usefixtures("tiny")
def test_ticks_legends_and_titles_have_it_too(caplog):
    drawing = with_names()
    with pytest.warns(UserWarning, match=BIRD):
        drawing.png()
    assert {CAT, DOG, f"{DOG} and {CAT}"} <= texts(drawing)  # the last is bold, which the font has not
    (ax,) = drawing.figure.axes
    assert {tuple(label.get_fontfamily()) for label in ax.get_xticklabels()} == {("DejaVu Sans", "Tiny")}
    assert not caplog.records


@pytest.mark.usefixtures("tiny")
def test_what_is_measured_has_the_breadth_of_that_font():
    assert breadth(CAT) == pytest.approx(12 / 72 * 1.0, rel=0.02)
    assert breadth(DOG) == pytest.approx(12 / 72 * 1.5, rel=0.02)


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("ending", ["svg", "pdf"])
def test_it_can_be_saved_with_such_letters(tmp_path, ending):
    path = tmp_path / f"figure.{ending}"
    show.pictures(some_pictures(2), [CAT, DOG], title=CAT).save(path)
    assert path.stat().st_size > 1000


def test_the_schools_are_called_by_their_letters():
    lines = list(schools_data())
    lines[5], lines[6] = [CAT, *lines[5][1:]], {CAT: lines[6]["school 1"]}
    with pytest.warns(UserWarning, match="no font here"):
        picture = show.SchoolsPicture(*lines)
    assert CODES[CAT] in texts(picture.update(3))
    assert picture.update(4).png()


def test_preferred_fonts_come_first_and_the_order_of_the_list_does_not_matter(tmp_path):
    for family in ("Aaa", "Noto Sans CJK XX", "Noto Serif CJK XX", "Zzz Sans"):
        font_manager.fontManager.addfont(build(tmp_path / f"{family}.ttf", family, CAT))
    font_manager.fontManager.addfont(build(tmp_path / "b.ttf", "Bbb", CAT + DOG))
    assert fonts.fit_text(CAT, PLAIN) == (CAT, ("Noto Sans CJK XX",), frozenset())
    assert fonts.fit_text(DOG + CAT, PLAIN).families == ("Bbb", "Noto Sans CJK XX")
    fonts._known.clear()
    font_manager.fontManager.ttflist.reverse()
    assert fonts.fit_text(CAT + DOG, PLAIN).families == ("Bbb", "Noto Sans CJK XX")


def test_fonts_that_draw_nothing_or_are_broken_are_passed_over(tmp_path):
    font_manager.fontManager.addfont(build(tmp_path / "e.ttf", "Noto Empty", CAT, empty=True))
    font_manager.fontManager.addfont(build(tmp_path / "b.ttf", "Noto Broken", CAT))
    font_manager.fontManager.addfont(build(tmp_path / "g.ttf", "Noto Gone", CAT))
    (tmp_path / "b.ttf").write_bytes(b"no font")
    (tmp_path / "g.ttf").unlink()
    assert fonts.fit_text(CAT, PLAIN) == (CODES[CAT], (), frozenset(CAT))
    font_manager.fontManager.addfont(build(tmp_path / "w.ttf", "Whole", CAT))
    assert fonts.fit_text(CAT, PLAIN) == (CAT, ("Whole",), frozenset())  # as soon as it is there


def test_a_font_installed_since_matplotlib_looked_is_found(tmp_path, monkeypatch):
    """matplotlib keeps its list of fonts between kernels, so that a restart alone would not show it."""
    path = build(tmp_path / "new.ttf", "New", CAT)
    (tmp_path / "bad.ttf").write_bytes(b"no font")
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda *_: [path, str(tmp_path / "bad.ttf")])
    assert fonts.fit_text(CAT, PLAIN) == (CAT, ("New",), frozenset())


# Other letters


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.__name__)
def test_a_figure_of_the_font_s_own_letters_is_byte_for_byte_what_it_was(figure):
    left_alone = figure().figure
    with style.style():
        buffer = io.BytesIO()
        left_alone.savefig(buffer, format="png", dpi=100)
    drawing = figure()
    assert render(drawing.figure, "png", 100) == buffer.getvalue()
    assert {tuple(text.get_fontfamily()) for text in drawing.figure.findobj(Text)} == {("DejaVu Sans",)}


@pytest.mark.parametrize("text", ["مرحبا", "é ß œ ﬁ", "Ελληνικά", "Москва", "עברית", "→ ✓ ∞ θ̄", "a\u200db", "x\ny"])
def test_letters_of_the_font_need_no_other_and_no_word(text):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert fonts.fit_text(text, PLAIN) == (text, (), frozenset())
        assert (written(text) < 128).any()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("🙂", "⟨1F642⟩"),
        ("👩\u200d🔬", "⟨1F469⟩\u200d⟨1F52C⟩"),
        ("a\tb", "a b"),
        ("a\u3000b", "a b"),
        ("a\u2066b", "ab"),
        ("葛\U000e0100", "⟨845B⟩"),
        ("\x07", "⟨0007⟩"),
        ("\ud800", "⟨D800⟩"),
        ("한", "⟨D55C⟩"),
        ("か", "⟨304B⟩"),
        ("ꯀ", "⟨ABC0⟩"),
        ("\U0010ffff", "⟨10FFFF⟩"),
    ],
)
def test_no_letter_is_too_odd(text, shown):
    assert fonts.fit_text(text, PLAIN).text == shown
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        drawing = show.pictures(some_pictures(2), [text, "plain"], title=text)
        assert drawing.png()
    assert shown.strip() in texts(drawing)


@pytest.mark.parametrize(("letters", "font"), [("か한", "fonts-noto-cjk"), ("🙂ꯀ", "fonts-noto-core fonts-symbola")])
def test_the_word_of_help_names_a_font_for_these_letters(letters, font):
    said = fonts.say_missing_letters(list(letters))
    assert font in said
    assert " ".join(letters) in said
    assert said.count("sudo apt install") == 1


def test_answers_in_such_letters_can_be_told_apart():
    task = Classification(BIRD, [CAT, DOG])
    outputs, labels = {task.name: torch.eye(2)}, {task.name: torch.tensor([0, 0])}
    drawing = show.answers(some_pictures(2), [task], outputs, labels)
    with pytest.warns(UserWarning, match="no font here"):
        drawing.png()
    assert {CODES[CAT], CODES[DOG], f"is: {CODES[CAT]}", CODES[BIRD]} <= texts(drawing)
