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
# # 06 · The trade-off
#
# After this lesson you can
#
# - say for which number of labels, and for how related tasks, sharing pays, and where nobody can tell,
# - compare ways of sharing by task, by Δm and as a front, and say what each of these hides,
# - run a fair comparison of your own and add it to a map.
#
# *45 minutes of work, and 15 more with the two parts marked "optional"; about a minute of computing on two free cores. Before
# this: lessons 02 to 05.*
#
# **The misconception of this lesson:** *there is a best architecture.* Every paper's table has a row in bold, and it is
# always the new one. If one way of sharing were best, five lessons of measurements would show it. Do they?

# %%
import math
from collections import Counter
from itertools import combinations, pairwise

import pandas as pd
from torch.utils.flop_counter import FlopCounterMode

import mtl_lesson as mtl
from mtl_lesson import bank, checks

pd.set_option("display.max_colwidth", None)


def versus(text, a, b):
    """The claim that a is greater than b, over the seeds that both have."""
    seeds = a.index.intersection(b.index)
    return mtl.claim(text, a[seeds], b[seeds], unit="%")


# %% [markdown]
# ## 1 · A map of two dials
#
# Six shoppers again (lesson 02). One dial is δ, how personal their tastes are; the other is $n$, how many garments each has
# rated. *Separate*: six networks. *Hard*: one trunk, six heads. *Pooled*: one network for all six, as if they were one person.
# And *Soft* (lesson 04) with two values of λ, neither of them 0, of which each seed takes the one that its own **validation**
# set likes better; its score, like all scores here, is from the test set. Every network is trained for about 200 steps.
#
# **Predict.** Draw a grid of δ = 0, 1, 2 and n = 40, 150, 400 on paper. Mark where you think *Pooled* beats *Separate* (+) and
# where it loses (−), then the same for *Hard*. Commit to two points of it here:

# %%
border = mtl.predict(
    "With 150 ratings each, one network for all six is better than six up to δ = …",
    (0.0, 2.0, 0.05),
    key="06/border",
)
border

# %%
shift = mtl.predict(
    "With 400 ratings each instead of 40, that border lies at …",
    ["a smaller δ", "a larger δ", "no clear difference"],
    key="06/shift",
)
shift

# %%
stored = pd.concat([bank.load("relatedness"), bank.load("relatedness_labels")])
scores = {}  # (way, n, δ) → test score by seed, mean of the six people
for (way, n, delta), part in stored.groupby(["way", "n", "delta"]):
    axis = "lam" if way == "Soft" else "n"  # with one n there is nothing to choose
    scores[way, n, delta] = mtl.choose(part, axis)["mean"]


def map_of(scores, way, rows, columns, **words):
    """Way − Separate at every place of the grid; hatched where the interval holds 0."""
    cells = [[versus(f"{way} is better", scores[way, n, row], scores["Separate", n, row])
              if (way, n, row) in scores else None for n in columns] for row in rows]
    mean = [[cell.mean if cell else math.nan for cell in row] for row in cells]
    half = [[(cell.high - cell.low) / 2 if cell else math.nan for cell in row] for row in cells]
    return mtl.show.map_of_differences(mean, rows, columns, half, positive=f"{way} is better",
                                       negative="Separate is better", title=f"{way} − Separate", **words)


people = {"row_name": "δ, how personal", "column_name": "ratings a person"}
map_of(scores, "Pooled", [0.0, 1.0, 2.0], [40, 150, 400], **people)

# %%
map_of(scores, "Hard", [0.0, 1.0, 2.0], [40, 150, 400], **people)

# %%
map_of(scores, "Soft", [0.0, 1.0, 2.0], [40, 150, 400], **people)

# %% [markdown]
# Hatched cells are undecided: their 95 % interval holds zero. Three maps have 27 cells, and of 27 such intervals around a
# true zero one or two would miss it by chance. So a single cell proves little; a whole side of a map that
# agrees proves more. Here is where the border lies, read off seed by seed between the δ that were measured.

