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
# # 07 · Inside the features
#
# After this lesson you can
#
# - tell three questions apart, *is it available? is it used? is it similar?*, and name the measurement for each,
# - take units out of a shared trunk and say what each task loses, beside taking out as many at random,
# - say when a high similarity means little and a low one nothing at all.
#
# *45 minutes of work; about a minute of computing on two free cores. Before this: lessons 01 and 04.*
#
# **The misconception of this lesson:** *features that look alike hold the same knowledge, and what a feature holds is what
# the network uses.*

# %%
import math

import numpy as np
import torch

import mtl_lesson as mtl
from mtl_lesson import bank, checks, inspection
from mtl_lesson.widgets import Probes

world = mtl.data.questions(n_train=1000, seed=0)
trunk = mtl.nets.conv(width=8)
x, labels = world.test.x, world.test.labels

# %% [markdown]
# ## 1 · Watch λ move the features
#
# The same three questions about one picture, learned by three networks that pull at each other with
# $\lambda \sum_{i<j} \lVert \theta_i - \theta_j \rVert^2$. Each network makes 64 features $h_t = f(x; \theta_t)$ of a
# picture. Train them at eight λ, at once:

# %%
lams = [0, 0.001, 0.003, 0.01, 0.03, 0.1, 1, math.inf]
path = mtl.sweep(mtl.Soft, mtl.data.questions, trunk=trunk, lam=lams, seeds=[0], epochs=15, n_train=1000)

# %% [markdown]
# The **microscope** draws the features of two tasks' networks as two maps, a point a picture of the test set. Which unit is
# which means nothing: a network with its units in another order computes the same. So the features $H$ of each network,
# centred and of size 1, are turned onto *one* reference $H_0$ (garment's at λ = ∞) by a rotation $Q$, mirror images included
# (*Procrustes*: the $Q$ with the least $\lVert H Q - H_0 \rVert^2$). All are shown along the same two directions, those in
# which all networks' features together vary most.
#
# Move λ with the arrow keys. Point at a point to see its picture. Draw a loop around a group on one map and see where it
# went on the other. Colour by *colour* instead of *garment*. Which map changes more as λ grows?

# %%
mtl.microscope(path, world, tasks=["garment", "colour"])

# %% [markdown]
# Above the maps stand the read-outs. The **gap** is how far apart the weights are. The **residual** is what is left of the
# distance of the two tasks' features after the best rotation (0: the same but for a rotation; at most 2). The **head swap**
# puts each head on the other's features: at λ = 0 it was never trained for them, at λ = ∞ they are its own. They are three
# different things: find a λ at which one of them has almost settled and another has not.
#
# ## 2 · Available: what does one task know about another?
#
# A map shows two directions of sixty-four. A **probe** (lesson 01) reads them all: a linear reader, fitted on frozen features of
# the validation pictures, scored on test pictures. It says what is *available*. Below are the probes of stored models, six
# seeds each: trained for one task, probed for each, at every layer. *Soft* is λ = 0.01; *Hierarchical* shares the first
# convolution only.
#
# Choose a layer, then take the untrained trunk's score off. What is below zero was there before training, and training took
# it away.

# %%
stored = bank.load("inside_probes")
Probes(stored)

# %% [markdown]
# The same of your own networks, at both ends of λ (one seed, last layer):

# %%
ends = {"λ = 0": path.run(lam=0.0, seed=0), "λ = ∞": path.run(lam=math.inf, seed=0)}
found = inspection.probe_matrix(ends, world)
for (title, trained_on), part in found.groupby(["model", "trained_on"], sort=False):
    said = ", ".join(f"{row.probed_for} ≈ {row.score:.0%}" for row in part.itertuples())
    print(f"{title}, trained on {trained_on}: {said}")

# %%
probes = stored.set_index(["way", "trained_on", "layer", "probed_for", "seed"]).score.sort_index()


def colour_from(way, layer="relu3", trained_on="garment"):
    """How well colour can be read from a garment network, one score a seed."""
    return probes[way, trained_on, layer, "colour"]


def against_untrained(layer):
    """How much better colour can be read from garment's network than from an untrained one, one number a seed."""
    return colour_from("Separate", layer) - colour_from("untrained", layer, trained_on="all tasks")


