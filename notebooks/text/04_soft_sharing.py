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
# # 04 · Soft sharing in networks
#
# After this lesson you can
#
# - write soft sharing in ten lines, and say what its penalty does to the optimiser that you use,
# - choose λ on validation, and tell a gain from *sharing* from a gain from *shrinking*,
# - tell a distance of weights from a distance of functions.
#
# *45 minutes of work; about a minute of computing on two free cores. Before this: lessons 02 and 03.*
#
# Lesson 03 asked about forty hospitals of very different size. Soft sharing, with the same number k of borrowed patients for
# each: the small lean on the others, the large hardly notice. And about eight sensors that react to the same two causes, some
# with opposite sign. Their mean is near 0, so a pull to it finds nothing; they have two directions in common: a trunk of
# width two, or a wide one with weight decay.
#
# Now the same pull on networks. A colleague says: "Networks whose weights are close compute nearly the same. So to see
# where tasks differ, look for the layer whose weights differ most." Is that so?

# %%
import math
import warnings

import pandas as pd
import torch

import mtl_lesson as mtl
from mtl_lesson import bank, checks
from mtl_lesson.inspection import function_gap

# %% [markdown]
# ## 1 · The pull
#
# Each task has a network of its own, $h_t = f(x; \theta_t)$, and pays for being far from the others:
#
# $$L = \sum_t L_t(\theta_t, \varphi_t) + \lambda \sum_{i<j} \lVert \theta_i - \theta_j \rVert^2 .$$
#
# θ_t are *all* weights of task t's trunk in one long vector; nobody pulls the heads, φ_t. All trunks start from the same
# weights. (Why? Shuffle a network's hidden units: it computes what it did, and its weights are far away.) At λ = 0 this is a
# network a task, at λ = ∞ hard sharing.
#
# ### Exercise 1 · Soft sharing in ten lines  (difficulty ●●○, importance ●●●, 8 minutes)
#
# `trunks`, `heads` and `labels` are lists with an entry for each task. Make one step down the gradient of $L$ and return $L$.
# Lesson 03 has the identity that needs no loop over pairs.

# %%
def all_weights(trunks):  # θ, (T, P)
    return torch.stack([torch.nn.utils.parameters_to_vector(trunk.parameters()) for trunk in trunks])


def soft_step(trunks, heads, optimiser, x, labels, lam):
    return ...


checks.soft_step(soft_step)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def soft_step(trunks, heads, optimiser, x, labels, lam):
#     theta = all_weights(trunks)
#     outputs = [head(trunk(x)) for trunk, head in zip(trunks, heads)]
#     losses = [torch.nn.functional.cross_entropy(output, y) for output, y in zip(outputs, labels)]
#     penalty = lam * len(trunks) * (theta - theta.mean(0)).square().sum()
#     L = sum(losses) + penalty
#     optimiser.zero_grad()
#     L.backward()
#     optimiser.step()
#     return L
# ```
#
# </details>
#
# ## 2 · The way down
#
# With $d_t = \theta_t - \bar\theta$ the penalty is $\lambda T \sum_t \lVert d_t \rVert^2$, and one step of gradient descent on it
# takes $d_t$ to $(1 - 2 \lambda T\, lr)\, d_t$. Beyond **λ = 1/(T·lr)** that is longer than before: the tasks are driven
# *apart*. (Momentum β bears (1 + β) times as much.) The way out: let the optimiser step on $\sum_t L_t$ alone, to $z_t$. Then
# *solve* for the point that is near $z$ and whose parts are near each other:
#
# $$\min_\theta\; \sum_t \tfrac{1}{2\,lr} \lVert \theta_t - z_t \rVert^2 + \lambda T \sum_t \lVert \theta_t - \bar\theta \rVert^2 .$$
#
# ### Exercise 2 · The exact step  (difficulty ●●○, importance ●●○, 6 minutes)
#
# Set the derivative to 0 and return θ. `z` has a row for each task, (T, P). λ = ∞ is allowed.

# %%
def exact_step(z, lam, lr):
    return ...


checks.exact_step(exact_step)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def exact_step(z, lam, lr):
#     m = z.mean(0)
#     return m + (z - m) / (1 + 2 * lam * len(z) * lr)
# ```
#
# </details>
#
# Its factor falls from 1 to 0 and never turns negative. (Adam's step has a length of its own for each weight, and the exact
# step then has, too: `mtl.Soft.pull??`.) Both with plain gradient descent, on six people's tastes (lesson 02):

