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
# # 00 · Start here
#
# Several tasks, one question: **what should they share, what should each keep for itself, and how would you know?**
#
# After this lesson you can
#
# - say what λ does, having moved it over sixty-five real schools, and tell *borrowing* from mere *shrinking*,
# - read a claim: what a pair is, what a 95 % interval promises, what *undecided* means,
# - train one network on three questions about real pictures.
#
# *35 minutes of work; about half a minute of computing on two free cores. You need: functions and lists in Python, a line
# $y = a + bx$, mean and standard deviation. That a network is trained by small steps against a loss is all you need to
# know of networks.*
#
# The course follows an essay, 联合特征表示在多任务学习中的作用 ("The role of joint feature representation in multi-task
# learning"), by the author who signs 禅与计算机程序设计艺术, and tests what it says:
# [statement by statement](extra/essay.ipynb). There is a [glossary](extra/glossary.ipynb), English and 中文.
#
# Run a cell with **Shift + Enter**, from top to bottom. Nothing you do here can break the course: this is your own copy,
# and `make fresh NB=00` gives you another.

# %%
import numpy as np

import mtl_lesson as mtl
from mtl_lesson import checks

pictures = mtl.data.questions(n_train=4096, seed=0)
mtl.show.ready({**mtl.machine(), "Data": mtl.data.verify()}, pictures.test.x[:60])

# %% [markdown]
# If a row is missing or an error stands here instead, its text says what to do.
#
# ## 1 · Sixty-five schools and one slider
#
# In each of 65 London schools, pupils were tested at 11 (intake) and again at 16 (exam). For each school we want a line
# that predicts the exam score from the intake score,
#
# $$\hat y = \theta_{t,0} + \theta_{t,1}\, x .$$
#
# That is one **task** a school: $T$ tasks, each with its own $\theta_t$. The trouble: we may look at only **ten pupils a
# school**, and ten pupils make a shaky line. A colleague says: "These are separate tasks. Each school should trust its own
# pupils." Or should all schools use one line (*pooled*)? There is something in between. Let each school fit its own pupils,
# and charge the schools for being different:
#
# $$\min_{\theta_1 \dots \theta_T}\; \sum_t \underbrace{\tfrac{1}{n_t}\sum_i (y_{ti} - \hat y_{ti})^2}_{\text{fit
# your own pupils}} \;+\; \lambda \underbrace{\sum_{i<j} \lVert \theta_i - \theta_j \rVert^2}_{\text{stay close to the
# others}} .$$
#
# At $\lambda = 0$ every school is alone. At $\lambda = \infty$ all lines are the same line. This sum is the formula the
# whole course comes back to.
#
# Pupils are dealt into three piles. From the **training** pupils the lines are learned; on the **validation** pupils one
# chooses, λ for example; the **test** pupils are looked at once, to report. A **seed** is the number that decides how they
# are dealt, and everything else that chance decides. (Two schools have too few pupils for all this; 63 are left.)

# %%
schools = mtl.data.schools(n=10, seed=0)
where = mtl.predict(
    "Where on the slider will the error on unseen pupils be least?",
    ["at λ = 0: every school alone", "somewhere in between", "at λ = ∞: one line for all"],
    key="00/least error",
)
where

# %% [markdown]
# **Now move λ.** Drag the slider, use the arrow keys, or type a number. On the left, a line a school; on the right, the
# error on the validation pupils at every λ you have visited. The dotted line is a rival that shares nothing: each school
# *alone*, with its $\theta_t$ **shrunk towards 0**, as much as is best (*ridge*).

# %%
slider = mtl.widgets.Schools(schools)
slider

# %% [markdown]
# When you have found the least error, the next cell draws the whole curve and compares it with your prediction.

# %%
path = mtl.widgets.schools.compute(schools)
best = path.lambdas[path.best]
ends = {0.0: "at λ = 0: every school alone", float("inf"): "at λ = ∞: one line for all"}
where.reveal(ends.get(best, "somewhere in between"))
mtl.widgets.Schools(schools, lam=best).reveal()

