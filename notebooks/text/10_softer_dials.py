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
# # 10 · Softer dials: who decides what is shared?
#
# After this lesson you can
#
# - say of a newer way of sharing what is shared, what its dial is, and what stands at both ends,
# - judge a mechanism by its control: the same network with only the mechanism cut out,
# - count what a way costs, in weights and in steps.
#
# *45 minutes of work; about half a minute of computing on two free cores. Before this: lessons 02, 04 and 05.*
#
# **The last question**, groups for eight tasks. With forty trainings: learn from random groups. With one: compare labels,
# where tasks have examples in common.
#
# **A colleague says:** "Attention, experts, adapters: newer ways share better. And a gate tells you what a task uses."
#
# *Stored results: seeds 100 to 107; three trials an arm, chosen on validation. The grids were set on seeds 0 and 1.*

# %%
import pandas as pd
import torch  # noqa: F401, for your answers

import mtl_lesson as mtl
from mtl_lesson import bank, checks
from mtl_lesson.linear import low_rank

# %% [markdown]
# ## 1 · One question, seven dials
#
# Lesson 02 asked what tasks should share, and *you* set the answer: all (*Hard*), nothing (*Separate*). Each of these learns it.
#
# | way | formula | dial | one end | the other |
# |---|---|---|---|---|
# | low rank | $\theta_t = \theta + U_t V_t^\top$ | the rank | 0: Hard | full: Separate |
# | masks | $h \leftarrow a_t(h) \odot h$ | $a_t$ | all 1: Hard | no unit in common: apart |
# | experts | $h_t = \sum_e g_{te}(x)\, h_e$ | $g_t$ | one expert: Hard | one each: Separate |
# | cross-stitch | $h_t \leftarrow \sum_s \alpha_{ts} h_s$ | $\alpha$ | identity: Separate | equal rows: one for all |
# | a moving pull | $\lambda_s = \lambda\, 2^{-s/\tau}$ | $\tau$ steps | short: Separate | ∞: Soft |
# | a learnt pull | $\log\lambda \leftarrow \log\lambda - \eta\, \partial L / \partial \log\lambda$ | $\eta$ | 0: Soft | |
# | a found branch | own layers from where gradients part | when to look | never: Hard | at once: lesson 05 |
#
# (Masks: Liu et al. 2019, MTAN. Experts: Ma et al. 2018, MMoE. Cross-stitch: Misra et al. 2016. Low rank: Hu et al. 2022, LoRA.)

# %%
questions = mtl.data.questions(n_train=200)
mtl.show.model_diagram(mtl.LowRank(questions.tasks, mtl.nets.conv(8), rank=2))

# %% [markdown]
# ### Exercise 1 · A correction of rank r  (difficulty ●●○, importance ●●●, 6 minutes)
#
# One layer: `W` (m, n) is everybody's, `U` (T, m, r) and `V` (T, n, r) hold the corrections, `x` (examples, n) the inputs.
# Return each task's outputs under $\theta_t = W + U_t V_t^\top$, (T, examples, m).

# %%
def corrected(W, U, V, x):
    return ...


checks.low_rank(corrected)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def corrected(W, U, V, x):
#     return x @ (W + U @ V.mT).mT
# ```
#
# </details>
#
# ## 2 · How many directions?
#
# First where the truth is known. `planted` draws eight linear tasks in *two* directions. Let them leave a common θ in $r$
# directions, $\theta_t = \theta + B^\top a_t$, solved exactly, for eight draws:

# %%
ranks, rows = range(8), []
for seed in range(200, 208):
    plan = mtl.data.planted(T=8, d=10, rank=2, n=15, seed=seed)
    errors = mtl.closed_form.errors(plan, low_rank.solve(plan, ranks)).mean(-1)
    rows += [{"rank": r, "seed": seed, "error": e, "model": "low rank"} for r, e in enumerate(errors.tolist())]
mtl.show.along(pd.DataFrame(rows), "rank", "error", line="model", label="error on test", x_label="rank r")

# %% [markdown]
# Rank 0 is one model for all, rank 7 eight models apart. The least error stands at the rank that was planted: fewer
# directions cannot hold the tasks, more hold noise.
#
# Now three questions about 1,000 pictures. **Predict.** A trunk for all, corrected by rank 4 a task in every layer, has two
# fifths of the weights of three networks.

# %%
question = "Beside one trunk (Hard) and three networks (Separate), it scores …"
answers = ["as one trunk does", "in between", "as three networks do"]
guess = mtl.predict(question, answers, key="10/rank")
guess

# %%
arms = bank.gather_dials()
mean = {arm: way.scores["mean"] for arm, way in arms.items()}
lean = mtl.claim("low rank scores higher than one trunk as heavy as three networks",
                 mean["low rank"], mean["Hard, as heavy"], unit="%")
rival = mtl.claim("low rank loses less than a point to three networks",
                  mean["low rank"], mean["Separate"] - 0.01, unit="%")
guess.reveal(answers[(lean.verdict == "supported") + (rival.verdict == "supported")])
mtl.show.verdicts(lean, rival, primary=2)

