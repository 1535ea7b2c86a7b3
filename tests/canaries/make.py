"""Make the canary notebooks: small notebooks that nbval must pass (``good``) or must fail (all others).

They prove that the harness fails when it should; ``tests/test_notebooks.py`` says at which cell. Each is run from the
text below, and then one stored output is altered. Run it with ``python tests/canaries/make.py``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "notebooks"))

import build  # noqa: E402

# What interact does, less the display of the slider, whose text depends on the version of ipywidgets.
CALLBACK = """import ipywidgets as widgets
from IPython.display import HTML

view = widgets.HTML()
dial = widgets.interactive(lambda x: setattr(view, "value", f"{1 / (x - 1.5)}"), x=(0.0, 3.0))
dial.update()"""

# name: the cells, and what is put into the stored outputs for what
CANARIES = {
    "good": (
        [
            'print("one trunk scores higher: difference ≈ −3.27 %, 95 % interval ≈ −4.1 to ≈ −2.4: contradicted")',
            CALLBACK.replace("x - 1.5", "x + 1.5"),
            'import pandas as pd\n\npd.DataFrame({"score": ["≈ 9 %", "≈ 64 %"]}, index=["colour", "garment"])',
            'HTML(\'<img alt="accuracy ≈ 64 %" src="data:image/png;base64,iVBORw0KGgo=">\')',
        ],
        {"−3.27": "−3.19", "≈ 64": "≈ 5.5", "iVBO": "AAAA"},
    ),
    "wrong_output": (["x = 6", "print(7 * x)", "print(x)"], {"42": "41"}),
    "wrong_verdict": (['print("difference ≈ −3.27 %: contradicted")'], {"contradicted": "supported", "−3.27": "3.19"}),
    "raising_callback": (['print("before")', CALLBACK], {}),
}


def make(name: str) -> None:
    """Write one canary beside this file."""
    cells, altered = CANARIES[name]
    twin = HERE / f"{name}.py"
    twin.write_text("\n\n".join(f"# %%\n{cell}" for cell in cells) + "\n", encoding="utf-8")
    try:
        book = build.run(twin, {})
    finally:
        twin.unlink()
    for cell in build.code_cells(book):
        for output in cell.outputs:
            where = output if output.output_type == "stream" else output.data
            for kind in ("text", "text/plain", "text/html"):
                for old, new in altered.items():
                    if kind in where:
                        where[kind] = where[kind].replace(old, new)
    nbformat.write(book, HERE / f"{name}.ipynb")


if __name__ == "__main__":
    for canary in CANARIES:
        make(canary)
