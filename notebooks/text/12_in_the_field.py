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
# # 12 · In the field: what may be split from what?
#
# After this lesson you can
#
# - name the unit of a claim, split by it, and take the interval over it,
# - say what a random split flatters by, on the same test examples,
# - carry one comparison from field to field: floors, equal trials, one claim fixed beforehand.
#
# *45 minutes of work: 21 here, and two cards of 12 minutes that you choose; about half a minute of computing on two free cores.
# Before this: lesson 06.*
#
# **The last question**, a task added to 100 labels: train first the same network with that task's labels shuffled. What it gains
# then, it does not gain by what the labels say.
#
# **A colleague says:** "A fifth of the rows, drawn at random, is held out. So I know how well it will do, in any field."
#
# *Stored results: seeds 100 on. Settings were chosen on seeds 0 to 9, epochs and dials on validation.*

# %%
import torch  # noqa: F401, for your answers

import mtl_lesson as mtl
from mtl_lesson import checks

# %% [markdown]
# ## 1 · The unit
#
# Examples come in *groups*: the clips of a voice, the loans of a state, the scenes with one garment. Of $G$ groups in the test let
# $s_g$ be the mean score of group $g$. What counts each group once, however many examples it has, is
#
# $$\hat s = \frac1G \sum_{g=1}^{G} s_g ,$$
#
# and the difference $d$ of two networks over $J$ seeds is uncertain in two ways, by seed and by group:
#
# $$\bar d \pm t \cdot \sqrt{\frac{s_J^2}{J} + \frac{s_G^2}{G}} .$$
#
# With the second term the interval speaks of *new groups*, and $G$ is what counts: four voices are four, with 2,000 clips too.
# **The unit of splitting is the unit of the claim.**
#
# ### Exercise 1 · What must not be split?  (difficulty ●●○, importance ●●●, 3 minutes)
#
# Four claims. Which unit must be whole, all in training or all in the test: `"row"`, `"prompt"`, `"voice"`, `"state"` or `"year"`?
#
# 1. The telephone understands *anybody* who says a digit.
# 2. It tells the *four voices that it knows* apart, whatever they say next. (Some prompts were recorded several times.)
# 3. In the states where the bank lends today, it foretells the rate of another loan of these years.
# 4. The clinic will use it on patients whom it treats from next year on.

# %%
first, second, third, fourth = ..., ..., ..., ...

checks.unit_of_claim(first, second, third, fourth)

# %% [markdown]
# <details><summary>Solution</summary>
#
# `"voice", "prompt", "row", "year"`: each time what will be new on the day it is used.
#
# </details>
#
# ### Exercise 2 · Each group counts once  (difficulty ●○○, importance ●●○, 4 minutes)
#
# `score` (n,) says of each example how well it did, `group` (n,) to which group it belongs. Return $\hat s$.

# %%
def score_of_groups(score, group):
    return ...


checks.mean_over_groups(score_of_groups)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def score_of_groups(score, group):
#     return torch.stack([score[group == one].mean() for one in group.unique()]).mean()
# ```
#
# </details>
#
# ## 2 · What does a random split flatter by?
#
# Two splits have two test sets, and differ by chance as well. So take the *same* test examples twice: one half of the examples of
# some groups. The network has trained on other groups alone (`split_by="group"`), or, as after a random split, on whatever else there
# is, the other half of these groups included (`split_by="row"`). All else is equal, the number of training examples too.
#
# Five fields: three-in-one **vision** (which pixels are the garment; unit: a garment's picture), **language** (what a short text is
# about; a phrase), **speech** (what kind of prompt; a voice), **medicine** (death within five years; a patient, one row each) and
# **finance** (the rate of a loan; a state). **Predict:**

# %%
fields = ["vision", "language", "speech", "medicine", "finance"]
guess = mtl.predict("A random split is shown to flatter …", ["in all five", "in none", *fields[:3], "in two or three"], key="12/flatter")
guess