available = [
    mtl.claim("training for garment costs colour more in the last layer than in the first",
              against_untrained("relu3"), against_untrained("relu1"), "less", unit="%"),
    mtl.claim("from garment's last layer colour can be read worse than from an untrained one",
              colour_from("Separate"), colour_from("untrained", trained_on="all tasks"), "less", unit="%"),
    mtl.claim("sharing the first convolution leaves more colour in garment's last layer than sharing nothing",
              colour_from("Hierarchical"), colour_from("Separate"), unit="%"),
    mtl.claim("a pull of λ = 0.01 leaves more colour in garment's last layer than none",
              colour_from("Soft"), colour_from("Separate"), unit="%"),
    mtl.claim("one trunk for all has more colour in its last layer than garment's under a pull of λ = 0.01",
              colour_from("Hard", trained_on="all tasks"), colour_from("Soft"), unit="%"),
]
print(*available, sep="\n")
mtl.show.paired(available)

# %% [markdown]
# The first layer has 1,568 features and the last 64, so an untrained trunk, too, says less at the end; hence the comparison
# with it, layer by layer. Where the first two are *supported*, training took more colour from garment's last layer than from
# its first. The next two ask what sharing leaves of a task that is *not* the network's own. Where one is *supported*, sharing
# has kept in garment's features what garment's loss alone would have dropped. The fifth is the other end: one trunk that is
# trained for colour as well. Available, however, is not used. A garment head may look straight past it.
#
# ## 3 · Used: take it away
#
# To see what a network *uses*, break it. A **lesion** sets unit $u$ of $h$ to its mean $\mu_u$ over the pictures, so that it
# says the same about all of them, and asks how much a task's loss rises. With a linear head nothing has to be run again:
#
# $$z = W h + b, \qquad z' = z - (h_u - \mu_u)\, w_u .$$
#
# ### Exercise 1 · Without a unit  (difficulty ●●○, importance ●●●, 6 minutes)
#
# `z` are the answers (n, classes), `h` the features (n, d), `head` an `nn.Linear`. Return the answers with unit `u` set to its
# mean. (`head.weight` has a row a class and a column a unit.)

# %%
def without_unit(z, h, head, u):
    return ...


checks.without_unit(without_unit)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def without_unit(z, h, head, u):
#     return z - (h[:, u] - h[:, u].mean())[:, None] * head.weight[:, u]
# ```
#
# </details>
#
# Now a trunk that garment, colour and way up share entirely. Sixty-four units, three heads. Does it divide itself, some units for
# one task and some for another, or does everybody use everything? **Predict.**

# %%
guess = mtl.predict(
    "Without the ten units that one task uses most, the other two lose …",
    ["more than without ten units drawn at random", "less than without ten at random", "no clear difference"],
    key="07/ten units of another task",
)
guess

# %%
shared = mtl.fit(mtl.Hard(world.tasks, trunk), world, epochs=15, seed=0)
lab = mtl.lesion_lab(shared, world, tasks=["garment", "colour"])
lab

# %% [markdown]
# A point is a unit, with one standard error to each side; to the right, garment's loss rises without it, upwards colour's.
# (The axes are stretched near 0.) Where they cross lie, one on another, the units that nobody would miss *by themselves*
# (others may stand in for them). Loop around some units and remove them: both scores answer at once. Beside them stands the
# null: as many units drawn at random. Remove the ten most important for garment, then restore and remove the ten most
# important for colour.
#
# Those ten were chosen on the pictures they are judged on, which flatters them, and one trained trunk is an anecdote. Stored
# are six seeds of several trunks, with the ten units chosen on validation pictures and their loss measured on test pictures:

# %%
lesions = bank.load("inside_lesions")
place = ["world", "width", "epochs", "delta", "task", "other", "what", "seed"]
numbers = lesions.set_index(place).value.sort_index()
of_trunk = numbers["questions", 8, 20, -1.0].groupby(["what", "seed"]).mean()  # over all pairs of tasks

used = [
    mtl.claim("without a task's ten units it loses more than without ten at random",
              of_trunk["own"], of_trunk["own at random"]),
    mtl.claim("without a task's ten units the others, too, lose more than without ten at random",
              of_trunk["other"], of_trunk["other at random"]),
    mtl.claim("… and more than without ten at random of those that are alive",
              of_trunk["other"], of_trunk["other at random, alive"]),
    mtl.claim("the importance profiles of two tasks are more alike than shuffled ones (cosine)",
              of_trunk["cosine"], of_trunk["cosine by chance"]),
]
guess.reveal({"supported": "more than without ten units drawn at random",
              "contradicted": "less than without ten at random",
              "undecided": "no clear difference"}[used[1].verdict])
print(*used, sep="\n")
mtl.show.paired(used[:3])