# %%
def border_at(n, deltas):
    """For each seed the δ at which Pooled − Separate falls through 0, on straight lines between those measured."""
    pooled, separate = ({δ: scores[way, n, δ] for δ in deltas} for way in ("Pooled", "Separate"))
    gains = (pd.DataFrame(pooled) - pd.DataFrame(separate)).dropna()  # a row a seed, a column a δ
    found = {}
    for seed, gain in gains.iterrows():
        found[seed] = deltas[0] if gain[deltas[0]] <= 0 else deltas[-1]  # never positive, or always
        for low, high in pairwise(deltas):
            if gain[low] > 0 >= gain[high]:
                found[seed] = low + (high - low) * gain[low] / (gain[low] - gain[high])
                break
    return pd.Series(found).rename_axis("seed")


border.reveal(border_at(150, [0.0, 0.5, 1.0, 2.0]).mean())
few, many = border_at(40, [0.0, 1.0, 2.0]), border_at(400, [0.0, 1.0, 2.0])
moved = mtl.claim("with 400 ratings, pooling stops paying at a smaller δ than with 40", many, few, "less")
shift.reveal({"supported": "a smaller δ", "contradicted": "a larger δ",
              "undecided": "no clear difference"}[moved.verdict])
print(moved)

# %% [markdown]
# The corners of the first map as claims, named because they are corners and not because of their colour. The differences
# of *Hard* are smaller, so for it a whole side at once: the mean over the three numbers of ratings.

# %%
corners = []
for delta, taste in ((0.0, "one taste"), (2.0, "own tastes")):
    for n in (40, 400):
        corners.append(versus(f"{taste}, {n} ratings: one network for all is better than six networks",
                              scores["Pooled", n, delta], scores["Separate", n, delta]))
    side = {way: sum(scores[way, n, delta] for n in (40, 150, 400)).dropna() / 3 for way in ("Hard", "Separate")}
    corners.append(versus(f"{taste}, mean of three n: one trunk is better than six", side["Hard"], side["Separate"]))
print(*corners, sep="\n")
mtl.show.paired(corners)

# %% [markdown]
# Sharing buys less noise and pays with a bias towards the others. So one expects it to be worth most where labels are few.
# Is it? The gain at one taste, with 40 ratings against 400:

# %%
def gain(way, n):
    return (scores[way, n, 0.0] - scores["Separate", n, 0.0]).dropna()


shrinks = [
    versus(f"one taste: {words} gains more with 40 ratings than with 400", gain(way, 40), gain(way, 400))
    for way, words in (("Pooled", "one network for all"), ("Hard", "one trunk"))
]
print(*shrinks, sep="\n")

# %% [markdown]
# Where you see *supported*, the expectation holds. Where you see *contradicted*, ask what was short of labels: *Hard* shares
# the trunk and leaves every head to learn from its own 40 ratings, so it cannot mend what is wrong with the heads. "Few
# labels, so share" is true of the part that *is* shared and starved. And how much a way shares decides how steep its map
# is: *Pooled* has the most to win and the most to lose.
#
# ### Another world, another dial  (optional, 5 minutes)
#
# Four shops ask *which garment?* of their own pictures, and shop $t$ = 0, 1, 2, 3 turns its camera by $t$ times an angle.
# At 0° all see alike; at 45° the last shop's pictures are turned by 135°. Two numbers of labels, three angles:

# %%
turned = {}
for (way, n, angle), part in bank.load("shops_labels").groupby(["way", "n", "delta"]):
    turned[way, n, angle] = mtl.choose(part, "n")["mean"]
shops = {"row_name": "angle, degrees", "column_name": "labels a shop"}
map_of(turned, "Pooled", [0, 15, 45], [50, 400], **shops)

# %%
map_of(turned, "Hard", [0, 15, 45], [50, 400], **shops)

