"""The exercise of the card on language."""

import pytest

from mtl_lesson.checks import card_language


def of_training(train, test):
    return {letter: token for token, letter in enumerate(sorted(set("".join(train))), 2)}


def test_the_solution_is_right():
    assert card_language.number_of_letters(of_training).state == "right"
    assert card_language.number_of_letters(lambda train, test: ...).state == "not attempted"


@pytest.mark.parametrize(
    ("answer", "because"),
    [
        (lambda train, test: None, "returns nothing"),
        (lambda train, test: sorted(of_training(train, test)), "is a dictionary"),
        (lambda train, test: of_training(train + test, test), "Nobody has seen"),
        (lambda train, test: {text: token for token, text in enumerate(train, 2)}, "that are wanted"),
        (lambda train, test: of_training(train[:1], test), "nothing else has; look at !"),
        (lambda train, test: {one: n - 2 for one, n in of_training(train, test).items()}, "begin at 2"),
        (lambda train, test: {one: n - 1 for one, n in of_training(train, test).items()}, "begin at 2"),
        (lambda train, test: dict.fromkeys(of_training(train, test), 2), "cannot tell them apart"),
        (lambda train, test: {one: n / 1 for one, n in of_training(train, test).items()}, "whole numbers"),
    ],
)
def test_each_mistake_is_told(answer, because):
    result = card_language.number_of_letters(answer)
    assert result.state == "wrong"
    assert because in result.words
