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
# # 13 · Your own tasks: a comparison that you can lose
#
# After this lesson you can
#
# - write a protocol before the data are touched,
# - say what an interval covers, how often it is wrong and what it can see,
# - bring a table of your own and read a report that may say *not known*.
#
# *45 minutes of work, the last ten with your own table; about a minute of computing on two free cores. Before this: lesson 06; 12 helps.*
#
# **Lesson 12's last question**, which rows of your table belong to one unit: write down the column that says so. You will need it.
#
# **A colleague says:** "On my data I ran one network a task and one trunk for all, and the trunk was two points better. So on my data it is better."
#
# *Stored results: 60 networks of each of two ways on each of three tables, seeds from 100 on, each trained on rows drawn anew.*

# %%
import pandas as pd
from torch import nn

import mtl_lesson as mtl
from mtl_lesson import bank, checks
from mtl_lesson import inspection as look

# %% [markdown]
# ## 1 · The protocol comes first
#
# What could the colleague have reported otherwise? Another way of sharing, another task, another split, a seed more. Who
# chooses any of these after having seen results can hardly lose, and *a comparison that you cannot lose is not a comparison*. A protocol fixes, before the first
# training, one **primary claim**, its **unit**, the **margin** (the least gain worth having) and a **stopping rule**; and it is reported whichever way it ends.
#
# ### Exercise 1 · Write one  (difficulty ●●○, importance ●●●, 4 minutes)
#
# A school board has a table of pupils in 131 schools, and three tasks. It asks whether, *in schools that are not in the table*, one network for
# all would do better than three, taken over all three tasks. It would not change anything for less than two points.
#
# - the claim, Hard against Separate: `"best of five ways"`, `"some task"` or `"mean over tasks"`?
# - the unit: `"pupil"`, `"school"` or `"seed"`?
# - the margin: `"0"`, `"0.02"` or `"what comes out"`?
# - the end: `"8 seeds"`, `"until shown"` or `"until decided"`?

# %%
claim, unit, margin, stopping = ..., ..., ..., ...

checks.written_protocol(claim, unit, margin, stopping)

# %% [markdown]
# <details><summary>Solution</summary>
#
# `"mean over tasks", "school", "0.02", "8 seeds"`, and the test schools as they are. Best of five and some task are picked after the fact (one task,
# named now, would do); a pupil is no new school.
#
# </details>
#
# ## 2 · The same way twice
#
# How often does a comparison find what is not there? Compare a way *with itself* (A/A): five networks of Hard against five others of Hard, on 200 loans: does it
# last 60 months or 36? And 200 times again, each drawn, with replacement, from the same 60 networks and 2,000 loans. The truth is 0. **Predict:** in how many
# of the 200 does the 95 % interval leave out 0?

# %%
answers = ["none", "1 to 15", "16 to 40", "more"]
guess = mtl.predict("Of 200 comparisons of a way with itself, so many come to a verdict:", answers, key="13/same")
guess

# %%
units = {"loans": 200, "patients": 200, "pupils": 33}  # for pupils the unit is a school
pool = {name: bank.gather_pool(name) for name in units}
same = {name: look.replay(pool[name], "Hard", "Hard", seeds=5, units=units[name], times=200) for name in units}
found = sum(one.verdict != "undecided" for one in same["loans"])
guess.reveal(answers[sum(found > most for most in (0, 15, 40))])
mtl.show.trials({f"{name}: Hard against Hard": claims for name, claims in same.items()})

# %% [markdown]
# Of 200 each, 3, 3 and 4 come to a verdict. They are fewer than 1 in 20, since a way and itself differ
# on no unit but by chance, and the interval allows for more; whether it allows *enough*, only section 3 can tell.
#
# Now without a stopping rule. Somebody looks after every seed, from the third to the twentieth, and stops at the first verdict.

# %%
early = look.stop_early(pool["pupils"], "Hard", most=20, units=units["pupils"], times=200)
once = look.false_verdicts(same["pupils"])
print(f"pupils, false verdicts: ≈ {once:.0%} for one look, ≈ {early:.0%} for eighteen")

