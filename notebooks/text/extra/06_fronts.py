# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Extra to 06 · Fronts: two tasks at once
#
# *35 minutes; nothing is trained. Before this: lesson 06.*
#
# A mean over tasks decides for you how much a point of garment is worth in points of way up. Before deciding, look at both. A way
# is **dominated** if another is at least as good on every task and better on one: whatever you value, you need not take it.
# What is left is the **front**.
#
# *Stored results on `questions`, 1,000 pictures, 20 epochs, seeds 100 to 109.*
#
# ### Exercise · Dominated  (difficulty ●●○, importance ●●○, 6 minutes)
#
# `scores` maps a way to a mapping from task to score, more being better. Return the set of ways that are dominated.

# %%
from itertools import combinations

import pandas as pd

import mtl_lesson as mtl
from mtl_lesson import bank, checks


def dominated(scores):
    return ...


checks.dominated(dominated)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def dominated(scores):
#     def beats(a, b):
#         return all(a[task] >= b[task] for task in b) and any(a[task] > b[task] for task in b)
#
#     return {way for way in scores if any(beats(scores[other], scores[way]) for other in scores)}
# ```
#
# </details>
#
# ## Which question gets a trunk to itself?
#
# Room for two trunks, not three: three choices of equally many weights, beside *Separate* (three trunks) and two *Hard*. On
# means alone chance dominates too: of two equal ways one is always a little ahead. And a tie is no evidence that nothing is
# lost. So **beyond doubt** a way is dominated only if some other is *shown* to be better on one task, and *shown* to lose less than
# two points on every other.

# %%
names, ways, branches = ["garment", "colour", "way up"], bank.gather_ways(), bank.load("branches")
room = {way: ways[way].scores for way in ("Separate", "Hard", "Hard, as heavy")}
for name in names:
    room[f"{name} apart"] = mtl.choose(branches[branches.branch == f"{name}=conv1"], "branch")


def doubtless(a, b):
    """Whether a dominates b, with two points as what counts for nothing."""
    better = [mtl.claim("a is better", a[name], b[name]).verdict == "supported" for name in names]
    level = [mtl.claim("a loses little", a[name] + 0.02, b[name]).verdict == "supported" for name in names]
    return any(better) and all(level)


find = dominated if checks.dominated(dominated).state == "right" else checks.lesson_06.unhelped
on_means = find({way: dict(rows[names].mean()) for way, rows in room.items()})
by_whom = {b: [a for a in room if a != b and doubtless(room[a], room[b])] for b in room}
by_whom = {b: others for b, others in by_whom.items() if others}
print("Dominated on the means:", "; ".join(sorted(on_means)) or "none")
for b, others in by_whom.items():
    print(f"Dominated beyond doubt: {b} (by {' and by '.join(others)})")

# %%
points = pd.concat({way: rows[names].rename_axis(columns="task").stack() for way, rows in room.items()})
points = points.rename("score").rename_axis(index=["way", "seed", "task"]).reset_index()
mtl.show.pareto(points, "garment", "way up", reference="Separate", hollow=list(by_whom),
                hollow_means="dominated beyond doubt, all three questions counted",
                title="Two of the three questions")

# %% [markdown]
# Up is better on way up, right is better on garment. All along the dashed line the mean of the two is the same, and yet its ends
# are different products. If garment counts $w$ and way up $1 - w$, which of the three choices is shown to lose less than two
# points to the other two?

# %%
for w in (0.0, 0.25, 0.5, 0.75, 1.0):
    value = {f"{name} apart": w * room[f"{name} apart"].garment + (1 - w) * room[f"{name} apart"]["way up"]
             for name in names}
    match = [way for way, (_, one) in mtl.evidence.match_best(value).items() if one.verdict == "supported"]
    print(f"w = {w:.2f}: {' or '.join(match) or 'not known'}")

