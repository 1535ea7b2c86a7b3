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
# # 01 · One picture, three questions
#
# After this lesson you can
#
# - write the joint loss $L = \sum_t L_t$ and say which weights each task's loss moves,
# - say what $h = f(x; \theta)$ is, and read off it what a task could use,
# - tell what *training* put into features from what was there before.
#
# *35 minutes of work; about half a minute of computing on two free cores. Before this: lesson 00.*
#
# Lesson 00 asked which model you would choose for a new school with four pupils. Not its own line alone: four pupils make
# a poor one. Not everyone's line either. How much it should borrow can be computed, and lesson 03 does. First: what do
# *networks* share? Not lines, but **features**.
#
# A colleague says: "Features belong to the picture. A picture of a red dress contains its red, so the features of any
# good network contain it too." Is that so?

# %%
import pandas as pd
import torch

import mtl_lesson as mtl
from mtl_lesson import bank, checks

world = mtl.data.questions(n_train=1000, seed=0)
names = [task.name for task in world.tasks]

# %% [markdown]
# ## 1 · The world and its three tasks
#
# One picture $x$; three questions about it. Which *garment* is real (Fashion-MNIST). Which *colour* and which *way up* are
# added by us, independently of the garment and of each other. So knowing one answer says nothing about another: the three
# tasks have the picture in common, and their answers nothing.

# %%
words = [", ".join(task.classes[world.train.labels[task.name][i]] for task in world.tasks) for i in range(12)]
mtl.show.pictures(world.train.x[:12], captions=words, columns=6)

# %% [markdown]
# ## 2 · A network a task, or one trunk
#
# The plain way: for each task $t$ a network of its own. A **trunk** turns the picture into features, a **head** turns the
# features into an answer,
#
# $$h_t = f(x; \theta_t), \qquad \hat y_t = g_t(h_t; \varphi_t), \qquad L_t = \operatorname{mean}\ \ell(\hat y_t, y_t).$$
#
# Here $\hat y_t$ are *logits*, one number a class, and $\ell$ is the *cross-entropy*: small when the right class has
# the largest of them.

# %%
separate = mtl.Separate(world.tasks, trunk=mtl.nets.conv(width=8))
mtl.show.model_diagram(separate)

# %% [markdown]
# Or one trunk for all tasks. There is one $\theta$ now, and one $h$, and what is minimised is the sum of the losses, the
# **joint loss**:
#
# $$h = f(x; \theta), \qquad \hat y_t = g_t(h; \varphi_t), \qquad L(\theta, \varphi) = \sum_t L_t(\theta, \varphi_t).$$

# %%
hard = mtl.Hard(world.tasks, trunk=mtl.nets.conv(width=8))
mtl.show.model_diagram(hard)

# %% [markdown]
# The same in code, in the same symbols. (`world.train` holds pictures `x` and labels by task name.)

# %%
x, y = world.train.x[:64], {name: labels[:64] for name, labels in world.train.labels.items()}
h = hard.features(x)["garment"]  # h = f(x; θ), the same for every task
outputs = hard(x)  # ŷ_t = g_t(h; φ_t)
L_t = {name: torch.nn.functional.cross_entropy(outputs[name], y[name]) for name in outputs}
L = sum(L_t.values())

print(f"h: {h.shape[0]} pictures, {h.shape[1]} features each")
print(" + ".join(f"L_{name} ≈ {value.item():.2f}" for name, value in L_t.items()), f"= L ≈ {L.item():.2f}")

# %% [markdown]
# ### Exercise 1 · The joint loss  (difficulty ●●○, importance ●●●, 8 minutes)
#
# In real data some labels are missing: nobody noted the colour of this picture. A missing label is -1. Write the joint
# loss so that each $L_t$ is the mean over the pictures that *have* a label for task $t$.

# %%
def joint_loss(outputs, labels):
    """Σ_t L_t. Both are mappings: task name → logits (n, classes), and → labels (n,), -1 where missing."""
    return ...


checks.joint_loss(joint_loss)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def joint_loss(outputs, labels):
#     return sum(
#         torch.nn.functional.cross_entropy(outputs[name], labels[name], ignore_index=-1) for name in outputs
#     )
# ```
#
# </details>
#
# ### Exercise 2 · Who learns?  (difficulty ●○○, importance ●●●, 3 minutes)
#
# Suppose only $L_\text{colour}$ is minimised. Which parts of the hard-sharing network move? The parts are `"trunk"`,
# `"garment head"`, `"colour head"` and `"way up head"`.

# %%
moved = {...}

checks.who_learns(moved)

# %% [markdown]
# <details><summary>Solution</summary>
#
# `{"trunk", "colour head"}`: $L_\text{colour}$ depends on $\theta$, through $h$, and on $\varphi_\text{colour}$. The other
# heads do not appear in it.
#
# </details>
#
# ## 3 · What is in the features?
#
# A trunk trained for garments alone has 64 features. Its head reads the garment off them. What if somebody else came
# along, took the trained trunk, froze it, and tried to read the **colour** off the same 64 features?
#
# That is a **probe**: a linear reader (ridge regression), fitted on frozen features of the validation pictures and scored on
# test pictures. It says what is *available* to a linear reader such as a head.
#
# **Predict.** The trunk was trained for garments and never told about colours. An *untrained* trunk has random weights.

# %%
guess = mtl.predict(
    "Colours can be read better from the features of …",
    ["a trunk trained for garments", "an untrained trunk", "no clear difference"],
    key="01/colour from garment features",
)
guess