# %% [markdown]
# One in eight instead of one in fifty. Every look is one more chance to be wrong.
#
# <!-- stated: 100*look.false_verdicts(same["loans"]) = 1.5 -->
# <!-- stated: 100*look.false_verdicts(same["patients"]) = 1.5 -->
# <!-- stated: 100*look.false_verdicts(same["pupils"]) = 2 -->
# <!-- stated: 100*early = 12 -->
#
# ## 3 · What does the interval cover?
#
# Take two ways now, Hard and Separate. Over all 60 seeds and all units of the test their difference is a number, the truth, and a comparison sees five seeds and some units of it. The
# difference $d_{ju}$ of seed $j$ on unit $u$ varies with the seed, with the unit, and with both together:
#
# $$\operatorname{Var}(\bar d) \approx \frac{s_J^2}{J} + \frac{s_U^2}{U} - \frac{s_{JU}^2}{J\,U} .$$
#
# $s_J^2$ is the variance of the means by seed, $s_U^2$ of the means by unit, $s_{JU}^2$ of what is left without both; it stands in each of the first two, and is taken out once. An interval over seeds alone has the first term only.
#
# ### Exercise 2 · Coverage  (difficulty ●○○, importance ●●●, 3 minutes)
#
# Each claim has `low` and `high`. Which share of the `claims` holds the `truth`?

# %%
def covered(claims, truth):
    return ...


checks.share_covered(covered)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def covered(claims, truth):
#     return sum(one.low <= truth <= one.high for one in claims) / len(claims)
# ```
#
# </details>

# %%
truth = {name: look.true_difference(pool[name], "Hard", "Separate") for name in pool}
rows = []
for name in pool:
    for kind, over_units in {"over seeds alone": False, "over seeds and units": True}.items():
        claims = look.replay(pool[name], "Hard", "Separate", units=units[name], times=1000, over_units=over_units)
        rows.append({"table": name, "interval": kind, "covered": look.coverage(claims, truth[name])})
coverage = pd.DataFrame(rows)
mtl.show.bars(coverage, "covered", by=["table", "interval"], unit="%", title="How often is the truth in a 95 % interval?")

# %% [markdown]
# Over seeds and units the interval holds the truth 95 to 97 times of 100 (each of 1,000: ± 3). Over seeds alone it does so 68 times for loans, 88 for patients and 91 for
# schools: it says how *these* units would be answered by other networks, and the reader takes it for a claim about new ones.
#
# What it does not cover is *another table*. The seeds draw their training rows from one and share many (lesson 03: *overlap*), and our truth is a mean over that same table.
#
# <!-- stated: 100*coverage.covered[0] = 68 -->
# <!-- stated: 100*coverage.covered[1] = 95 -->
# <!-- stated: 100*coverage.covered[2] = 88 -->
# <!-- stated: 100*coverage.covered[3] = 96 -->
# <!-- stated: 100*coverage.covered[4] = 91 -->
# <!-- stated: 100*coverage.covered[5] = 97 -->
#
# ## 4 · What can it see?
#
# Plant a gain into Hard, so that on loans it is truly two points better than Separate: of what its networks get wrong, so much is made right by chance.
# *Seen* means: shown to be more than 0. **Predict**, on paper: what sees it more often, 10 seeds and 200 loans in the test, or 3 seeds and 2,000?

# %%
rows, planted = [], 0.02 - truth["loans"]
for seeds in (3, 5, 10):
    for size in (20, 200, 2000):
        claims = look.replay(pool["loans"], "Hard", "Separate", seeds=seeds, units=size, gain=planted, times=100)
        seen = sum(one.verdict == "supported" for one in claims) / len(claims)
        rows.append({"seeds": f"{seeds} seeds", "rows": f"{size:,} test rows", "seen": seen})
mtl.show.bars(pd.DataFrame(rows), "seen", by=["seeds", "rows"], unit="%", title="How often are two planted points seen?")

# %% [markdown]
# On 200 test rows ten seeds see it about one time in six, three seeds hardly less often: what varies with the row, seeds do not average out. On 2,000, three seeds see
# it every second time, ten nearly always. So *undecided* after three seeds is little evidence that there is nothing, and the colleague's two points, from one run on
# some test set, are far too little to tell: that is this lesson's **misconception**. Test rows are dear, seeds are computing time. And against a *margin* of two points a
# true gain of two is not shown but by chance: it must be clearly larger.
#
# <!-- stated: 100*rows[7]["seen"] = 17 -->
# <!-- stated: 100*rows[1]["seen"] = 14 -->
# <!-- stated: 100*rows[2]["seen"] = 53 -->
# <!-- stated: 100*rows[8]["seen"] = 87 -->
#
# ## 5 · A leak
#
# Wages of 595 persons in seven years. Some years of 149 persons are tested on, after training on other persons alone (`"half"`), or on whatever rows are left, among
# them other years of theirs (`"row"`): the same test rows, and as many to train on.