# %% [markdown]
# ### Is that luck?
#
# One draw of ten pupils a school is one throw of the dice. So draw them twenty times; each time choose λ, and how much to
# shrink, on validation, and only then look at the test pupils. Averaged over the draws, each school has four errors. A
# **claim** compares two ways school by school: the differences of such **pairs** have a mean, and the mean has a **95 %
# interval**: made so that in 19 of 20 experiments like this one it holds the true value. The verdict is read off it:
# *supported* if all of it lies on the claimed side of zero, *contradicted* if on the other, *undecided* if zero is inside.
#
# The first claim is **primary**: what this lesson stands or falls with, said before it is measured. The others describe.

# %%
def test_errors(seed):
    """Way → the error on the test pupils of each school, after one draw."""
    drawn = mtl.data.schools(n=10, seed=seed)
    found = mtl.widgets.schools.compute(drawn)
    lines = {"alone": found.theta[0], "borrowing": found.theta[found.best], "pooled": found.theta[-1],
             "shrunk": found.shrunk}
    return {way: mtl.closed_form.errors(drawn, theta, "test").numpy() for way, theta in lines.items()}


draws = [test_errors(seed) for seed in range(20)]
mean = {way: list(np.mean([draw[way] for draw in draws], axis=0)) for way in draws[0]}
less = {way: mtl.claim(f"a school has less error when it borrows than {words}", mean["borrowing"], mean[way], "less",
                       by="school")
        for way, words in (("shrunk", "alone, shrunk"), ("alone", "alone"), ("pooled", "when all are pooled"))}
mtl.show.verdicts(*less.values(), primary=1)

# %% [markdown]
# "Separate tasks" was a **misconception**, for these schools. Alone the error is 0.70; borrowing takes 0.09 off. But half of
# that is no borrowing: *shrinking alone* takes off as much as pooling does, for shaky lines are better when they are
# smaller. Against this fair rival borrowing still wins, by 0.044. Keep the two apart: **shrinking to 0** needs no other
# school; **shrinking to the others** does. Every gain of sharing in this course stands beside the first.
#
# <!-- stated: np.mean(mean["alone"]) = 0.70 -->
# <!-- stated: less["alone"] supported -0.09 -->
# <!-- stated: np.mean(mean["shrunk"])-np.mean(mean["pooled"]) = 0.00 -->
# <!-- stated: less["shrunk"] supported -0.044 -->
#
# ## 2 · What an interval promises
#
# Compare one way with *itself*, on other draws: there is nothing to find. (This is called **A/A**.) Do it twenty times, with
# five draws each; then twenty times a small but real difference, λ = 0.01 against half of it. Once unpaired, each side with
# draws of its own, and once **paired**: both sides with the same draws.

# %%
def pulled(seed):
    """The mean error at λ = 0.01 and at λ = 0.005, after one draw."""
    drawn = mtl.data.schools(n=10, seed=seed)
    return mtl.closed_form.errors(drawn, mtl.closed_form.solve(drawn, [0.01, 0.005])).mean(-1).tolist()


full, half = np.array([pulled(seed) for seed in range(100, 300)]).T


def compared(a, b):
    """Twenty comparisons of five pairs each."""
    return [mtl.claim("a has less error than b", a[i : i + 5] - b[i : i + 5], 0.0, "less") for i in range(0, 100, 5)]


panels = {"A/A: the same way twice": compared(full[:100], full[100:]),
          "two ways, unpaired": compared(full[:100], half[100:]),
          "two ways, paired": compared(full[:100], half[:100])}
mtl.show.trials(panels, better="more error", worse="less error")

# %% [markdown]
# On the left there is nothing to find, and still two of twenty intervals miss zero, by chance: 95 % promises one in twenty,
# and with many claims on a page some will. In the middle the difference is real, and only six show it: *undecided* is not
# *equal*. On the right the luck of the draw, which both sides share, has cancelled, and all twenty show it. So this course
# pairs: same sample, same initial weights, same order, and only the way of sharing differs. One thing an interval here
# never covers: it speaks of **new seeds with the same test set**.
#
# <!-- stated: sum(one.verdict!="undecided"for(one)in(panels["A/A:\x20the\x20same\x20way\x20twice"])) = 2 -->
# <!-- stated: sum(one.verdict!="undecided"for(one)in(panels["two\x20ways,\x20unpaired"])) = 6 -->
# <!-- stated: sum(one.verdict!="undecided"for(one)in(panels["two\x20ways,\x20paired"])) = 20 -->
#
# ### Exercise 1 · Choose λ  (difficulty ●○○, importance ●●●, 3 minutes)
#
# For each of several λs you have two errors, one on validation pupils and one on test pupils. Write the function that
# returns the λ you would use.