# %%
for angle in (0, 45):
    for n in (50, 400):
        print(versus(f"{angle}°, {n} labels: one network for all is better than four",
                     turned["Pooled", n, angle], turned["Separate", n, angle]))

# %% [markdown]
# Compare the two *Hard* maps before you carry a rule from one world to the next. In `shoppers` the trunk has the same work
# for all six at every δ (telling kinds of garment apart), and what is personal is the heads'. In `shops` a turned picture may
# need other features, so there the angle makes the *trunk's* work differ, and the answers stay the same. "Related" is not
# one thing: ask *what* the tasks have in common, and share that.
#
# ## 2 · What is sharing worth, in labels?
#
# A gain in percentage points is hard to weigh. Labels cost money, so ask: how many ratings would six separate networks
# have needed to do as well? Here is one taste (δ = 0), where sharing has most to give.

# %%
measured = [40, 150, 400]
curve = pd.concat([
    scores[way, n, 0.0].rename("score").loc[range(5)].reset_index().assign(way=way, n=n)  # the seeds that all have
    for way in ("Separate", "Hard", "Pooled") for n in measured
])
mtl.show.along(curve, "n", line="way", label="agreement on test", x_label="ratings a person")

# %% [markdown]
# (The bands hold what a seed does to all three alike; the paired differences of the maps do not, and are sharper.) Go from a
# shared network's score straight to the right, until you meet the curve of *Separate*, and read off its $n$.
#
# ### Exercise 1 · Read it off  (difficulty ●●○, importance ●●○, 7 minutes)
#
# `scores` were measured at `n` and rise. Return the number of labels at which they reach `target`, on straight lines in
# $\log n$ between the measured points. Outside them nothing is known: return `math.nan` there.

# %%
def labels_worth(target, n, scores):
    return ...


checks.labels_worth(labels_worth)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# import numpy as np
#
# def labels_worth(target, n, scores):
#     if not min(scores) <= target <= max(scores):
#         return math.nan
#     return math.exp(np.interp(target, scores, np.log(n)))
# ```
#
# `np.interp` alone would return 40 for any score below the curve and 400 for any above it, without a word.
#
# </details>

# %%
read_off = labels_worth if checks.labels_worth(labels_worth).state == "right" else checks.lesson_06.needed
own = pd.DataFrame({n: scores["Separate", n, 0.0] for n in measured}).dropna()  # a row a seed
worth = []
for way in ("Hard", "Pooled"):
    for n in (40, 150):
        target = scores[way, n, 0.0]
        found = pd.Series({seed: read_off(target[seed], measured, list(row)) for seed, row in own.iterrows()})
        if unknown := found.isna().sum():
            print(f"{way}, {n} ratings: beyond what was measured in {unknown} of {len(found)} seeds, so unknown")
        else:
            text = f"{way}: {n} ratings do what more than {n} do for Separate"
            worth.append(mtl.claim(text, found.rename_axis("seed"), float(n), unit="ratings"))
            print(f"{way}, {n} ratings: worth ≈ {found.mean():.0f} ratings of Separate")
print(*worth, sep="\n")

# %% [markdown]
# Where the answer is *unknown*, some seed's shared network did better than its separate ones with 400 ratings, or worse than
# with 40. A number could be made up by drawing the curve on, or by leaving those seeds out; it would be an opinion. Where
# there is an interval, look at its width before quoting the number: a flat curve turns a small doubt about a score into a
# large one about labels.
#
# ## 3 · Side by side
#
# Now the ways of five lessons on one world, `questions`, with 1,000 pictures and the same 20 epochs. What was tuned was tuned
# on validation, seed by seed. *Hard, wider* has one trunk with as many weights as three separate ones. *Two trunks* is a
# branch of lesson 05: one task has a trunk of its own, the other two share one, and validation says which task that is.
# A row is a mean over the five to ten seeds that are stored; all comparisons below are over the seeds that both have.