# %%
wages, error = mtl.data.wages_table(), {}
tasks = {"wage": "number", "union": "binary", "occupation": "binary"}
trunk = nn.Sequential(nn.LazyLinear(256), nn.ReLU(), nn.Linear(256, 32), nn.ReLU())
for split_by in ("half", "row"):
    world = mtl.data.table(wages, tasks, group="person", split_by=split_by, n_train=1500, quiet=True)
    path = mtl.sweep(mtl.Hard, world.draw, trunk=trunk, seeds=range(200, 205), epochs=15, progress=False)
    by_person = {run.seed: look.by_group(run).query("task == 'wage'").set_index("person").score for run in path.runs.values()}
    error[split_by] = pd.DataFrame(by_person).T
mtl.show.verdicts(look.claim_crossed("known persons' wages are foretold with less error", error["row"], error["half"], "less",
                                     unit="of the variance"))

# %% [markdown]
# Where you see *supported*, a random split has flattered this table. Our audit, which looks for equal rows, finds only traces of it: what is needed is the
# name of the column that says what belongs together.
#
# ## 6 · A table in, a report out
#
# `mtl.data.table` makes a world of a file or a DataFrame, and says each of its decisions. `mtl.report` writes the protocol, audits, trains every way with equal
# trials, and answers the one question.

# %%
world = mtl.data.table(
    mtl.data.pupils_table(),  # or "pupils.csv"
    tasks={"language": "number", "arithmetic": "number", "repeated": "binary"},
    group="school",
)

# %%
report = mtl.report(world, margin=0.02, seeds=6, epochs=20)

# %%
report

# %% [markdown]
# **Shown**: all of the interval lies above the margin. **Shown not**: all below; in new schools one trunk, trained on schools of this table, gains less than two points.
# **Not known**: the margin lies in it, and the report says what would have an even chance to decide. A *serious* finding stands between the verdict and its reader: 87 of 100
# pupils have not repeated a year; if nobody beats "no" for all, accuracy is blind there, and two points of the mean are three of each other task. What every way scores
# (merit: accuracy, or of a number the share of variance explained; each school counts the same):

# %%
mtl.show.arms(report.contest)

# %% [markdown]
# `report.save("report.html")` writes all of it on one page, with what a reviewer would say. Without a notebook:
#
# ```sh
# python -m mtl_lesson report pupils.csv --tasks language=number repeated=binary --group school --margin 0.02
# ```
#
# ### Exercise 3 · Yours  (difficulty ●●●, importance ●●●, 10 minutes)
#
# Write your protocol on paper, then bring your table (or `mtl.data.patients_table()`, tasks `recur` and `death`; leave out what is known only later). Read the audit *before* the
# verdict. Another report on it, with another way, task or margin, is a second look: say how many you made. Pictures: `mtl.data.folder`. A network that you keep: `run.save("mine.mtl")`, and `mtl.load("mine.mtl").predict(rows)`. Many settings, many
# machines: [a sweep on a cluster](extra/on_a_cluster.ipynb).
#
# ## What we saw
#
# - A comparison of equals comes to a verdict now and then, and much more often for who looks more often.
# - On loans an interval over seeds alone held the truth about 68 times of 100, one over seeds and test rows 95.
# - Two points were seldom seen on 200 test rows, whatever the seeds, and nearly always with ten seeds on 2,000.
# - What a report says may be *not known*.
#
# **Which way would you now choose** for tasks of your own? Lesson by lesson it was another: with many labels hardly any difference, with few and related tasks
# sharing, and always first the floor, the control and the unit. *What should tasks share, what should each keep?* is not answered by a method; *how would you know?* is.
#
# *Read on:* Nosek et al. 2018, "The preregistration revolution" · Bouthillier et al. 2021, "Accounting for variance in machine learning benchmarks" · Owen 2007, "The
# pigeonhole bootstrap" · Simmons, Nelson & Simonsohn 2011, "False-positive psychology".
#
# This was the last lesson.