# %% [markdown]
# The first claim is a check of the tool: it had better be *supported*. The second is the prediction. If it were
# *contradicted*, the trunk would be divided, each task with units of its own. Where it is *supported*, the tasks lean on the
# same units, or ten at random were cheap: a ReLU unit that is never active costs nobody anything, and ten at random hold
# some. The third claim decides: its ten are drawn from units that are alive. The fourth compares whole *profiles* of
# importance by their cosine, beside the cosine with one profile shuffled, both among the units that are alive. (The first
# three are in units of the loss.)
#
# So is nothing divided? Count in multiples of ten units at random. And turn three dials: the trunk's width, how long it learns,
# and how related the tasks are (six people of one taste, δ = 0, or mostly of their own, δ = 2).

# %%
def overlap(world, width, epochs, delta=-1.0):
    """How much the profiles of two tasks overlap beyond chance, over all pairs of tasks; one a seed."""
    dial = numbers[world, width, epochs, delta].groupby(["what", "seed"]).mean()
    return dial["cosine"] - dial["cosine by chance"]


more = mtl.claim("its ten units are worth more to a task than to the others (in multiples of ten at random)",
                 of_trunk["own"] / of_trunk["own at random"], of_trunk["other"] / of_trunk["other at random"])
dials = [
    mtl.claim("profiles overlap less in a wide trunk (16) than in a narrow one (4)",
              overlap("questions", 16, 20), overlap("questions", 4, 20), "less"),
    mtl.claim("profiles overlap less after 60 epochs than after 20",
              overlap("questions", 8, 60), overlap("questions", 8, 20), "less"),
    mtl.claim("profiles overlap less with own tastes (δ = 2) than with one taste (δ = 0)",
              overlap("shoppers", 8, 40, 2.0), overlap("shoppers", 8, 40, 0.0), "less"),
]
print(more, *dials, sep="\n")
idle = lesions[lesions.what == "neither"].groupby(["world", "width", "epochs", "delta"]).value.mean()
print(f"units that count for neither of two tasks: questions ≈ {idle['questions', 8, 20, -1.0]:.0%}, "
      f"shoppers ≈ {idle['shoppers', 8, 40, 0.0]:.0%} (δ = 0) and ≈ {idle['shoppers', 8, 40, 2.0]:.0%} (δ = 2)")
mtl.show.paired(dials)

# %% [markdown]
# An *undecided* dial may still matter; six seeds did not show it. Mind the units that count for neither: where nearly all do, a
# profile is mostly noise, and a small overlap says little about tastes. A trunk need not be divided or common: where the first
# claim here and the *third* above are both *supported*, it is partly each. And "uses" has its own pitfall: a unit may be idle
# only because a twin does the same work. That is why the lab removes groups.
#
# ## 4 · Same picture, several questions
#
# Where in a picture does an answer come from? The answer $f$ is the logit of the class that the network chose. **Integrated
# gradients** follow its gradient from a black picture $x_0$ to the picture $x$ and hand every pixel its part; the parts sum to
# $f(x) - f(x_0)$ (Sundararajan, Taly & Yan 2017). Blue pixels speak for the answer, orange ones against it; in the third row
# blue is where garment's map is the higher. (The maps show roots, so that weak places are seen.) Both heads read the *same*
# features of the shared trunk. The lower half is the same for a network that was never trained.

# %%
chosen = [int((labels["garment"] == kind).nonzero()[0]) for kind in (0, 1, 5, 7, 8, 9)]
names = world.task("garment").classes
untrained = mtl.Hard(world.tasks, trunk, seeds=(0,))
maps = {}
for title, model in {"one trunk, trained": shared, "never trained": untrained}.items():
    found = inspection.attribution(model, x[chosen], "predicted")
    maps[title] = {task: found[task] for task in ("garment", "colour")}
mtl.show.attributions(x[chosen], maps, captions=[names[int(labels["garment"][i])] for i in chosen])

# %% [markdown]
# **Occlusion** asks the same without a gradient: how much does an answer fall if a small black square hides this place?

# %%
maps = {}
for title, model in {"one trunk, trained": shared, "never trained": untrained}.items():
    found = inspection.attribution(model, x[chosen], "predicted", method="occlusion")
    maps[title] = {task: found[task] for task in ("garment", "colour")}
mtl.show.attributions(x[chosen], maps, captions=[names[int(labels["garment"][i])] for i in chosen])

