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
# # 08 · When tasks disagree
#
# After this lesson you can
#
# - say what an angle between two tasks' gradients tells, and when it must come,
# - find out in a minute whether a loss is too loud, and turn it down,
# - judge a method that promises to remove conflict: against fixed weights, on equal trials.
#
# *45 minutes of work; about a minute of computing on two free cores. Before this: lessons 02 and 06.*
#
# **The last question**, five clinics: two look through another camera; the guide's advice was measured on none of them.
#
# **A question from a forum:** "I tried every method, and all are worse than separate networks. Which one do I take?"
#
# **A colleague answers:** "Conflict between gradients is what hurts, and a clever optimiser removes it."
#
# *Stored results: seeds 100 to 107. Rates and widths were chosen on seeds 0 to 9, trials on validation.*

# %%
import pandas as pd
import torch

import mtl_lesson as mtl
from mtl_lesson import bank, checks
from mtl_lesson.linear import descent, front
from mtl_lesson.weighting import Fixed

# %% [markdown]
# ## 1 · The angle that must come
#
# On shared weights $B$, task $t$ pulls along $g_t = \partial L_t/\partial B$. The angle between two pulls has a cosine,
#
# $$\cos(g_1, g_2) = \frac{\langle g_1, g_2\rangle}{\lVert g_1\rVert\,\lVert g_2\rVert},$$
#
# and *conflict* is a cosine below 0: a step that helps one task harms the other. Two linear tasks
# $\theta_1, \theta_2$ share one feature, $h = B^\top x$, each with a head. You set how alike they are: the angle between
# $\theta_1$ and $\theta_2$. Descend on $L_1 + L_2$, exactly, with all the data in the world.
#
# **Predict.** Two tasks that are nearly the same (20°), and one feature:

# %%
angle = mtl.predict("Where does the cosine of their gradients end?", (-1.0, 1.0, 0.05), key="08/angle")
angle

# %%
FEATURES = {1: "one shared feature", 2: "two shared features"}
paths = pd.concat(descent.descend(descent.tasks_at_angle(degrees), width, seed=range(8), every=10)
                  .assign(tasks=f"{degrees}°", room=FEATURES[width])
                  for degrees in (20, 90, 150) for width in FEATURES)
angle.reveal(paths[(paths.tasks == "20°") & (paths.room == FEATURES[1]) & (paths.step == 400)].cosine.mean())
mtl.show.along(paths, "step", "cosine", line="tasks", panel="room", x_label="steps of gradient descent")

# %% [markdown]
# With one feature all end at −1, alike or not. It cannot be otherwise: where $L_1 + L_2$ is least, its gradient is zero,
#
# $$g_1 + g_2 = 0 \quad\Rightarrow\quad g_1 = -g_2.$$
#
# **A sum that has been minimised is a tug-of-war at rest.** Only where there is room for both do the pulls themselves vanish
# (two features); then the angle is that of two numbers that go to nothing.
#
# ### Exercise 1 · Measure it  (difficulty ●●○, importance ●●●, 6 minutes)
#
# `shared` lists the tensors that both tasks use. Return the cosine of both losses' gradients on all of them.

# %%
def gradient_cosine(loss_1, loss_2, shared):
    return ...


checks.gradient_cosine(gradient_cosine)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def gradient_cosine(loss_1, loss_2, shared):
#     g1, g2 = (torch.cat([g.flatten() for g in torch.autograd.grad(loss, shared, retain_graph=True)])
#               for loss in (loss_1, loss_2))
#     return g1 @ g2 / (g1.norm() * g2.norm())
# ```
#
# </details>
#
# In a network batches are small, and small batches point anywhere. So the cosine of two tasks needs a **ceiling**: that of
# *two halves of one task's batch*, which have every reason to agree. `mtl.inspection.conflict` measures both.

# %%
CONFLICTS

# %% [markdown]
# FOUND1
#
# ## 2 · A loss that shouts
#
# Flats: one network tells the price, a number, and whether the flat looks onto the garden, yes or no. The price is in euros, so its
# squared error begins at 40,000,000,000; the other loss begins at 0.7.
#
# **Predict:** what becomes of *view* with SGD, whose step is as long as the gradient; and with Adam, which divides each weight's
# step by the size of its gradients?

# %%
loud = mtl.predict("Which optimiser learns view beside a price in euros?", ["SGD", "Adam", "both", "neither"], key="08/loud")
loud

# %%
def views(optimiser, **settings):
    runs = mtl.sweep(mtl.Hard, mtl.data.flats, trunk=mtl.nets.mlp(6, 32), optimiser=optimiser, epochs=30,
                     lr={"sgd": 0.1, "adam": 0.01}[optimiser], seeds=range(200, 204), progress=False, **settings)
    return mtl.pick(runs.table[runs.table.split == "validation"], task="view").mean()


FLATS

# %% [markdown]
# FOUND2
#
# ### Exercise 2 · One scale  (difficulty ●○○, importance ●●●, 4 minutes)
#
# Return `labels` in standard deviations from the mean. The labels of training are given, whichever split `labels` are from.

# %%
def standardise(labels, train):
    return ...


checks.standardise(standardise)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def standardise(labels, train):
#     return (labels - train.mean()) / train.std()
# ```
#
# </details>
#
# A weight $w_t$ does the same to a loss as a change of units. It is a matter of *how loud* before it is one of *how important*.
#
# ## 3 · The front
#
# Garment and colour in one small trunk (width 4), 500 pictures. Seven fixed weights, $w\,L_\text{garment} + (2 - w)\,L_\text{colour}$,
# draw what this trunk can do for both: the **front**.

# %%
two = lambda seed: mtl.data.only(mtl.data.questions(n_train=500, seed=seed), ["garment", "colour"])  # noqa: E731
LIVE

# %%
mtl.arrows()

# %% [markdown]
# Drag an arrow. Which methods ever harm a task? Which make a short gradient as loud as a long one?
#
# Now nine methods. Written down before: **what counts is a gain of more than one point** in the mean of both tasks. Every arm has three
# trials, the best on validation, seed by seed: three fixed weights; three learning rates of the plain sum; three of each method.
# *again* is the sum once more with its batches in another order: a comparison of nothing with nothing.

# %%
most = mtl.predict("How many of nine methods are beyond the front, by more than a point?", (0, 9, 1), key="08/front")
most

# %%
FRONT

# %% [markdown]
# FOUND3
#
# ## 4 · Where a sum cannot go
#
# FOUND4
#
# ## 5 · A noisy task
#
# FOUND5
#
# ## 6 · Does conflict predict harm?
#
# FOUND6
#
# ### Exercise 3 · Design: test the colleague  (difficulty ●●○, importance ●●●, 4 minutes)
#
# *Conflict is what hurts.* Which claim tests it?
#
# - **A** With PCGrad the cosine on the shared weights is higher than with the sum.
# - **B** PCGrad, at the best of its learning rates, scores higher than the sum at its default rate.
# - **C** PCGrad scores higher than the sum, each at the best of as many trials.
# - **D** Over trainings, the lower the cosine, the lower the score.
#
# What is a pair: a `"step"`, a `"task"` or a `"seed"`? And what must stand beside the result: `"nothing"`, the sum trained
# `"again"`, or `"chance"`?

# %%
the_claim, the_pair, beside = ..., ..., ...

checks.conflict_hurts(the_claim, the_pair, beside)

# %% [markdown]
# <details><summary>Solution</summary>
#
# `"C", "seed", "again"`. A reads the thermometer, B searches on one side, D cannot tell cause from company.
#
# </details>
#
# ## What we saw
#
# SAW