# %%
names = ["garment", "colour", "way up"]
widths, branches = bank.load("equal_weights"), bank.load("branches")
path = bank.load("questions_path")
together = branches[branches.branch.isin(["conv1", "conv2", "linear", "heads"])]  # all three leave at the same layer
apart = branches[branches.branch.isin([f"{name}=conv1" for name in names])]  # one leaves at the first layer, two stay
runs = {
    "Separate": (widths[widths.way == "Separate"], "width"),
    "Hard": (widths[(widths.way == "Hard") & (widths.width == 8)], "width"),
    "Hard, wider": (widths[(widths.way == "Hard") & (widths.width == 14)], "width"),
    "Soft": (path, "lam"),
    "Hierarchical": (together, "branch"),
    "Two trunks": (apart, "branch"),
    "SharedPrivate": (bank.load("parts"), "gamma"),
}
questions = {way: mtl.choose(table, axis) for way, (table, axis) in runs.items()}  # seed → test score of each task
chosen = {way: Counter(rows[runs[way][1]]).most_common(1)[0] for way, rows in questions.items()}  # value, how often
dial = {"width": "width", "lam": "λ", "branch": "branch", "gamma": "γ"}

tasks, trunk = mtl.data.questions(n_train=10).tasks, mtl.nets.conv(8)
models = {
    "Separate": mtl.Separate(tasks, trunk),
    "Hard": mtl.Hard(tasks, trunk),
    "Hard, wider": mtl.Hard(tasks, mtl.nets.conv(14)),
    "Soft": mtl.Soft(tasks, trunk),
    "Hierarchical": mtl.Hierarchical(tasks, trunk, branch=chosen["Hierarchical"][0]),
    "Two trunks": mtl.Hierarchical(tasks, trunk, branch={"colour": "conv1"}),  # as heavy whichever task it is
    "SharedPrivate": mtl.SharedPrivate(tasks, trunk),
}
picture = mtl.data.questions(n_train=10).test.x[:1]
rows = {}
for way, by_seed in questions.items():
    with FlopCounterMode(display=False) as counter:
        models[way](picture)
    rows[way] = {name: f"≈{by_seed[name].mean():.1%}" for name in [*names, "mean"]} | {
        "weights": f"{models[way].size():,}", "multiply-adds": f"{counter.get_total_flops() // 2:,}",
        "tried": runs[way][0][runs[way][1]].nunique(),
        "chosen most often": f"{dial[runs[way][1]]} {chosen[way][0]}".removesuffix(".0").replace(" 0.", " .")
                             + f" ({chosen[way][1]} of {len(by_seed)})"}
pd.DataFrame(rows).T

# %% [markdown]
# Read the last columns first: how many settings were *tried*, and which was chosen by how many of the seeds. The tuning is **not** equal: *Soft* could choose among nine λ, *Hierarchical* among four
# branches, *Two trunks* and *SharedPrivate* among three settings, and the others had no choice. A way that may try more
# looks better for that alone. More: λ = 0 and the branch at the first layer (conv1) *are* Separate, so *Soft* and
# *Hierarchical* can only lose to it by choosing badly. If what they chose most often is that end, or next to it, their row
# is nearly the row of *Separate* in another name.
#
# So once more with nothing tuned, one setting each, near the middle of its grid (of the four branches the third), fixed before
# looking:

# %%
untuned = {}
for way, value in (("Soft", 0.01), ("Hierarchical", "linear"), ("SharedPrivate", 0.1)):
    table, axis = runs[way]
    untuned[way] = mtl.choose(table[table[axis] == value], axis)
    means = untuned[way][[*names, "mean"]].mean()
    print(f"{way} at {value}: " + ", ".join(f"{name} ≈ {score:.1%}" for name, score in means.items()))
tuning = [versus(f"{way}: choosing on validation is better than a fixed setting, mean of three",
                 questions[way]["mean"], untuned[way]["mean"]) for way in untuned]