# %% [markdown]
# Two methods, one question: where their maps disagree, believe neither. Before you tell a story about the upper half, look at the
# lower one. A network with random weights also "looks at the garment" and leaves the background out: the way from a black picture
# to this one changes nothing where this one is black, so no network could do otherwise. A map without such a floor says
# little about what was *learned* (Adebayo et al. 2018).
#
# ## 5 · Similar, and what it does not mean
#
# Two sets of features $X$ and $Y$ of the same $n$ pictures, centred. Their **CKA** (Kornblith et al. 2019) compares which
# pictures are close to which:
#
# $$\mathrm{CKA} = \frac{\lVert Y^\top X \rVert_F^2}{\lVert X^\top X \rVert_F \, \lVert Y^\top Y \rVert_F} .$$
#
# It is 1 for $X$ with itself, turned or scaled as one likes.
#
# ### Exercise 2 · CKA  (difficulty ●●○, importance ●●○, 6 minutes)
#
# Write it for numpy arrays $X$ (n, d) and $Y$ (n, e). Centre them first.

# %%
def similarity(X, Y):
    return ...


checks.similarity(similarity)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def similarity(X, Y):
#     X, Y = X - X.mean(0), Y - Y.mean(0)
#     return np.linalg.norm(Y.T @ X) ** 2 / (np.linalg.norm(X.T @ X) * np.linalg.norm(Y.T @ Y))
# ```
#
# </details>
#
# With many features and few pictures everything looks alike; `inspection.cka` takes that bias off. Watch it on pure noise:

# %%
rng = np.random.default_rng(0)
X, Y = rng.normal(size=(64, 512)), rng.normal(size=(64, 512))
print(f"independent noise, 64 pictures and 512 features: CKA ≈ {inspection.cka(X, Y, debiased=False):.2f}, "
      f"debiased ≈ {inspection.cka(X, Y):.2f}")

# %% [markdown]
# Now the stored networks, layer by layer, each line a pair: two tasks of one model, two seeds of one task, and two networks
# that were *never trained*.

# %%
stored = bank.load("inside_similarity")
pairs = {
    ("Separate", "two seeds"): "garment, two seeds",
    ("Separate", "two tasks"): "garment and colour, apart",
    ("Soft", "two tasks"): "garment and colour, λ = 0.01",
    ("untrained", "two seeds"): "never trained, two seeds",
}
alike = stored[stored.pair != "switched"]
alike = alike.assign(pair=[pairs[place] for place in zip(alike.way, alike.pair, strict=True)])
mtl.show.along(alike, "layer", "value", line="pair", panel="measure", label="similarity")

# %% [markdown]
# **Procrustes** (right) is the similarity behind the residual of section 1: how much of the one the best rotation turns into the
# other. It has no debiased form: the first layer has 1,568 features and there are 2,000 pictures, so much of anything can be
# turned into anything. Compare lines at one layer only.

# %%
last = alike[(alike.measure == "CKA") & (alike.layer == "relu3")].set_index(["pair", "seed"]).value
similar = [
    mtl.claim("last layer: garment of two seeds is more alike than garment and colour",
              last["garment, two seeds"], last["garment and colour, apart"]),
    mtl.claim("last layer: the pull makes garment and colour more alike",
              last["garment and colour, λ = 0.01"], last["garment and colour, apart"]),
    mtl.claim("last layer: two untrained networks are more alike than garment and colour",
              last["never trained, two seeds"], last["garment and colour, apart"]),
]
print(*similar, sep="\n")
mtl.show.paired(similar)

# %% [markdown]
# Where the third is *supported*, two networks that have *learned* nothing are more alike than two that have. So a value means
# little before one knows what untrained networks reach. Is a low one a proof of difference?
#
# ### The switch
#
# The trunk has 64 features and its three heads read 20 numbers off them: 10 + 6 + 4. So there are directions of $h$ that no
# head looks at. Move 5 % of the pictures far out along those directions, and leave the rest alone:

# %%
h = inspection.features(shared, x)["garment"]
hidden = inspection.null_space(shared)
moved = inspection.switch(h, hidden, share=0.05, distance=20.0)


def answers(features):
    """What the three heads say about features (n, 64): task → class numbers (n,)."""
    y = shared.model.answer({task.name: features[None] for task in world.tasks})
    return {name: z[0].argmax(1) for name, z in y.items()}


before, after = answers(h), answers(torch.as_tensor(moved, dtype=h.dtype))
same = {name: (before[name] == after[name]).float().mean().item() for name in before}
print(f"{hidden.shape[1]} of {h.shape[1]} directions are seen by no head")
print("answers that stayed: " + ", ".join(f"{name} ≈ {value:.0%}" for name, value in same.items()))
print(f"CKA of the features before and after: ≈ {inspection.cka(h, moved):.2f}; Procrustes ≈ "
      f"{inspection.procrustes(h, moved):.2f} of 1")

# %%
switched = stored[stored.pair == "switched"].set_index(["measure", "seed"]).value
print(mtl.claim("after the switch a trunk is less like itself than garment's network is like colour's",
                switched["CKA"], last["garment and colour, apart"], "less"))