# %%
T, lr = 6, 0.3
histories = []
for exact in (True, False):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", mtl.TrainingDiverged)  # this is what we came to see
        descent = mtl.sweep(mtl.Soft, mtl.data.shoppers, trunk=mtl.nets.conv(8, channels=1), exact=exact, seeds=[0],
                            lam=[0.3 / (T * lr), 1.3 / (T * lr)], optimiser="sgd", lr=lr, epochs=20, batch_size=30,
                            validate=True)
    histories.append(descent.history.assign(step="exact step" if exact else "gradient step"))
history = pd.concat(histories)
limit = history.lam.mul(T * lr).map("λ = {:.1f} times the limit".format)
mtl.show.along(history.assign(limit=limit)[history.split == "train"], "epoch", "loss", line="step", panel="limit",
               log=True, label="training loss")

# %% [markdown]
# The cross: training has diverged. And **Adam**, which this course uses? Stored, over ten seeds (settings were chosen on seeds
# 0 to 9, what is stored comes from 100 to 109): the loss on validation after 40 epochs.

# %%
steps = bank.load("gradient_steps")
adam = steps[steps.optimiser == "adam"]
mtl.show.along(adam.assign(step=adam.exact.map({True: "exact step", False: "gradient step"})), "times", "loss", line="step",
               x_label="λ·T·lr", label="loss", levels={"knowing nothing: ln 2": math.log(2)})

# %%
def lost(times):
    """Claim that gradient steps on the penalty, at λ·T·lr = ``times``, cost Adam agreement on test."""
    by_gradient, exact = (mtl.pick(adam, exact=exact, times=times) for exact in (False, True))
    return mtl.claim(f"Adam, λ·T·lr = {times:g}: gradient steps are worse than exact ones", by_gradient, exact, "less", unit="%")


diverged = steps[~steps.exact].groupby(["optimiser", "times"]).diverged.mean()
questions, budgets = bank.load("questions_path"), bank.load("budgets")
tied = mtl.claim("questions: λ = ∞ is worse at garments than hard sharing", mtl.pick(questions, lam=math.inf, task="garment"),
                 mtl.pick(budgets, way="Hard", width=8, epoch=20, task="garment"), "less", unit="%")
mtl.show.verdicts(lost(0.006), tied)

# %% [markdown]
# Plain descent diverges at 1.3 times its limit in every seed, momentum (β = 0.9) at 3 times. Adam never does: it divides by
# the size of the whole gradient, the penalty's included, so no step is much longer than lr; but then little of a step is left
# for the tasks. At λ = 1, not a hundredth of the limit, six people's agreement is 4.6
# points lower; at 0.3 times the limit, 18.8. At 1.3 times the loss is .687, where knowing nothing is ln 2 = .693: hardly anything
# is learnt, and no error is raised.
#
# <!-- stated: diverged["sgd",1.3] = 1 -->
# <!-- stated: diverged["momentum",1.3] = 0 -->
# <!-- stated: diverged["momentum",3.0] = 1 -->
# <!-- stated: diverged["adam"].max() = 0 -->
# <!-- stated: lost(0.006) supported -4.6 -->
# <!-- stated: lost(0.3) supported -18.8 -->
# <!-- stated: mtl.pick(adam,"loss",exact=False,times=1.3).mean() = 0.687 -->
#
# So from here on the pull is exact, and λ may be anything from 0 to ∞. One caution: under Adam λ = ∞ is hard sharing as a
# *model*, not as a *training run*, since each task's gradient is divided by its own size before they meet. On the three
# questions that costs 1.4 points on garments. <!-- stated: tied supported -1.4 -->
#
# ## 3 · A path along λ
#
# Six people have rated 150 garments each; δ says how personal their tastes are. Set δ to 0.7, where the tastes of two people
# correlate at about two thirds, and **predict**: mark the best λ in the explorer, then ask for the scores. *Show a good λ*
# says why it is one.

# %%
explorer = mtl.explore({"shoppers": "shoppers_path", "questions": "questions_path"})
explorer

# %% [markdown]
# How good is soft sharing when each seed takes the λ that *its* validation set likes best, and is scored on test? Three
# controls:
#
# - *alone*: a network a task, λ = 0;
# - *shrunk*: a network a task with **weight decay**, chosen on validation as λ was. A pull to the others also holds weights
#   back; is the gain from the others, or from holding back?
# - *equal*: all trunks equal, λ = ∞.
#
# Two claims are primary, chosen before these seeds were seen: at δ = 0.7 soft sharing beats six *shrunk* networks, and on the
# three questions it beats three networks *alone*.