print(*tuning, sep="\n")

# %% [markdown]
# Where you see *supported*, part of what looks like an architecture in the table above is the search. Now every way against
# every other: is the row better than the column, on the mean of the three tasks? **A tie is what five to ten seeds cannot
# decide**, and it is written down as one. A question mark is an interval that ends so close to zero that one more seed could
# move it across: no verdict either.

# %%
def verdict(a, b):
    """Is a better than b? The verdict, or "close" where the interval ends next to 0."""
    claim = versus("a is better than b", a, b)
    return "close" if claim.close else claim.verdict


def verdicts(ways, words=("better", "worse", "tie", "?")):
    """Each way (a row) against each other (a column)."""
    said = dict(zip(("supported", "contradicted", "undecided", "close"), words, strict=True))
    return pd.DataFrame({b: {a: "·" if a == b else said[verdict(ways[a], ways[b])] for a in ways}
                         for b in ways})


def of(table, task):
    """Way → score of one task by seed."""
    return {way: rows[task] for way, rows in table.items()}


verdicts(of(questions, "mean"))

# %% [markdown]
# And by task, in the order garment, colour, way up: + better, − worse, = a tie, ? too close.

# %%
each = [verdicts(of(questions, name), words="+−=?") for name in names]
each[0] + " " + each[1] + " " + each[2]

# %% [markdown]
# How many of the verdicts on the mean hold for *every* task? Twenty-one pairs are also twenty-one chances to be fooled, so
# do not build on a lonely + in a row of ties. Now the world of six people, own tastes (δ = 2) and 150 ratings, where *Pooled*
# exists as well:

# %%
leaves, paths = bank.load("branches_shoppers"), bank.load("shoppers_path")
personal = {way: scores[way, 150, 2.0] for way in ("Separate", "Hard", "Pooled")}
personal["Soft"] = mtl.choose(paths[paths.delta == 2], "lam")["mean"]
personal["Hierarchical"] = mtl.choose(leaves[leaves.delta == 2], "branch")["mean"]
print(", ".join(f"{way} ≈ {by_seed.mean():.1%}" for way, by_seed in personal.items()))
verdicts(personal)

# %%
six = stored[(stored.n == 150) & (stored.delta == 2) & (stored.way != "Soft")]
by_person = six.groupby(["way", "task"], sort=False).score.mean().unstack("way")
pd.DataFrame({way: by_person[way].map("≈ {:.0%}".format) for way in ("Separate", "Hard", "Pooled")}).rename_axis(None)

# %% [markdown]
# One network gives one answer about a garment, and each person pays where that answer is not theirs: compare the rows of
# *Pooled*. A mean over people is fair to the average person, and there may be none.
#
# ### One number for all: Δm
#
# Tasks have different units and difficulties, so many papers report the mean relative change against separate networks,
#
# $$\Delta m = \frac1T \sum_t s_t\, \frac{M_t - B_t}{B_t}, \qquad s_t = \begin{cases} -1 & \text{if less is better} \\ +1 &
# \text{otherwise,} \end{cases}$$
#
# with $M_t$ the score of task t and $B_t$ its score under *Separate* (Maninis et al. 2019).
#
# ### Exercise 2 · Δm  (difficulty ●●○, importance ●●●, 6 minutes)
#
# `way` and `separate` map a task's name to its score; `lower` holds the names of the tasks where less is better. Return
# the fraction.

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
separate = questions["Separate"][names]


def both(rows):
    """Δm by seed: computed from accuracies, and from error rates."""
    seeds = rows.index.intersection(separate.index)
    found = {}
    for seed in seeds:
        way, base = rows.loc[seed, names], separate.loc[seed]
        found[seed] = change(dict(way), dict(base), ()), change(dict(1 - way), dict(1 - base), set(names))
    return pd.DataFrame(found, index=["accuracy", "error rate"]).T.rename_axis("seed").astype(float)