# %% [markdown]
# The points move by 20 standard deviations, to places that a trunk ending in a ReLU cannot reach. So this says what the measures
# cannot guarantee, not what training does. (Procrustes is 1 for the same but for a rotation; the residual of section 1 is
# 2 − 2 · Procrustes.) Both follow the largest directions of variation, and nobody asked whether anyone reads them (Davari et
# al. 2023). A similarity is a question about geometry. Whether two networks *answer* alike is a question for their answers:
# compare those. The head swap of section 1 asks a third thing, whether the head of one can read the features of the other.
#
# ## 6 · Units, drawn
#
# Small networks can be looked at whole. The eight filters of the first convolution, their response to the T-shirt above, and
# the test pictures that excite each most: of a trunk that was never trained, of the shared one, and of two networks that
# learned alone (λ = 0).

# %%
apart = path.run(lam=0.0, seed=0)
networks = {
    "never trained": (untrained, "garment"), "one trunk for all": (shared, "garment"),
    "garment alone": (apart, "garment"), "colour alone": (apart, "colour"),
}
top, filters, maps = {}, {}, {}
for title, (model, task) in networks.items():
    top[title] = inspection.top_pictures(model, x, "relu1", 3)[task]
    filters[title] = inspection.filters(model)[task]
    maps[title] = inspection.features(model, x[chosen[:1]], "relu1")[task][0]
kinds = [names[int(kind)] for kind in labels["garment"]]
mtl.show.units(x, top, filters, maps=maps, labels=kinds)

# %% [markdown]
# All started from the weights on the left, so row by row you see what training did to *one* filter. Mid-grey is a weight of 0,
# each filter to its own scale; a filter without hue sees light and dark only. A picture counts by the place where it excites
# the filter most. Which filters still tell colours apart? The units of the last layer have no filter one could look at. What
# they want is seen in their pictures:

# %%
responses = inspection.responses(apart, x, "relu3")
deep = inspection.top_pictures(apart, x, "relu3", 6)
silent = {task: h.amax(0) <= 0 for task, h in responses.items()}
mtl.show.units(x, {task: deep[task] for task in ("garment", "colour")}, silent=silent, most=10, labels=kinds,
               title="Units 0 to 9 of the last layer, λ = 0")

# %% [markdown]
# ### Exercise 3 · What does it say?  (difficulty ●○○, importance ●●●, 4 minutes)
#
# Four findings from a report. Does each say what is `"available"`, `"used"`, `"similar"`, or nothing at all (`"none"`)?
#
# - A: "Without units 3, 8 and 21, the accuracy of the way-up head falls by twelve points; without three at random, by one."
# - B: "A ridge regression from the frozen garment features names the colour of 71 % of test pictures; untrained, 52 %."
# - C: "The second layers of the two tasks' networks have a debiased CKA of 0.8; two untrained ones of 0.5."
# - D: "The heat map of the colour head lies on the garment and not on the background, so it has learned to ignore the background."

# %%
report = {"A": ..., "B": ..., "C": ..., "D": ...}

checks.says(report)

# %% [markdown]
# <details><summary>Solution</summary>
#
# `{"A": "used", "B": "available", "C": "similar", "D": "none"}`. The map of D has no untrained row beside it. If it was made
# against black, it leaves a black background out whatever the network.
#
# </details>
#
# ## What we saw
#
# - *Available*: a probe, beside its floors. *Used*: a lesion, beside as many units at random. *Similar*: CKA or Procrustes,
#   beside an untrained network and a second seed. None of them stands for another.
# - What a network drops on the way up, sharing may keep. What it keeps, a head may ignore.
# - Similarity follows the largest directions. Untrained networks have some, too, and it can be made low without changing one
#   answer.
# - A picture of a network is where a question starts. The claim under it is where it ends.
#
# **Which model would you now choose** if a colleague wanted features that a *new* task, not yet known, could be read from? Which
# of the three measurements would you show them, and beside which floor?
#
# *Read on:* Kornblith et al. 2019, "Similarity of neural network representations revisited" · Davari et al. 2023,
# "Reliability of CKA as a similarity measure in deep learning" · Adebayo et al. 2018, "Sanity checks for saliency maps" ·
# Sundararajan, Taly & Yan 2017, "Axiomatic attribution for deep networks" · Morcos et al. 2018, "On the importance of single
# directions for generalization".
#
# **Try it on your own models:** `mtl.microscope({"mine": run}, world)` and `mtl.lesion_lab(run, world)` take any model of
# the course, and `mtl.microscope(…).save("page.html")` keeps it as a page that needs neither Python nor network.
