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
# *40 minutes of work; about a minute of computing on two free cores. Before this: lesson 00.*
#
# **The misconception of this lesson:** *features belong to the picture*. A garment network must know about garments,
# and a picture of a red dress contains its red, so the features surely contain it too. Do they?

# %%
import pandas as pd
import torch
from tqdm.auto import tqdm

import mtl_lesson as mtl
from mtl_lesson import checks

world = mtl.data.questions(n_train=1024, seed=0)
world

# %% [markdown]
# ## 1 · The world and its three tasks
#
# One picture $x$; three questions about it. Which *garment* is real (Fashion-MNIST). Which *colour* and which *way up* are
# added by us, independently of the garment and of each other. So knowing one answer says nothing about another: the three
# tasks have the picture in common, and their answers nothing.

# %%
words = [
    ", ".join(task.classes[world.train.labels[task.name][i]] for task in world.tasks)
    for i in range(12)
]
mtl.show.pictures(world.train.x[:12], captions=words, columns=6)

# %% [markdown]
# ## 2 · A network a task
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
# ## 3 · One trunk, and the joint loss
#
# Or one trunk for all tasks. There is one $\theta$ now, and one $h$, and what is minimised is the sum of the losses:
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
# ## 4 · What are the features for?
#
# A trunk trained for garments alone has 64 features. Its head reads the garment off them. What if somebody else came
# along, took the trained trunk, froze it, and tried to read the **colour** off the same 64 features?
#
# That is a **probe**: a linear reader (ridge regression), fitted on frozen features and scored on pictures it has not
# seen. It says what is *available* in the features to a linear reader such as a head.
#
# **Predict.** The trunk was trained for garments and never told about colours. An *untrained* trunk has random weights.
# From which can colours be read better?

# %%
guess = mtl.predict(
    "Colours can be read better from the features of …",
    ["a trunk trained for garments", "an untrained trunk", "no clear difference"],
    key="01/colour from garment features",
)
guess

# %% [markdown]
# Now measure it, for every task and over eight seeds. A *seed* draws everything that chance decides: the training pictures,
# the initial weights, the order of the batches. For each seed all trunks start from the *same* weights, those of the
# untrained one. First twenty-four separate networks, then eight shared ones.

# %%
seeds = range(8)
settings = {"trunk": mtl.nets.conv(width=8), "seeds": seeds, "epochs": 15}
separate_sweep = mtl.sweep(mtl.Separate, mtl.data.questions, **settings)

# %%
hard_sweep = mtl.sweep(mtl.Hard, mtl.data.questions, **settings)

# %% [markdown]
# A probe's score means little alone. Three **floors** stand beside it: the *untrained* trunk (what random weights let
# through), the *pixels* themselves (how far a linear reader gets without any features), and *shuffled labels* (chance: the
# probe has nothing to learn). The cell below takes some seconds.

# %%
tables = []
for seed in tqdm(seeds, desc="probing", unit="seed"):
    runs = {"separate": separate_sweep.run(seed=seed), "hard": hard_sweep.run(seed=seed)}
    drawn = runs["hard"].world
    tables.append(mtl.inspection.probe_matrix(runs, drawn).assign(seed=seed))
    tables.append(mtl.inspection.floors(drawn, settings["trunk"], seed=seed).assign(seed=seed))
probes = pd.concat(tables).set_index(["model", "trained_on", "probed_for", "seed"]).score.sort_index()

# %%
names = [task.name for task in world.tasks]
rows = {f"{name} alone": probes["separate", name] for name in names}
rows["all three (hard)"] = probes["hard", "all tasks"]
rows["untrained"] = probes["untrained", "nothing"]
by_task = {row: values.groupby("probed_for") for row, values in rows.items()}
mean = pd.DataFrame({row: groups.mean() for row, groups in by_task.items()}).T[names]
half = 2.36 * pd.DataFrame({row: groups.sem() for row, groups in by_task.items()}).T[names]  # Student's t, 8 seeds
floors = {
    name: [probes[name, "nothing", task].mean() for task in names] for name in ("pixels", "shuffled labels")
}
mtl.show.probe_matrix(mean, intervals=half.to_numpy(), floors=floors)

