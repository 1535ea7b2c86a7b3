"""The card of finance: its exercise, its figure, and the price list that reads a rate off a grade."""

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import mtl_lesson as mtl
from mtl_lesson import bank
from mtl_lesson.checks import card_finance
from mtl_lesson.data import Split
from mtl_lesson.show.by_class import by_class

sys.path.insert(0, str(Path(bank.__file__).resolve().parents[1] / "data" / "bank"))
import field_finance


def test_the_weight_of_the_exercise_makes_each_label_count_the_same():
    """In a batch of 1,000 with 50 rates, a rate counts w/50 and a grade 1/1,000."""
    assert card_finance.even_weight(lambda known, every: known / every).state == "right"
    known, every = 50, 1000
    assert (known / every) / known == pytest.approx(1 / every)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda known, every: every / known, "count even more"),
        (lambda known, every: 1.0, "as it stands"),
        (lambda known, every: known / (every - known), "on all examples"),
        (lambda known, every: 1 / known, "in its own mean"),
        (lambda known, every: 0.05, "off"),
        (lambda known, every: None, "returns nothing"),
        (lambda known, every: "0.05", "one number"),
    ],
)
def test_a_wrong_weight_is_told_why(answer, words):
    result = card_finance.even_weight(answer)
    assert result.state == "wrong"
    assert words in result.words


def test_a_stub_is_no_answer():
    assert card_finance.even_weight(lambda known, every: ...).state == "not attempted"


def test_the_figure_counts_and_names_what_it_draws():
    drawn = by_class([1, 2, 9, 10], [0, 0, 1, 1], ["A", "B"], [True, False, False, False], label="rate", axis="grade")
    assert "A 1.50 (2), B 9.50 (2)" in drawn.alt
    assert "Known are 1 of 4" in drawn.alt
    hidden, known, *means = drawn.figure.axes[0].lines
    assert sorted(known.get_ydata()) == [1]
    assert sorted(hidden.get_ydata()) == [2, 9, 10]
    assert [line.get_ydata()[0] for line in means] == [1.5, 9.5]
    assert np.abs(hidden.get_xdata() - [0, 1, 1]).max() < 0.4
    with pytest.raises(ValueError, match="got 2, 1, 2"):
        by_class([1, 2], [0], ["A"], [True, True], label="y", axis="x")
    with pytest.raises(ValueError, match="there are 1 classes"):
        by_class([1, 2], [0, 1], ["A"], [True, True], label="y", axis="x")


def test_the_price_list_is_the_mean_known_rate_of_each_grade_and_fills_gaps_between():
    rate = torch.tensor([1.0, 3.0, torch.nan, 6.0, torch.nan])
    grade = torch.tensor([0, 0, 1, 2, 5])
    train = Split(torch.zeros(5, 2), {"rate": rate, "grade": grade})
    assert field_finance.list_prices(train).tolist() == [2, 4, 6, 6, 6, 6]


def test_the_rate_is_read_off_what_is_said_of_the_grade():
    train = Split(torch.zeros(6, 2), {"rate": torch.arange(6.0), "grade": torch.arange(6)})
    said = torch.log(torch.tensor([[0.5, 0.5, 1e-9, 1e-9, 1e-9, 1e-9], [1e-9, 1e-9, 1e-9, 1e-9, 1e-9, 1.0]]))
    run = SimpleNamespace(model=lambda x: {"grade": said, "rate": x}, world=SimpleNamespace(train=train))
    listed = field_finance.Listed.__new__(field_finance.Listed)
    torch.nn.Module.__init__(listed)
    object.__setattr__(listed, "model", run.model)
    listed.rates = field_finance.list_prices(train)
    assert listed(torch.zeros(2, 1))["rate"].flatten().tolist() == pytest.approx([0.5, 5.0], abs=1e-5)


def test_only_the_runs_of_a_price_list_are_read_so():
    def swept(way, world, trunk, **settings):
        return mtl.sweep(way, world, trunk=trunk, progress=False, **settings)

    done = field_finance.reading_the_list(swept)
    settings = {"seeds": [0], "split_by": "group", "epochs": 1, "width": 2, "inputs": 53}
    alone = done(mtl.Separate, field_finance.few_rates, mtl.nets.hidden, **settings)
    listed = done(field_finance.PriceList, field_finance.few_rates, mtl.nets.hidden, **settings)
    (a,), (b,) = alone.runs.values(), listed.runs.values()
    x = a.world.test.x
    assert torch.equal(a.model(x)["grade"], b.model(x)["grade"])  # the same networks
    assert not torch.equal(a.model(x)["rate"], b.model(x)["rate"])
    assert (~a.world.train.labels["rate"].isnan()).sum() == field_finance.RATED
    shuffled = field_finance.few_rates(0, "group", shuffled=True)
    assert torch.equal(shuffled.train.labels["grade"].bincount(), a.world.train.labels["grade"].bincount())
    assert not torch.equal(shuffled.train.labels["grade"], a.world.train.labels["grade"])
    assert torch.equal(shuffled.validation.labels["grade"], a.world.validation.labels["grade"])