# %%
def choose(lambdas, validation, test):
    """The λ to use. The three lists are equally long; less error is better."""
    return ...


checks.choose_lambda(choose)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def choose(lambdas, validation, test):
#     return lambdas[validation.index(min(validation))]
# ```
#
# The test errors are not used at all. A λ chosen for its test error has, on that test set, been lucky: the error
# reported for it is too low, and the more λs were tried, the more so.
#
# </details>
#
# ### Exercise 2 · Design the test  (difficulty ●●○, importance ●●●, 4 minutes)
#
# A school board: "Borrowing from other schools, and not any old smoothing, makes **our city's next schools** better
# predicted." Which claim tests that, `"A"` to `"D"`, and what is a pair: `"pupil"`, `"school"` or `"λ"`?
#
# - **A** Borrowing has less error than alone.
# - **B** Borrowing has less error than alone, shrunk.
# - **C** Borrowing at the λ that is best on test has less error than alone, shrunk.
# - **D** At the best λ borrowing has less error than at the worst.

# %%
the_claim, the_pair = ..., ...

checks.claim_of_borrowing(the_claim, the_pair)

# %% [markdown]
# <details><summary>Solution</summary>
#
# `("B", "school")`. A cannot tell borrowing from smoothing; C looks at the answers before choosing; D would hold if the best
# were 0. The board asks about *schools* it has not seen, so a school is what is drawn, and what a pair is.
#
# </details>
#
# ## 3 · One picture, three questions
#
# Lines can be solved on paper. Networks are trained, and they share more than numbers: they share **features**. In this
# world of pictures there are three tasks: which *garment* (10 classes), which *colour* (6), which *way up* (4)? One
# network for all: its *trunk* turns a picture into features, $h = f(x; \theta)$; each task reads its answer off the same
# $h$ with an output layer of its own, its *head*; and what is minimised is the sum of the three losses,
#
# $$L = L_\text{garment} + L_\text{colour} + L_\text{way up} .$$
#
# One *epoch* shows the network every training picture once; the *learning rate* is the length of a step. You may press
# **Stop** at any time. Which question will be answered worst?

# %%
model = mtl.Hard(pictures.tasks, trunk=mtl.nets.conv(width=8))
run = mtl.fit(model, pictures, epochs=12, seed=0)
mtl.show.learning_curves(run, ceilings={"colour": mtl.data.colour_ceiling()})

# %% [markdown]
# Where the training loss falls and the validation score no longer rises, the network learns what is true of its training
# pictures alone: it **overfits**. Stopping there is *early stopping*. (No colour can be named with certainty: each picture's
# hue is a little off on purpose; the line is the best possible score.) Its answers on pictures it has never seen:

# %%
x, labels = pictures.test.x[:8], {name: y[:8] for name, y in pictures.test.labels.items()}
mtl.show.answers(x, pictures.tasks, run.model(x), labels)

# %% [markdown]
# What you have *not* seen: whether one network for three questions does better or worse than three networks. One run
# shows what can happen, not what does happen. Lesson 02 asks that question properly.
#
# ## What we saw
#
# - λ moves between alone and pooled. With ten pupils a school, borrowing beat both, and it beat shrinking alone by 0.044.
# - A result is a claim over pairs, with an interval, beside its control. *Undecided* is not *equal*; one run is an anecdote.
# - Four habits: **predict** before you look, **run**, **explain** in a sentence, **check**. Exercises say *not attempted* until
#   you answer, and tell a wrong answer *why*; `.hint()` gives one hint at a time.
#
# **Which model would you now choose** for a new school with four pupils? Keep your answer; lesson 03 returns to it.
#
# *Read on:* Caruana 1997, "Multitask Learning", Machine Learning 28 (where it began) · Evgeniou & Pontil 2004,
# "Regularized multi-task learning" (the penalty above) · Goldstein, Rasbash et al. 1993, "A multilevel analysis of school
# examination results" (the schools).
#
# **Next:** 01 · One picture, three questions.
