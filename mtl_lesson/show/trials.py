"""Many comparisons at once: what a 95 % interval does when there is nothing to find, and when there is something."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..evidence import Claim
from ..words import listed
from .comparisons import VERDICTS
from .drawing import Drawing
from .style import GREY, INK, WIDTH, canvas, style, wrapped

NARROW = 4  # panels that stand side by side
MANY = 40  # of more claims than this each is a thin line, and they stand in the order of their means


def trials(panels: Mapping[str, Sequence[Claim]], *, better: str = "better", worse: str = "worse") -> Drawing:
    """Comparisons as intervals, a panel for each title of ``panels``: a line a claim, its mean a dot, zero drawn. More
    than 40 are thin lines in the order of their means.

    Those whose interval holds zero are grey and hollow; below each panel stands how many do not. ``better``, ``worse``:
    what a difference above zero, and one below, means. Raises ValueError for no panel, one without claims, more than
    four, and claims of several units.
    """
    if not 1 <= len(panels) <= NARROW or not all(panels.values()):
        raise ValueError(f"trials draws one to {NARROW} panels, each with a claim or more; got {list(panels)}")
    units = {one.unit for claims in panels.values() for one in claims}
    if len(units) > 1:
        raise ValueError(f"claims drawn together need one unit; these have {sorted(units)}")
    unit = units.pop()
    factor = 100 if unit == "%" else 1
    most = max(map(len, panels.values()))
    ends = [factor * end for claims in panels.values() for one in claims for end in (one.low, one.high, 0.0)]
    span = max(ends) - min(ends) or 1.0
    with style():
        tall, line, dot = (0.018, 0.9, 1.5) if most > MANY else (0.17, 2, 5)
        figure = canvas(WIDTH, 1.55 + tall * most)
        for ax, (title, claims) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True):
            ax.axvline(0, color=INK, linewidth=1.2, zorder=1)
            for row, one in enumerate(sorted(claims, key=lambda one: one.mean) if most > MANY else claims):
                told = one.verdict != "undecided"
                colour = VERDICTS[one.verdict][1] if told else GREY
                ax.plot(
                    [factor * one.low, factor * one.high], [row, row], color=colour, linewidth=line, zorder=2 + told
                )
                face = colour if told else "white"
                ax.plot(factor * one.mean, row, "o", color=colour, markerfacecolor=face, markersize=dot, zorder=4)
            ax.set(xlim=(min(ends) - 0.05 * span, max(ends) + 0.05 * span), ylim=(most - 0.3, -0.7), yticks=[])
            ax.set_title("\n".join(wrapped(title, WIDTH / len(panels) - 0.3, 3)), fontsize=12, fontweight="normal")
            ax.set_xlabel(f"{len(outside(claims))} of {len(claims)} exclude zero")
        figure.supxlabel(f"← {worse}      difference{unit_words(unit)}      {better} →", fontsize=12, color=GREY)
    said = [f"{title}: {len(outside(claims))} of {len(claims)} exclude zero" for title, claims in panels.items()]
    return Drawing(figure, f"Comparisons as 95 % intervals. {'; '.join(said)}. {say_widths(panels)}")


def outside(claims: Sequence[Claim]) -> list[Claim]:
    """Those whose interval does not hold zero."""
    return [one for one in claims if one.verdict != "undecided"]


def unit_words(unit: str) -> str:
    return {"": "", "%": " in percentage points"}.get(unit, f" in {unit}")


def say_widths(panels: Mapping[str, Sequence[Claim]]) -> str:
    """Which panel has the narrowest intervals, in the alt text."""
    widths = {title: sum(one.high - one.low for one in claims) / len(claims) for title, claims in panels.items()}
    if len(widths) == 1:
        return ""
    order = sorted(widths, key=widths.get)
    return f"From the narrowest intervals to the widest: {listed(order)}."