# %% [markdown]
# Train three networks and one shared one now, from the same weights, and probe each of them for each question. A probe's
# score means little alone, so **floors** stand beside it: the *untrained* trunk (what random weights let through), the
# *pixels* themselves, and *shuffled labels* (chance: there is nothing to learn).

# %%
runs = {"separate": mtl.fit(separate, world, seed=0), "hard": mtl.fit(hard, world, seed=0)}

# %%
found = pd.concat([mtl.inspection.probe_matrix(runs, world), mtl.inspection.floors(world, mtl.nets.conv(width=8))])
rows = {f"{name} alone": ("separate", name) for name in names}
rows |= {"all three (hard)": ("hard", "all tasks"), "untrained": ("untrained", "nothing")}
rows |= {name: (name, "nothing") for name in ("pixels", "shuffled labels")}
read_off = {row: mtl.pick(found, by="probed_for", model=model, trained_on=trained_on)[names]
            for row, (model, trained_on) in rows.items()}
floors = {name: list(read_off.pop(name)) for name in ("pixels", "shuffled labels")}
matrix = pd.DataFrame(read_off).T
mtl.show.probe_matrix(matrix, floors=floors)

# %% [markdown]
# A row is a trunk, a column is what was read off its features. Read the *colour* column from top to bottom before going on.
#
# That was one seed. The verdict needs more: ten are stored (seeds 100 to 109; nothing was chosen on them), with the same
# networks trained for as long. For each seed all trunks start from the *same* weights, those of the untrained one, so
# a pair is a seed, and its difference is what training did. The first claim is the **primary** one.

# %%
stored = bank.load("inside_probes")
stored = stored[stored.layer == "relu3"]  # the last layer: the 64 features


def read(task, trunk="garment", way="Separate"):
    """How well a probe reads ``task`` off a trunk, a score a seed."""
    return mtl.pick(stored, way=way, trained_on=trunk, probed_for=task)


def untrained(task):
    return read(task, "all tasks", "untrained")


taken = mtl.claim("colour is read worse from a garment trunk than from an untrained one", read("colour"),
                  untrained("colour"), "less", unit="%")
shape = mtl.claim("training for garment makes way up easier to read", read("way up"), untrained("way up"), unit="%")
turn = mtl.claim("training for way up makes garment easier to read", read("garment", "way up"), untrained("garment"),
                 unit="%")
joint = [mtl.claim(f"{name} is read better from the shared trunk than from an untrained one",
                   read(name, "all tasks", "Hard"), untrained(name), unit="%") for name in names]
guess.reveal({"supported": "an untrained trunk", "contradicted": "a trunk trained for garments",
              "undecided": "no clear difference"}[taken.verdict])
mtl.show.verdicts(taken, shape, turn, *joint, primary=1)

# %% [markdown]
# The colleague's claim is this lesson's misconception. Training for garments *took colour away*, 30 points of it: the
# garment trunk knows less about colour than random weights do. It is free to. The same dress comes in six colours, so
# the loss of garment has no use for colour, and nothing holds it in the features. What is in the picture is one
# thing, what is in $h$ another: **h is made by its loss.**
#
# The loss does not only take. Training for garment made *way up* easier to read by ten points, and training for way
# up made *garment* easier by twelve. Their answers are independent, and still they want the same features, such as
# outlines and their direction.
#
# The shared trunk answers to three losses, and holds more of all three than an untrained one: 15 points of garment,
# eleven of colour and 18 of way up. That is a **joint representation**. It is no triumph yet: compare its row with
# the diagonal above it, and with the pixels. Sixty-four features for three unrelated questions may be too few, or
# sharing may cost something else. Lesson 02 tells the two apart.
#
# <!-- stated: taken supported -30 -->
# <!-- stated: shape supported +10 -->
# <!-- stated: turn supported +12 -->
# <!-- stated: joint[0] supported +15 -->
# <!-- stated: joint[1] supported +11 -->
# <!-- stated: joint[2] supported +18 -->
#
# ### Exercise 3 · Design the test  (difficulty ●●○, importance ●●●, 4 minutes)
#
# Another colleague reports: "Linear probes name the colour from our garment network's features far above chance, so training
# on garments taught it about colour." Which claim would test that? Set the probe's score against one of `"chance"`,
# `"untrained trunk"`, `"pixels"`, `"training accuracy"`; and say what a pair is, `"picture"`, `"task"` or `"seed"`.

# %%
against, pair = ..., ...

checks.probe_claim(against, pair)

# %% [markdown]
# <details><summary>Solution</summary>
#
# `"untrained trunk"` and `"seed"`. Random features already hold much of the colour; what training did is the difference to
# them, from the same initial weights. The row "garment alone" is above chance in the colour column, and still training took
# colour *away*. (With one pair of trunks and many pictures, the claim would be about these two trunks alone.)
#
# </details>
#
# ## What we saw
#
# - The joint loss is the sum of the tasks' losses. Every loss moves the trunk; each head learns from its own task.
# - Features are made by the loss: training for garments took 30 points of colour out of them, though the pictures show it.
# - A probe says what is available, and only beside its floors does it say what training did.
#
# **Which model would you now choose** if a fourth question about the same pictures were to come next month: three
# separate trunks, or the shared one? What would you measure first?
#
# *Read on:* Caruana 1997, "Multitask Learning", Machine Learning 28 · Alain & Bengio 2016, "Understanding intermediate
# layers using linear classifier probes" · Hewitt & Liang 2019, "Designing and interpreting probes with control tasks".
#
# **Next:** 02 · Hard sharing: is one trunk better than three?