# %% [markdown]
# A row is a trunk, a column is what was read off its features; the small numbers are 95 % intervals over the seeds. Read
# the *colour* column from top to bottom before going on.

# %%
garment, untrained = probes["separate", "garment", "colour"], probes["untrained", "nothing", "colour"]
worse = mtl.claim("colours can be read worse from a garment trunk than from an untrained one",
                  garment, untrained, "less", unit="%")
guess.reveal({"supported": "an untrained trunk", "contradicted": "a trunk trained for garments",
              "undecided": "no clear difference"}[worse.verdict])
print(worse.sentence())

# %% [markdown]
# If the verdict is *supported*, training took something away that was there before. It is free to: the same dress comes in
# six colours, so the loss of `garment` has no use for colour and nothing holds it in the features. What is in the picture
# is one thing, what is in $h$ another: **h is made by its loss.**
#
# But the loss does not only take. Look along the other rows: what happened to *way up* when a trunk was trained for
# *garment*, and to *garment* when it was trained for *way up*? The two tasks have independent answers, and still they may
# want the same features, such as outlines and their direction. More claims, each over the same seeds:

# %%
def trained(trunk, task):
    """The probe scores for ``task`` from a trunk trained for ``trunk`` alone, one a seed."""
    return probes["separate", trunk, task]


floor = {name: probes["untrained", "nothing", name] for name in names}
claims = [worse]
for name in names:
    claims.append(mtl.claim(f"training for {name} makes {name} easier to read",
                            trained(name, name), floor[name], unit="%"))
claims.append(mtl.claim("training for garment makes way up easier to read",
                        trained("garment", "way up"), floor["way up"], unit="%"))
claims.append(mtl.claim("training for way up makes garment easier to read",
                        trained("way up", "garment"), floor["garment"], unit="%"))
for name in names:
    claims.append(mtl.claim(f"{name} can be read better from the shared trunk than from an untrained one",
                            probes["hard", "all tasks", name], floor[name], unit="%"))
print(*claims[1:], sep="\n")
mtl.show.paired(claims)

# %% [markdown]
# The shared trunk answers to three losses. Where the last kind of claim is *supported*, training made its features hold
# more of what that task needs: a **joint representation**. It is no triumph yet. Compare the row "all three" with the
# diagonal above it, and with the *pixels*, from which a linear reader may do as well or better: 64 shared features are few
# for three unrelated questions. Whether one trunk is better than three is the question of lesson 02.
#
# ### Exercise 3 · The missing number  (difficulty ●○○, importance ●●●, 3 minutes)
#
# A colleague reports: "Linear probes name the colour from our garment network's features far above chance, so training on
# garments taught it about colour." Which number would you ask for first? One of `"chance"`, `"untrained trunk"`, `"pixels"`,
# `"training accuracy"`.

# %%
ask_for = ...

checks.missing_number(ask_for)

# %% [markdown]
# <details><summary>Solution</summary>
#
# `"untrained trunk"`. Random features already hold much of the colour; what training did is the difference to them. The
# row "garment alone" is above chance in the colour column, and still training took colour *away*.
#
# </details>
#
# ## What we saw
#
# - The joint loss is the sum of the tasks' losses. Every loss moves the trunk; each head learns from its own task.
# - Features are made by the loss: what no task asks for may go, even if the picture shows it plainly.
# - A probe says what is available, and only beside its floors does it say what training did.
#
# **Which model would you now choose** if a fourth question about the same pictures were to come next month: three
# separate trunks, or the shared one? What would you measure first?
#
# *Read on:* Caruana 1997, "Multitask Learning", Machine Learning 28 · Alain & Bengio 2016, "Understanding intermediate
# layers using linear classifier probes" · Hewitt & Liang 2019, "Designing and interpreting probes with control tasks".
#
# **Next:** 02 · Hard sharing: is one trunk better than three?