relative = []
for way in ("Hard", "Hard, wider", "Soft", "Two trunks"):
    deltas = both(questions[way])
    for measure in deltas:
        relative.append(mtl.claim(f"{way}: Δm > 0 on {measure}", 100 * deltas[measure], 0.0, unit="percent"))
print(*relative, sep="\n")
mtl.show.paired(relative)

# %% [markdown]
# The same networks, the same answers, and another size of the effect. One point lost on *garment*, which is hard, is
# a small share of its errors; one point lost on *colour*, where few errors are left, is a large share of them. So the error
# rate weighs the easy tasks most, and the accuracy the hard ones. Can that turn an order round? All that is
# stored on this world, each way and each branch of lesson 05, in pairs ("garment=conv1": garment leaves the trunk there,
# the others stay together):

# %%
candidates = {way: both(rows).mean() for way, rows in questions.items()}
for branch, part in branches.groupby("branch"):
    candidates[f"branch {branch}"] = both(mtl.choose(part, "branch")).mean()
pairs = list(combinations(candidates, 2))
gap = {(a, b): candidates[a] - candidates[b] for a, b in pairs}
turned_round = [pair for pair in pairs if gap[pair]["accuracy"] * gap[pair]["error rate"] < 0]
print(f"{len(turned_round)} of {len(pairs)} pairs change their order.")
if turned_round:
    a, b = max(turned_round, key=lambda pair: -gap[pair]["accuracy"] * gap[pair]["error rate"])
    for measure in ("accuracy", "error rate"):
        values = {name: candidates[name][measure] for name in (a, b)}
        print(f"Δm on {measure:10s} prefers {max(values, key=values.get)}: "
              + ", ".join(f"{name} ≈ {value:+.1%}".replace("-", "−") for name, value in values.items()))

# %% [markdown]
# (These are means of what is stored, not claims about new seeds: the point is that arithmetic alone can do it.) So a Δm
# without the measure it was computed from, and without the scores of each task beside it, is not a result.
#
# ## 4 · Two tasks at once  (optional, 10 minutes)
#
# A mean decides for you how much a point of garment is worth in points of way up. Before deciding, look at both. A way is
# **dominated** if another is at least as good on every task and better on one: whatever you value, you need not take it.
#
# ### Exercise 3 · Dominated  (difficulty ●●○, importance ●●○, 6 minutes)
#
# `scores` maps a way to a mapping from task to score, more being better. Return the set of ways that are dominated.

# %%
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
# Suppose your phone has room for two trunks, not three. Which question gets the one to itself? Three choices with equally
# many weights, beside *Separate* (three trunks) and both *Hard*. On means alone chance dominates, too: of two equal ways one
# is always a little ahead. So *beyond doubt* a way is dominated only if some other is *supported* to be better on a task,
# and on the others no worse than a tie.

# %%
room = {way: questions[way] for way in ("Separate", "Hard", "Hard, wider")}
for name in names:
    room[f"{name} apart"] = mtl.choose(apart[apart.branch == f"{name}=conv1"], "branch")

seeds = sorted(set.intersection(*(set(rows.index) for rows in room.values())))  # those that all have
find = dominated if checks.dominated(dominated).state == "right" else checks.lesson_06.unhelped
on_means = find({way: dict(rows.loc[seeds, names].mean()) for way, rows in room.items()})
by_whom = {}
for b in room:
    for a in room:
        found = {verdict(room[a][name], room[b][name]) for name in names if a != b}
        if "supported" in found and found <= {"supported", "undecided"}:
            by_whom.setdefault(b, []).append(a)
print("Dominated on the means:", "; ".join(sorted(on_means)) or "none")
for b, others in by_whom.items():
    print(f"Dominated beyond doubt: {b} (by {' and by '.join(others)})")

