"""The card on medicine: the exercise with its mistakes, patients who were followed, and forecasts that are kept."""

import numpy as np
import pandas as pd
import pytest
import torch

import mtl_lesson as mtl
from mtl_lesson.checks import card_medicine
from mtl_lesson.data.patients import known_within
from mtl_lesson.inspection.calibration import in_bins
from mtl_lesson.show.followed import followed
from mtl_lesson.show.reliability import reliability

# --- the exercise --------------------------------------------------------------------------------------------------


def solved(days, event, end):
    return torch.where((event == 1) & (days <= end), 1, torch.where(days >= end, 0, -1))


def test_the_solution_is_right_and_it_is_what_the_world_does():
    assert card_medicine.label_of_outcome(solved).state == "right"
    table = mtl.data.patients_table()
    days, event = torch.tensor(table.dtime.to_numpy()), torch.tensor(table.death.to_numpy())
    assert solved(days, event, 5 * 365.25).tolist() == known_within(table.dtime, table.death, 5).tolist()


def test_the_stub_is_not_attempted():
    result = card_medicine.label_of_outcome(lambda days, event, end: ...)
    assert result.state == "not attempted"
    assert "checks.label_of_outcome.hint()" in result.words


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda d, e, end: e, "whether the event ever came"),
        (lambda d, e, end: ((e == 1) & (d <= end)).long(), "has no label"),
        (lambda d, e, end: torch.where((e == 1) & (d <= end), 1, -1), "gets -1"),
        (lambda d, e, end: torch.where(e == 0, -1, solved(d, e, end)), "last seen after the end"),
        (lambda d, e, end: torch.where((e == 1) & (d > end), -1, solved(d, e, end)), "came after the end"),
        (lambda d, e, end: torch.where(e == 1, 1, torch.where(d >= end, 0, -1)), "no event within"),
        (lambda d, e, end: torch.where((e == 1) & (d < end), 1, torch.where(d >= end, 0, -1)), "the last day, too"),
        (lambda d, e, end: solved(d, e, end).abs(), "may have lived"),
        (lambda d, e, end: solved(d, e, end)[:2], "one label a patient"),
        (lambda d, e, end: solved(d, e, end).tolist(), "one tensor"),
        (lambda d, e, end: None, "return missing"),
        (lambda d, e, end: solved(d, e, end).to(torch.complex64) * 1j, "real"),
        (lambda d, e, end: d.mul_(0), "changes days"),
        (lambda d, e, end: solved(d, e, 365), "a patient followed for"),
    ],
)
def test_each_mistake_has_its_own_answer(answer, words):
    result = card_medicine.label_of_outcome(answer)
    assert result.state == "wrong"
    assert words in result.words


# --- patients who were followed --------------------------------------------------------------------------------------


def test_the_picture_of_patients_says_what_became_of_them():
    table = pd.DataFrame({"rtime": [300, 900, 4000], "recur": [1, 0, 0], "dtime": [800, 900, 4000], "death": [1, 0, 0]})
    drawing = followed(table, {"death": [1, -1, 0]}, title="Three")
    assert drawing.alt == (
        "Three. 3 patients followed from surgery for 2.2 to 11.0 years: 1 relapsed, 1 died. "
        "death within 5 years: yes 1, no 1, not known 1."
    )
    said = [text.get_text() for text in drawing.figure.axes[0].texts]
    assert [one for one in said if one in ("yes", "no", "?")] == ["no", "?", "yes"]  # the longest first


@pytest.mark.parametrize(
    ("change", "labels", "error", "words"),
    [
        (lambda t: t.drop(columns="recur"), [0], KeyError, "no column 'recur'"),
        (lambda t: t[:0], [], ValueError, "there are 0 patients"),
        (lambda t: t, [0, 1], ValueError, "there are 1 patients"),
        (lambda t: t, [2], ValueError, "a label is 1, 0 or"),
    ],
)
def test_what_cannot_be_drawn_of_patients_is_said(change, labels, error, words):
    table = pd.DataFrame({"rtime": [300], "recur": [1], "dtime": [800], "death": [1]})
    with pytest.raises(error, match=words):
        followed(change(table), {"death": labels})


# --- forecasts that are kept -----------------------------------------------------------------------------------------


def test_bins_hold_mean_forecast_share_and_wilsons_interval():
    forecast, happened = np.array([0.9, 0.1, 0.2, 0.8]), np.array([1, 0, 0, 0])
    mean, share, low, high = in_bins(forecast, happened, 2)
    assert mean == pytest.approx([0.15, 0.85])
    assert share == pytest.approx([0, 0.5])
    assert (low[0], high[0]) == pytest.approx((0, 0.6576), abs=1e-3)  # of 0 in 2
    assert (low[1], high[1]) == pytest.approx((0.0945, 0.9055), abs=1e-3)  # of 1 in 2


def test_the_picture_of_forecasts_leaves_out_who_is_not_known():
    drawing = reliability({"a": [0.1, 0.2, 0.8, 0.9, 0.5], "b": [0.5] * 5}, [0, 0, 1, 1, -1], 2, title="Kept?")
    assert "Kept? What was forecast against what came true, 4 examples in 2 bins" in drawing.alt
    assert "a: lowest bin, forecast ≈ 15 %, came true ≈ 0 %; highest, forecast ≈ 85 %, came true ≈ 100 %" in drawing.alt
    assert "on average ≈ 15 % apart" in drawing.alt


@pytest.mark.parametrize(
    ("forecasts", "happened", "words"),
    [
        ({}, [0, 1], "one to 5 forecasts, not 0"),
        ({"a": [0.1]}, [0, 1], "'a' has"),
        ({"a": [0.1, 1.2]}, [0, 1], "from 0 to 1"),
        ({"a": [0.1, float("nan")]}, [0, 1], "from 0 to 1"),
        ({"a": [0.1, 0.2]}, [0, -1], "1 known answers do not fill 2 bins"),
    ],
)
def test_what_is_no_forecast_is_said(forecasts, happened, words):
    with pytest.raises(ValueError, match=words):
        reliability(forecasts, happened, 2)