# %%
shoppers, shrunk = bank.load("shoppers_path"), bank.load("shrunk_shoppers")
worlds = {f"δ={delta:g}": (shoppers[shoppers.delta == delta], shrunk[shrunk.delta == delta]) for delta in (0.0, 0.7, 2.0)}
worlds["questions"] = questions, bank.load("shrunk_questions")
gains = {}
for world, (soft, decayed) in worlds.items():
    controls = {"alone": mtl.pick(soft, lam=0.0), "shrunk": mtl.choose(decayed, "weight_decay")["mean"],
                "equal": mtl.pick(soft, lam=math.inf)}
    for control, scores in controls.items():
        text = f"{world}: soft sharing is better than networks that are {control}"
        gains[world, control] = mtl.claim(text, mtl.choose(soft, "lam")["mean"], scores, unit="%")
mtl.show.map_of_claims(gains, "world", "against", positive="soft sharing better", negative="worse")

# %%
mtl.show.verdicts(gains["δ=0.7", "shrunk"], gains["questions", "alone"], primary=2)

# %% [markdown]
# At δ = 0, where all have one taste, soft sharing beats six networks by 2.0 points, at δ = 2 by 1.0; at δ = 0.7 by 0.5, which
# is undecided. Shrinking explains none of it: over six *shrunk* networks the gains are 2.2, 0.9 and 0.5 points. But nowhere is
# the chosen λ shown to beat equal trunks: hard sharing would do here. Why? A taste is one for *kinds* of garment. To
# recognise kinds is the trunk's job, the same for all six; which kinds one likes is the head's, which nobody pulls.
#
# The three questions have no such common need: no λ is shown to beat λ = 0 (+0.3), and equal trunks are 6.6 points behind. Both
# primary claims stay undecided.
#
# <!-- stated: gains["δ=0","alone"] supported +2.0 -->
# <!-- stated: gains["δ=0.7","alone"] undecided +0.5 -->
# <!-- stated: gains["δ=2","alone"] supported +1.0 -->
# <!-- stated: gains["δ=0","shrunk"] supported +2.2 -->
# <!-- stated: gains["δ=0.7","shrunk"] undecided +0.5 -->
# <!-- stated: gains["δ=2","shrunk"] supported +0.9 -->
# <!-- stated: gains["δ=0","equal"] undecided -0.1 -->
# <!-- stated: gains["δ=0.7","equal"] undecided -0.1 -->
# <!-- stated: gains["δ=2","equal"] undecided +0.3 -->
# <!-- stated: gains["questions","alone"] undecided +0.3 -->
# <!-- stated: gains["questions","equal"] supported +6.6 -->
#
# ## 4 · Close weights, same function?
#
# Two distances for each layer and task, both relative:
#
# $$\text{weights: } \frac{\lVert \theta_t - \bar\theta \rVert}{\lVert \bar\theta \rVert}, \qquad
#   \text{features: } \frac{\lVert h_t(x) - \bar h(x) \rVert}{\lVert \bar h(x) \rVert} \text{ on the same pictures } x .$$
#
# Three λ, trained here, with eight seeds. A *layer alone* is handed the same input for all tasks: the mean of their features below.

# %%
path = mtl.sweep(mtl.Soft, mtl.data.questions, trunk=mtl.nets.conv(8), n_train=500, lam=[0.003, 0.03, 0.3],
                 seeds=range(8), epochs=8)
pictures = mtl.data.questions(n_train=500, seed=0).test.x[:500]
rows = []
for (_, lam, seed), run in path.runs.items():
    for name, below, after in (("conv1", None, "relu1"), ("conv2", "relu1", "relu2"), ("linear", "relu2", "relu3")):
        for of, gap in (("weights", run.model.gap(name)[0]), ("features", function_gap(run.model, pictures, after)),
                        ("layer alone", function_gap(run.model, pictures, after, given=below))):
            rows.append({"lam": lam, "seed": seed, "layer": name, "of": of, "distance": gap.mean().item()})
distances = pd.DataFrame(rows)
far = {(of, layer): mtl.pick(distances, "distance", lam=0.3, of=of, layer=layer)
       for of in ("weights", "features", "layer alone") for layer in ("conv1", "conv2", "linear")}