# %%
points = pd.concat({way: rows.loc[seeds, names].rename_axis(columns="task").stack() for way, rows in room.items()})
points = points.rename("score").rename_axis(index=["way", "seed", "task"]).reset_index()
mtl.show.pareto(points, "garment", "way up", reference="Separate", hollow=list(by_whom),
                hollow_means="dominated beyond doubt, all three questions counted",
                title="Two of the three questions")

# %% [markdown]
# Up is better on way up, right is better on garment. All along the dashed line the mean of the two is the same, and yet its
# ends are different products. *garment apart* and *way up apart* cost the same and lie at different ends. Where neither is
# dominated, each would serve another customer, and no mean can tell you which you are. If garment counts $w$ and way up $1 - w$, which of the three choices is best?

# %%
choices = [f"{name} apart" for name in names]
for w in (0.0, 0.25, 0.5, 0.75, 1.0):
    value = {way: w * room[way].garment + (1 - w) * room[way]["way up"] for way in choices}
    first = max(value, key=lambda way: value[way].mean())
    said = {way: verdict(value[first], value[way]) for way in choices if way != first}
    tied = [way for way, word in said.items() if word in ("undecided", "close")]
    print(f"w = {w:.2f}: {first}" + (f", tied with {' and '.join(tied)}" if tied else ""))

# %% [markdown]
# If one choice wins, or ties, at every $w$, nobody has to agree on a $w$: that is worth more than a good mean. It also says
# which tasks to put together. (Among 5 seeds, and for these three tasks: your own need their own sweep.)
#
# %% [markdown]
# ## 5 · Your own sweep
#
# So far you have read our measurements. Now take one: a place on the map that nobody has measured. Choose your own δ and
# n, write down what you expect, and run the cell. Seeds from 100 on are *fresh*: nothing in this lesson was chosen on them.

# %%
delta, n = 0.4, 250  # yours: δ from 0 to 2, n from 20 to 400
fresh = range(100, 103)  # more seeds, more certainty: 3 take some seconds

epochs = max(1, round(200 / math.ceil(n / 30)))  # about 200 steps of 30 ratings, as above
setting = {"trunk": mtl.nets.conv(8, channels=1), "delta": delta, "n": n, "seeds": fresh, "epochs": epochs,
           "batch_size": 30, "test": True}
swept = {
    "Separate": mtl.sweep(mtl.Separate, mtl.data.shoppers, **setting),
    "Hard": mtl.sweep(mtl.Hard, mtl.data.shoppers, **setting),
    "Soft": mtl.sweep(mtl.Soft, mtl.data.shoppers, lam=[0.003, 0.03, 0.3], **setting),
}
mine = {way: mtl.choose(one.table, "lam" if way == "Soft" else "n")["mean"] for way, one in swept.items()}

# %%
for way in ("Hard", "Soft"):
    points = 100 * (mine[way] - mine["Separate"])
    said = [f"≈ {one:+.1f}".replace("-", "−") for one in (points.mean(), *points)]
    print(f"δ = {delta:g}, n = {n}: {way} − Separate {said[0]} points; by seed: {', '.join(said[1:])}")
with_mine = scores | {(way, n, float(delta)): by_seed for way, by_seed in mine.items()}
map_of(with_mine, "Hard", sorted({0.0, 1.0, 2.0, float(delta)}), sorted({40, 150, 400, n}), **people)

# %% [markdown]
# Your cell stands in a row and a column of its own. Does it fit between its neighbours? With three seeds it may well be
# hatched although its neighbours are not: Student's factor for three seeds is 4.3, for eight 2.4. How many seeds you need
# follows from how small a difference you would act on, and it is honest to decide that before looking.
#
# ## 6 · What should I share?
#
# A guide, made of what was measured and nothing else. For each situation: which ways did **no** other beat beyond doubt?
# Of those, the lightest (fewest weights) is a reasonable first choice, since nothing that was measured speaks for paying more.