# %% [markdown]
# STATE_LEAN
#
# ## 3 · Cut out only the mechanism
#
# ### Exercise 2 · Design the control  (difficulty ●●○, importance ●●●, 4 minutes)
#
# A colleague's gate looks at each picture and mixes three trunks. It beats Hard by 3 points. Beside what does it show that the
# *gate* is worth something? What must be the `same` in both, `"weights"`, `"seeds"` or `"nothing"`? And how many settings may the
# control try, if the gate tried three?
#
# - A: Hard.
# - B: three networks.
# - C: the same three trunks, mixed by a gate that is a learnt constant.
# - D: one trunk as wide as three.

# %%
control, same, trials = ..., ..., ...

checks.cut_out(control, same, trials)

# %% [markdown]
# <details><summary>Solution</summary>
#
# `("C", "seeds", 3)`. A, B and D change the room, too.
#
# </details>
#
# Each arm, and beside it what remains without its mechanism:

# %%
pairs = {"masks look at h": ("masks", "masks, constant"), "gates look at x": ("experts", "experts, constant"),
         "mixtures are learnt": ("cross-stitch", "cross-stitch, set"), "λ halves": ("λ, halving", "λ, fixed"),
         "λ is learnt": ("λ, learnt", "λ, fixed"), "gradients find the branch": ("branch, found", "branch, drawn")}
cut = [mtl.claim(text, mean[arm], mean[control], unit="%") for text, (arm, control) in pairs.items()]
mtl.show.paired(cut, title="What the mechanism alone adds")

# %% [markdown]
# STATE_CUT
#
# ## 4 · Does a gate tell what is used?
#
# Six shoppers, three experts, a gate a person. A gate gives each expert a *part*. Shut that expert, and the person *loses* so much
# agreement. If the colleague is right, large parts are large losses.

# %%
gates = bank.load("dials_gates")
largest = gates.groupby(["delta", "gate", "seed", "task"]).value.max().reset_index(name="largest part")
mtl.show.along(largest, "delta", "largest part", line="gate", unit="%", x_label="δ: how personal tastes are",
               levels={"equal parts": 1 / 3})

# %%
def ranks_agree(rows):
    return rows.value.rank().corr(rows.lost.rank())


by_person = gates[gates.gate == "input"].groupby(["delta", "seed", "task"])[["value", "lost"]].apply(ranks_agree)
told = mtl.claim("δ = 2: an expert's part goes with what is lost without it",
                 by_person[2.0].groupby("seed").mean(), 0, by="seed")
mtl.show.verdicts(told)

# %% [markdown]
# STATE_GATES
#
# ## 5 · Share afterwards
#
# Train apart from one start $\theta_0$, add up what each has learnt, and only then share (*task arithmetic*, Ilharco et al. 2023):
#
# $$\theta = \theta_0 + \lambda \sum_t (\theta_t - \theta_0) .$$
#
# ### Exercise 3 · Add up  (difficulty ●○○, importance ●●○, 5 minutes)
#
# `start` (P,) is $\theta_0$, `ends` (T, P) are the networks. Return θ, (P,), for a number `lam`.

# %%
def merge(start, ends, lam):
    return ...


checks.task_arithmetic(merge)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def merge(start, ends, lam):
#     return start + lam * (ends - start).sum(0)
# ```
#
# </details>
#
# `mtl.merge(run, lam)` does it for networks. Here the tasks had a trunk together for 0, 5 or 15 epochs of 20, and went on alone:

# %%
merged = bank.load("dials_merged")
both = merged[merged.lam != "alone"]
both = both.assign(lam=both.lam.astype(float), start=both.together.astype(str) + " epochs together")
mtl.show.along(both, "lam", line="start", x_label="λ", title="One trunk, merged from three: mean of the tasks")

# %%
best = mtl.choose(both[both.together == 15], "lam")["mean"]
late = mtl.claim("merged after 15 epochs together: scores higher than one trunk trained so all along",
                 best, mean["Hard"], unit="%")
mtl.show.verdicts(late)

# %% [markdown]
# STATE_MERGE
#
# ## The table
#
# What each way bought: its difference to one trunk (*Hard*) and to three networks (*Separate*), in points, and its weights.

# %%
def points(arm, other):
    found = mtl.claim("-", mean[arm], mean[other])
    return f"≈ {100 * found.mean:+.1f} ({found.verdict})"


pd.DataFrame({arm: {"to Hard": points(arm, "Hard"), "to Separate": points(arm, "Separate"),
                    "weights": f"{way.weights:,}"} for arm, way in arms.items() if arm not in ("Hard", "Separate")}).T

# %% [markdown]
# ## What we saw
#
# STATE_SUMMARY
#
# **Which would you now choose** for three tasks on a telephone that holds one network and a little? And what would you put beside
# a new way that its authors put beside Hard?
#
# *Read on:* Liu, Johns & Davison 2019, "End-to-end multi-task learning with attention" · Ma et al. 2018, "Modeling task
# relationships in multi-task learning with multi-gate mixture-of-experts" · Misra et al. 2016, "Cross-stitch networks for multi-task
# learning" · Hu et al. 2022, "LoRA: Low-rank adaptation of large language models" · Ilharco et al. 2023, "Editing models with task
# arithmetic".
#
# **Next:** 11 · Other inputs, few labels: how far does a shared feature carry?