# %% [markdown]
# *colour apart* stands in every row: nobody has to agree on a $w$, and that is worth more than a good mean. Both *Hard* and the
# other two choices are dominated beyond doubt, <!-- stated: len(by_whom) = 4 --> so what is left is *Separate* and, with a
# trunk less, garment and way up together.
#
# ## One number for all: Δm
#
# Tasks differ in units and difficulty, so papers report the mean relative change against *Separate* (Maninis et al. 2019), with
# scores $M_t$ against $B_t$:
#
# $$\Delta m = \frac1T \sum_t s_t\, \frac{M_t - B_t}{B_t}, \qquad s_t = -1 \text{ if less is better, else } +1.$$
#
# ### Exercise · Δm  (difficulty ●●○, importance ●●●, 5 minutes)
#
# `way` and `separate` map a task's name to its score; `lower` holds the tasks where less is better. Return the fraction.

# %%
def delta_m(way, separate, lower=()):
    return ...


checks.delta_m(delta_m)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def delta_m(way, separate, lower=()):
#     changes = []
#     for task in separate:
#         change = (way[task] - separate[task]) / separate[task]
#         changes.append(-change if task in lower else change)
#     return sum(changes) / len(changes)
# ```
#
# </details>
#
# An accuracy of 90 % and an error rate of 10 % are the same fact. Is their Δm?

# %%
change = delta_m if checks.delta_m(delta_m).state == "right" else checks.lesson_06.relative_change
base = ways["Separate"].scores[names].mean()
means = {way: one.scores[names].mean() for way, one in ways.items()}
deltas = pd.DataFrame({way: [change(dict(one), dict(base)), change(dict(1 - one), dict(1 - base), names)]
                       for way, one in means.items()}, index=["Δm on accuracy", "Δm on error rate"]).T
errors = (1 - means["Hard"]) / (1 - base) - 1  # by how much of themselves the errors of Hard have grown, a task
deltas.map(lambda one: f"≈ {one:+.1%}".replace("-", "−"))

# %% [markdown]
# The same networks and answers, and for *Hard* four times the loss: <!-- stated: 100*deltas.loc["Hard"].iloc[0] = -7.5 -->
# where few errors were, a few more are a large share. <!-- stated: 100*deltas.loc["Hard"].iloc[1] = -28.0 -->
# On *way up* they have grown by half. <!-- stated: 100*errors["way\x20up"] = 48 -->
# A Δm without its measure and each task's score is no result.
#
# ## Δm and its measure, in all pairs
#
# Can the measure turn an order round? Each way and each branch of lesson 05, in pairs:

# %%

def both(scores):
    """Δm of mean scores: from accuracies, and from error rates."""
    one = scores[names].mean()
    return change(dict(one), dict(base)), change(dict(1 - one), dict(1 - base), names)


candidates = {way: both(one.scores) for way, one in ways.items()}
for branch, part in branches[~branches.branch.isin(["conv1", "heads"])].groupby("branch"):  # those are Separate, Hard
    candidates[f"branch {branch}"] = both(mtl.choose(part, "branch"))
gap = {(a, b): [x - y for x, y in zip(candidates[a], candidates[b], strict=True)] for a, b in combinations(candidates, 2)}
turned = [pair for pair in gap if gap[pair][0] * gap[pair][1] < 0]
print(f"{len(turned)} of {len(gap)} pairs change their order.")
if turned:
    a, b = max(turned, key=lambda pair: -gap[pair][0] * gap[pair][1])
    for number, measure in enumerate(("accuracy", "error rate")):
        values = {name: candidates[name][number] for name in (a, b)}
        print(f"Δm on {measure:10s} prefers {max(values, key=values.get)}: "
              + ", ".join(f"{name} ≈ {value:+.1%}".replace("-", "−") for name, value in values.items()))

# %% [markdown]
# (These are means of what is stored, not claims about new seeds: arithmetic alone can do it, <!-- stated: len(turned) = 26 -->
# in one pair of seven.)
#
# ## What we saw
#
# - With colour apart, two trunks lose less than two points to any other choice, whatever garment and way up are worth.
# - A front shows what a mean hides; a tie dominates nobody.
# - The order of two ways by Δm can hang on whether one counts answers or errors.