mtl.show.verdicts(mtl.claim("λ = 0.3: the last layer's weights are closer than the first's", far["weights", "linear"],
                            far["weights", "conv1"], "less", unit="%"))

# %% [markdown]
# **Predict**: in which layer do the three tasks' *features* differ most?

# %%
layer = mtl.predict("At λ = 0.3 the three tasks' features differ most in …", ["conv1", "conv2", "linear"], key="04/features")
layer

# %% [markdown]
# ### Exercise 3 · Design the test  (difficulty ●●○, importance ●●●, 4 minutes)
#
# Which claim would test the colleague's sentence, and what is a pair: `"picture"`, `"task"`, `"layer"` or `"seed"`?
#
# - A: in the last layer, features are further apart than weights
# - B: the last layer's features are closer than the first's
# - C: networks with closer weights have closer scores
# - D: at a larger λ, weights and features are both closer

# %%
the_claim, the_pair = ..., ...

checks.claim_of_closeness(the_claim, the_pair)

# %% [markdown]
# <details><summary>Solution</summary>
#
# `"B", "seed"`. By the sentence the layer with the closest weights has the closest features. A compares percentages of
# different things, C scores, D two λ.
#
# </details>

# %%
layer.reveal(max(("conv1", "conv2", "linear"), key=lambda name: far["features", name].mean()))
mtl.show.along(distances, "lam", "distance", line="of", panel="layer", unit="%", label="relative distance")

# %%
mtl.show.verdicts(
    mtl.claim("λ = 0.3: the last layer's features are closer than the first's", far["features", "linear"],
              far["features", "conv1"], "less", unit="%"),
    mtl.claim("λ = 0.3: the last layer alone, given the same input, differs less than the first", far["layer alone", "linear"],
              far["layer alone", "conv1"], "less", unit="%"), primary=1)

# %% [markdown]
# Where the first is *contradicted*, the colleague's sentence was the **misconception** of this lesson: the features differ most
# above the layer whose weights are closest. Where the second is *supported*, it holds some truth: *alone*, that layer differs
# less than the first. But what differs below is carried up. Nor is the line of weights that of the layer alone: some
# weights matter more.
#
# A λ for each layer, `lam={"conv1": math.inf}`, ties one and leaves the others free: see lesson 05.
#
# ## 5 · A shared part and a private part
#
# A third idea keeps both, a trunk that all share *and* one for each task:
#
# $$h_t = [\,s_t;\, p_t\,], \qquad s_t = f(x; \theta), \quad p_t = f(x; \theta_t), \qquad
#   L = \sum_t L_t + \gamma \sum_t R(s_t, p_t),$$
#
# where $R$ is the mean squared correlation of a shared and a private feature: an **orthogonality** penalty. It draws no tasks
# together; it keeps two parts of one task from saying the same.

# %%
parts = bank.load("parts")
orthogonal = mtl.claim("γ = 1 is better than γ = 0", mtl.pick(parts, gamma=1.0), mtl.pick(parts, gamma=0.0), unit="%")
mtl.show.verdicts(orthogonal)

# %% [markdown]
# On the three questions that cost 3.1 points. What it does to the features is measured in an extra,
# `extra/04_shared_and_private.ipynb`. <!-- stated: orthogonal contradicted -3.1 -->
#
# ## What we saw
#
# - Soft sharing is a network a task and a price on their distance; over all pairs it is one mean and one sum.
# - Gradient steps on that price: plain descent diverges beyond λ = 1/(T·lr); Adam does not, and learns ever less, from far
#   below. The exact step holds at any λ.
# - Six people with one taste gained 2.0 points; three questions from no λ. Choose λ on validation, with the same
#   networks *shrunk* as a control.
# - Tied weights tie functions. Close weights need not: what differs below is carried up.
# - An orthogonality penalty separates parts, and cost accuracy here.
#
# **Which model would you now choose** for six people, of whom one has rated only ten garments? What would λ have to be for
# her, and for the others?
#
# *Read on:* Duong et al. 2015, "Low resource dependency parsing: cross-lingual parameter sharing in a neural network parser" ·
# Evgeniou & Pontil 2004, "Regularized multi-task learning" · Bousmalis et al. 2016, "Domain separation networks" · Parikh & Boyd 2014, "Proximal algorithms" (the exact step).
#
# **Next:** 05 · Hierarchical sharing: how *deep* to share.
