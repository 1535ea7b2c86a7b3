"""The card on speech: its exercise, and what is stored of the field."""

import re
from pathlib import Path

import pytest

import mtl_lesson as mtl
from mtl_lesson import bank
from mtl_lesson.checks import card_speech

TEXT = Path(bank.__file__).resolve().parents[1] / "notebooks" / "text" / "extra" / "12_speech.py"


def solution():
    """The folded solution of the card."""
    if not TEXT.exists():
        pytest.skip("the lessons are not part of an installed package")
    found = re.search(r"Solution</summary>\n#\n# ```python\n(.*?)# ```", TEXT.read_text(encoding="utf-8"), re.S)
    names = {}
    exec("".join(line[2:] + "\n" for line in found[1].splitlines()), names)
    return names["heard"]


def test_the_solution_is_right_and_the_stub_not_attempted():
    assert card_speech.share_heard(solution()).state == "right"
    assert card_speech.share_heard(lambda train, test, unit: ...).state == "not attempted"
    assert card_speech.share_heard(...).state == "not attempted"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda a, b, unit: 100 * b[unit].isin(a[unit]).mean(), "per cent"),
        (lambda a, b, unit: b[unit].isin(a[unit]).sum(), "how many clips"),
        (lambda a, b, unit: 1 - b[unit].isin(a[unit]).mean(), "that is new"),
        (lambda a, b, unit: a[unit].isin(b[unit]).mean(), "training"),
        (lambda a, b, unit: len({*b[unit]} & {*a[unit]}) / b[unit].nunique(), "once"),
        (lambda a, b, unit: b[unit].isin(a[unit]).sum() / len(a), "number of training clips"),
        (lambda a, b, unit: b["voice"].isin(a["voice"]).mean(), "share by voice"),
        (lambda a, b, unit: b["prompt"].isin(a["prompt"]).mean(), "share by prompt"),
        (lambda a, b, unit: 0.123, "by voice it is"),
        (lambda a, b, unit: None, "returns nothing"),
        (lambda a, b, unit: b[unit].isin(a[unit]), "one number"),
    ],
)
def test_each_mistake_has_its_own_answer(answer, words):
    result = card_speech.share_heard(answer)
    assert result.state == "wrong"
    assert words in result.words


def test_what_is_stored_has_every_arm_over_four_voices():
    by_group, by_row = (bank.gather_field("speech", split_by=split_by) for split_by in ("group", "row"))
    assert set(by_group) == {"Separate", "Alone, shrunk", "Hard", "Soft", "majority", "linear", "stopwatch"}
    assert set(by_row) == {"Separate"}
    assert {by_group[arm].tried for arm in ("Separate", "Alone, shrunk", "Hard", "Soft", "linear")} == {4}
    for one in (*by_group.values(), *by_row.values()):
        assert len(one.groups) == 4
        assert one.groups.index.name == "voice"
        assert one.scores.mean() == pytest.approx(one.groups.mean(), rel=1e-4)
        assert min(one.scores.index) >= 100


def test_what_is_stored_of_the_probes_is_the_same_by_seed_and_by_prompt():
    seeds, prompts = bank.load("field_speech_heard"), bank.load("field_speech_heard_prompts")
    assert set(seeds.source) == set(prompts.source) == {"log-mels", "untrained", "speaker", "language"}
    for source, own in seeds.groupby("source"):
        assert own.score.mean() == pytest.approx(prompts[prompts.source == source].score.mean(), rel=1e-4)


def test_the_majority_floor_is_the_share_of_the_commonest_kind():
    """What does not depend on any training is what the table of clips says."""
    stored = bank.gather_field("speech")["majority"]
    settings = bank.read_facts("field_speech")["settings"]["settings"]
    sizes = {name: int(settings[name]) for name in ("n_train", "n_validation", "n_test")}
    for number, voice in enumerate(mtl.data.voices(60, 40, 30).task("speaker").answers):
        shares = []
        for seed in stored.scores.index:
            world = mtl.data.voices(**sizes, seed=seed, held_out=voice, ask="kind")
            commonest = world.train.labels["kind"].bincount(minlength=4).argmax()
            shares.append((world.test.labels["kind"] == commonest).float().mean().item())
        assert stored.groups[number] == pytest.approx(sum(shares) / len(shares), abs=1e-4)
