"""Whether all the bundled data is whole. No world needs this: one more folder of data changes none of them."""

from __future__ import annotations

from .files import DataError, checksums, data_folder, remedy, verified

#: the folders with checksums; data/bank has its own
FOLDERS = (
    *("emoji", "fashion_mnist", "kaomoji", "loans", "mathachieve", "onet", "patients", "pupils", "schools", "voices"),
    "wages",
)


def verify() -> str:
    """Check every bundled file and say so in words; raises DataError for the first that is missing or damaged."""
    if not data_folder().is_dir():
        raise DataError(f"the folder of the bundled data, {data_folder()}, is missing. {remedy(data_folder())}")
    sums = [data_folder() / folder / "SHA256SUMS" for folder in FOLDERS]
    files = [f"{path.parent.name}/{name}" for path in sums for name in checksums(path)]
    for file in files:
        verified(file)
    return f"{len(files)} bundled files, checksums right"