# %%
six_tasks, four_tasks = mtl.data.shoppers(n=10).tasks, mtl.data.shops(n=10).tasks
grey = mtl.nets.conv(8, channels=1)


def weights(kind, tasks):
    return getattr(mtl, kind)(tasks, grey).size()


def advice(situation, ways, size):
    """Which ways no other beats, and the lightest of them."""
    unbeaten = [a for a in ways if all(verdict(ways[b], ways[a]) != "supported" for b in ways if b != a)]
    return {"situation": situation, "measured": len(ways), "unbeaten": ", ".join(unbeaten),
            "lightest of these": min(unbeaten, key=size)}


guide = []
for taste, d in (("one taste", 0.0), ("half common", 1.0), ("own tastes", 2.0)):
    for few_or_many in (40, 400):
        ways = {way: scores[way, few_or_many, d] for way in ("Separate", "Hard", "Pooled", "Soft")}
        size = {way: weights(way, six_tasks) for way in ways}
        guide.append(advice(f"six people, {taste}, {few_or_many} ratings", ways, size.get))
for angle in (0, 15, 45):
    for few_or_many in (50, 400):
        ways = {way: turned[way, few_or_many, angle] for way in ("Separate", "Hard", "Pooled")}
        size = {way: weights(way, four_tasks) for way in ways}
        guide.append(advice(f"four shops, {angle}°, {few_or_many} labels", ways, size.get))
for name in [*names, "mean"]:
    guide.append(advice(f"three questions, {name}", of(questions, name), lambda way: models[way].size()))
pd.DataFrame(guide).set_index("situation")

# %%
first = Counter(row["lightest of these"] for row in guide)
print(f"{len(guide)} situations, {len(first)} different first choices:",
      ", ".join(f"{way} {times} times" for way, times in first.most_common()))
everywhere = [row for row in guide if "three questions" not in row["situation"]]  # where all three ways exist
always = [way for way in ("Separate", "Hard", "Pooled")
          if all(way in row["unbeaten"].split(", ") for row in everywhere)]
print("Of Separate, Hard and Pooled, unbeaten in every situation of people and shops:", ", ".join(always) or "no way")

# %% [markdown]
# This table is the answer to the misconception. If its last column named one way all along, that would be the best
# architecture; count how many it names. And mind what *unbeaten* means: several ways stand in most rows because nobody could tell
# them apart, not because all are good. To use the guide, ask in this order:
#
# 1. **What do my tasks have in common**: the whole answer, the features, or the pictures alone? Share that much.
# 2. **Which part is short of labels?** Sharing a trunk feeds the trunk; heads of their own stay as hungry as they were.
# 3. **What do I pay for?** In a tie, take what costs less, to run and to tune.
# 4. **What would change my mind?** Compare on validation, over seeds, task by task, against *Separate* and against the next
#    simpler way.
#
# ## What we saw
#
# - The sign of a transfer is a property of the way, the tasks *and* the number of labels. It has a border, and one can draw it.
# - What sharing is worth can be said in labels, where it was measured, and not beyond.
# - A table of scores needs beside it what each way cost and how many settings it tried.
# - Δm depends on the measure it is computed from; a mean hides who pays. A front shows it.
# - Ties are common, and they are a result: they leave you free to take the cheaper way.
#
# **Which model would you now choose** for five clinics with 60 labelled pictures each, two of which use another camera? What
# would you measure before choosing, and which result would change your mind?
#
# *Read on:* Standley et al. 2020, "Which tasks should be learned together in multi-task learning?" · Maninis, Radosavovic &
# Kokkinos 2019, "Attentive single-tasking of multiple tasks" (Δm) · Kurin et al. 2022, "In defense of the unitary scalarization
# for deep multi-task learning" · Vandenhende et al. 2021, "Multi-task learning for dense prediction tasks: a survey".
#
# **Next:** 07 · Inside the features: available, used and similar are three things.
