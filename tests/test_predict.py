"""Predictions: committed by hand, kept over a restart, revealed without scolding, and no crash before a learner."""

import json
import os

import ipywidgets as widgets
import pytest

from mtl_lesson.widgets import Prediction, predict

QUESTION, ANSWERS = "Which task loses most?", ["garment", "colour", "way up"]


@pytest.fixture(autouse=True)
def desk(tmp_path, monkeypatch):
    """A learner's folder of its own, and nothing set in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MTL_PREDICTIONS", raising=False)
    return tmp_path


def ask(**arguments) -> Prediction:
    return predict(**{"question": QUESTION, "options": ANSWERS, "key": "02/loses"} | arguments)


def ask_number(**arguments) -> Prediction:
    return predict(**{"question": "How much?", "options": (0, 100, 1), "key": "02/much", "unit": "%"} | arguments)


def committed(answer="colour", **arguments) -> Prediction:
    guess = ask(**arguments)
    guess.form.radio.value = answer
    guess.commit_button.click()
    return guess


def kept(desk) -> dict:
    return json.loads((desk / "predictions.json").read_text(encoding="utf-8"))


# --- committing ---


def test_nothing_is_chosen_to_begin_with(desk):
    guess = ask()
    assert guess.form.radio.value is None
    assert guess.value is None
    assert repr(guess) == f"Prediction({QUESTION}; not committed)"
    guess.commit_button.click()
    assert guess.value is None
    assert "Choose an answer" in guess.status.value
    assert list(desk.iterdir()) == []


def test_committing_keeps_the_answer_and_locks_the_panel(desk):
    guess = committed("colour")
    assert guess.value == "colour"
    assert repr(guess) == f"Prediction({QUESTION}; committed: colour)"
    assert kept(desk) == {"02/loses": "colour"}
    assert guess.form.radio.disabled
    assert guess.commit_button.disabled
    assert not guess.reset_button.disabled
    assert "You predicted colour." in guess.status.value
    assert [path.name for path in desk.iterdir()] == ["predictions.json"]  # no temporary file is left


def test_it_survives_a_restart(desk):
    committed("way up")
    again = ask()
    assert again.value == again.form.radio.value == "way up"
    assert again.commit_button.disabled
    assert "You predicted way up." in again.status.value
    assert ask(key="02/other").value is None


def test_predictions_of_other_questions_are_kept(desk):
    committed("colour", key="a")
    committed("garment", key="b")
    assert kept(desk) == {"a": "colour", "b": "garment"}
    ask(key="a").reset_button.click()
    assert kept(desk) == {"b": "garment"}


def test_reset_forgets_until_the_result_is_out(desk, capsys):
    guess = committed("colour")
    guess.reset_button.click()
    assert guess.value is None
    assert not guess.form.radio.disabled
    assert kept(desk) == {}
    assert ask().value is None
    guess.form.radio.value = "garment"
    guess.commit_button.click()
    guess.reveal("garment")
    assert guess.reset_button.disabled
    guess.reset_button.click()  # a click that was on its way
    guess.reset()
    assert guess.value == "garment"


def test_without_a_key_the_question_is_the_key(desk):
    committed("colour", key=None)
    assert kept(desk) == {QUESTION: "colour"}


# --- revealing ---


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("colour", "You predicted colour. Measured: colour. As you predicted. Read on."),
        ("garment", "You predicted colour. Measured: garment. Not what you predicted. Read on."),
    ],
)
def test_reveal_compares(capsys, answer, words):
    guess = committed("colour")
    assert guess.reveal(answer, "Read on.") is None
    assert capsys.readouterr().out == words + "\n"
    assert words in guess.status.value


def test_reveal_without_a_prediction(capsys):
    guess = ask()
    guess.form.radio.value = "colour"  # chosen, not committed
    guess.reveal("garment")
    assert capsys.readouterr().out == "You did not commit a prediction; measured: garment.\n"
    assert guess.commit_button.disabled  # too late
    guess.commit_button.click()
    assert guess.value is None


def test_an_answer_the_question_does_not_have_is_refused():
    with pytest.raises(ValueError, match="'taste' is none of the answers garment, colour, way up"):
        ask().reveal("taste")
    for answer in ("much", None, float("nan"), True):
        with pytest.raises(ValueError, match="is a finite number"):
            ask_number().reveal(answer)


# --- numbers ---


def test_a_number_is_chosen_by_moving_the_slider_or_typing(desk):
    guess = ask_number()
    guess.commit_button.click()
    assert guess.value is None
    assert "Move the slider or type a number" in guess.status.value
    guess.form.box.value = 40
    assert guess.form.slider.value == 40
    guess.form.slider.value = 42
    assert guess.form.box.value == 42
    guess.commit_button.click()
    assert guess.value == 42
    assert repr(guess) == "Prediction(How much?; committed: 42 %)"
    assert kept(desk) == {"02/much": 42}
    assert guess.form.slider.disabled
    assert guess.form.box.disabled
    again = ask_number()
    assert again.value == again.form.box.value == 42


def test_typed_numbers_are_rounded_to_a_step_and_stay_in_range():
    guess = ask_number(options=(-1, 1, 0.25))
    guess.form.box.value = 7
    guess.form.box.value = -0.6
    guess.commit_button.click()
    assert guess.value == -0.5
    assert repr(guess).endswith("committed: −0.50 %)")


@pytest.mark.parametrize(
    ("value", "answer", "unit", "words"),
    [
        (40, 24.2, "%", "You predicted 40 %. Measured: ≈ 24 %. Your prediction was ≈ 16 percentage points too high."),
        (10, 24.2, "", "You predicted 10. Measured: ≈ 24. Your prediction was ≈ 14 too low."),
        (24, 24.2, "ms", "You predicted 24 ms. Measured: ≈ 24 ms. As you predicted, to the step of the slider."),
        (40, 130, "", "You predicted 40. Measured: ≈ 130. Your prediction was ≈ 90 too low."),
    ],
)
def test_reveal_says_how_far_off(capsys, value, answer, unit, words):
    guess = ask_number(unit=unit)
    guess.form.slider.value = value
    guess.commit_button.click()
    guess.reveal(answer)
    assert capsys.readouterr().out == words + "\n"


def test_reveal_of_a_number_nobody_predicted(capsys):
    ask_number().reveal(24.2)
    assert capsys.readouterr().out == "You did not commit a prediction; measured: ≈ 24 %.\n"


# --- what is shown ---


def test_it_shows_as_one_widget_whose_text_is_compared():
    guess = ask()
    shown = guess._repr_mimebundle_()
    assert shown["text/plain"] == repr(guess)
    assert shown["application/vnd.jupyter.widget-view+json"]["model_id"] == guess.panel.model_id
    assert set(shown) == {"text/plain", "application/vnd.jupyter.widget-view+json"}


def test_the_text_does_not_depend_on_the_session():
    assert repr(ask(question="Which\n  task?")) == repr(ask(question="Which task?", key="x"))


def html_of(widget) -> str:
    if isinstance(widget, widgets.HTML):
        return widget.value
    return "".join(map(html_of, getattr(widget, "children", ())))


def test_all_text_is_escaped_and_the_status_is_announced():
    evil = "<img src=x onerror=alert(1)>"
    guess = committed(evil, question=evil, options=[evil, "b"])
    page = html_of(guess.panel)
    assert '<div role="status" aria-live="polite">' in guess.status.value
    guess.reveal("b", text=evil)
    page += html_of(guess.panel)
    assert "<img" not in page
    assert page.count("&lt;img") >= 4


# --- trouble ---


@pytest.mark.parametrize("damage", [b"{", b"", b"[1, 2]", b"\xff\xfe{}", b"null", b"[" * 100_000])
def test_a_damaged_file_is_reported_and_set_aside(desk, damage):
    file = desk / "predictions.json"
    file.write_bytes(damage)
    guess = ask()
    assert "predictions.json cannot be read" in guess.status.value
    assert file.read_bytes() == damage  # looking changes nothing
    guess.form.radio.value = "colour"
    guess.commit_button.click()
    assert guess.value == "colour"
    assert "set aside as predictions.json.damaged1" in guess.status.value
    assert (desk / "predictions.json.damaged1").read_bytes() == damage
    assert kept(desk) == {"02/loses": "colour"}
    file.write_bytes(damage)
    committed("garment")
    assert (desk / "predictions.json.damaged2").read_bytes() == damage


def test_a_folder_that_cannot_be_written_to(monkeypatch, desk):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.TemporaryDirectory", refuse)
    guess = committed("colour")
    assert guess.value == "colour"
    assert "could not be saved (Permission denied)" in guess.status.value
    assert guess.form.radio.disabled
    guess.reset_button.click()
    assert guess.value is None
    assert "could not be saved" in guess.status.value


def test_a_replacement_that_fails_leaves_the_old_file_whole(monkeypatch, desk):
    committed("colour", key="old")

    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", refuse)
    guess = committed("garment")
    assert "No space left on device" in guess.status.value
    assert kept(desk) == {"old": "colour"}
    assert [path.name for path in desk.iterdir()] == ["predictions.json"]


def test_a_folder_that_is_not_there(monkeypatch, desk):
    monkeypatch.setenv("MTL_PREDICTIONS", str(desk / "nowhere" / "predictions.json"))
    assert "could not be saved" in committed("colour").status.value


def test_answers_that_have_changed_are_reported(desk):
    committed("colour")
    guess = ask(options=["garment", "taste"])
    assert guess.value is None
    assert "The answers have changed since you predicted colour." in guess.status.value
    assert not guess.commit_button.disabled
    assert ask(options=["colour", "taste"]).value == "colour"  # still an answer
    assert ask(options=(0, 10, 1)).value is None
    (desk / "predictions.json").write_text('{"02/loses": ["<b>", {}]}')
    assert "&lt;b&gt;" in ask().status.value
    (desk / "predictions.json").write_text('{"02/much": 400}')
    assert "changed since you predicted 400" in ask_number().status.value


def test_an_error_in_a_callback_is_shown_in_place(monkeypatch):
    guess = ask()

    def fail():
        raise RuntimeError("out of <paper>")

    monkeypatch.setattr(guess.form, "chosen", fail)
    guess.commit_button.click()
    assert "That did not work (RuntimeError: out of &lt;paper&gt;)" in guess.status.value


# --- the environment variable ---


def test_off_neither_reads_nor_writes(monkeypatch, desk):
    committed("colour")
    before = (desk / "predictions.json").read_bytes()
    monkeypatch.setenv("MTL_PREDICTIONS", "off")
    guess = ask()
    assert repr(guess) == f"Prediction({QUESTION}; not committed)"
    guess.form.radio.value = "garment"
    guess.commit_button.click()
    assert guess.value == "garment"
    assert "not saved" in guess.status.value
    assert (desk / "predictions.json").read_bytes() == before
    assert os.listdir(desk) == ["predictions.json"]


def test_another_file_can_be_named(monkeypatch, desk):
    monkeypatch.setenv("MTL_PREDICTIONS", str(desk / "mine.json"))
    committed("colour")
    assert os.listdir(desk) == ["mine.json"]
    assert ask().value == "colour"


def test_the_folder_is_that_of_the_start(monkeypatch, desk):
    guess = ask()
    (desk / "elsewhere").mkdir()
    monkeypatch.chdir(desk / "elsewhere")
    guess.form.radio.value = "colour"
    guess.commit_button.click()
    assert kept(desk) == {"02/loses": "colour"}


# --- what cannot be asked ---


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"question": "  "}, TypeError, "the question must be text"),
        ({"question": None}, TypeError, "the question must be text"),
        ({"key": ""}, TypeError, "the key must be text"),
        ({"options": "yes or no"}, TypeError, "options must be a list"),
        ({"options": {"a", "b"}}, TypeError, "options must be a list"),
        ({"options": None}, TypeError, "options must be a list"),
        ({"options": []}, ValueError, "two or more different answers"),
        ({"options": ["a"]}, ValueError, "two or more different answers"),
        ({"options": ["a", "b", "a "]}, ValueError, "two or more different answers"),
        ({"options": ["a", ""]}, TypeError, "an answer must be text, not ''"),
        ({"options": ["a", 1]}, TypeError, "an answer must be text, not 1"),
        ({"options": [True, False]}, TypeError, "an answer must be text, not True"),
        ({"options": (0, 1)}, ValueError, r"a range is \(least, most, step\)"),
        ({"options": (1, 0, 0.1)}, ValueError, "least < most"),
        ({"options": (0, 1, 0)}, ValueError, "0 < step"),
        ({"options": (0, 1, -1)}, ValueError, "0 < step"),
        ({"options": (0, 1, 2)}, ValueError, "needs finite"),
        ({"options": (0, float("inf"), 1)}, ValueError, "needs finite"),
        ({"options": (float("nan"), 1, 1)}, ValueError, "needs finite"),
    ],
)
def test_what_cannot_be_asked_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        ask(**arguments)
