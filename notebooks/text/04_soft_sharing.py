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
# - write the penalty of soft sharing and say when gradient descent on it breaks down, and what to do instead,
# - read a path along λ: scores, weights and functions, and choose λ without looking at the test set,
# - give each layer its own λ, and measure what a shared and a private part with an orthogonality penalty do.
#
# *45 minutes of work; about a minute of computing on two free cores. Before this: lessons 02 and 03.*
#
# **The misconception of this lesson:** *two networks whose weights are close compute the same, and the layer whose weights
# differ most is where the tasks differ most.* Is a distance of weights a distance of functions?

# %%
import math
import warnings

import pandas as pd

import mtl_lesson as mtl
from mtl_lesson import bank, checks
from mtl_lesson.inspection import function_gap, probe
from mtl_lesson.sharing.shared_private import overlap
from mtl_lesson.show.schools import written

trunk = mtl.nets.conv(8, channels=1)

# %% [markdown]
# ## 1 · The pull
#
# In lesson 03 every school kept its own line and paid for being far from the others. The same with networks: each task has
# a network of its own, $h_t = f(x; \theta_t)$, and
#
# $$L = \sum_t L_t(\theta_t, \varphi_t) + \lambda \sum_{i<j} \lVert \theta_i - \theta_j \rVert^2 .$$
#
# θ_t are *all* weights of task t's trunk in one long vector, and the networks start from the same weights. (Why must they?
# Shuffle the hidden units of a network: it computes what it did, and its weights are far away.) At λ = 0 this is a network a
# task; at λ = ∞ all trunks are equal: hard sharing. Between 65 tasks there are 2,080 pairs. Must one go through them?
#
# ### Exercise 1 · The penalty without pairs  (difficulty ●●○, importance ●●●, 6 minutes)
#
# `theta` has a row for each task, shape (T, P). Write $\lambda \sum_{i<j} \lVert \theta_i - \theta_j \rVert^2$ without a
# loop over pairs. (Lesson 03 has the identity.)

# %%
def penalty(theta, lam):
    return ...


checks.penalty(penalty)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def penalty(theta, lam):
#     return lam * len(theta) * (theta - theta.mean(0)).square().sum()
# ```
#
# </details>
#
# Most code adds this to the loss and lets the gradient do the rest. Look at one step of gradient descent on the penalty
# alone. With $d_t = \theta_t - \bar\theta$ it is $\lambda T \sum_t \lVert d_t \rVert^2$, so its gradient is $2 \lambda T d_t$.
#
# ### Exercise 2 · How large may λ be?  (difficulty ●●○, importance ●●●, 6 minutes)
#
# Write the λ beyond which gradient descent with learning rate `lr` drives `T` tasks *apart* instead of together.

# %%
def largest_lambda(T, lr):
    return ...


checks.largest_lambda(largest_lambda)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def largest_lambda(T, lr):
#     return 1 / (T * lr)
# ```
#
# One step takes $d_t$ to $(1 - 2 \lambda T\, lr)\, d_t$, which grows in size when $2 \lambda T\, lr > 2$.
#
# </details>
#
# The way out: let the optimiser step on $\sum_t L_t$ alone, to $z_t$; then *solve* for the point that is near $z$ and whose
# parts are near each other,
#
# $$\min_\theta\; \sum_t \tfrac{1}{2\,lr} \lVert \theta_t - z_t \rVert^2 + \lambda T \sum_t \lVert \theta_t - \bar\theta \rVert^2 .$$
#
# Setting the derivative to 0 gives
#
# $$\theta_t = m + w\,(z_t - m), \qquad w = \frac{1}{1 + 2 \lambda T\, lr}, \qquad m = \bar z .$$
#
# $w$ falls from 1 at λ = 0 to 0 at λ = ∞ and never turns negative. Momentum and Adam take steps of other lengths, Adam one for
# each weight; so $w$ changes, too: `mtl.Soft.pull??`. Below, both on the world of six shoppers (lesson 02)
# with plain gradient descent, at a λ below that limit and at one beyond it.

# %%
T, lr = 6, 0.3
small, large = 0.3 / (T * lr), 1.3 / (T * lr)
histories = []
for exact in (True, False):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", mtl.TrainingDiverged)  # this is what we came to see
        descent = mtl.sweep(mtl.Soft, mtl.data.shoppers, trunk=trunk, lam=[small, large], exact=exact, seeds=[0],
                            optimiser="sgd", lr=lr, epochs=20, batch_size=30, validate=True)
    step = "exact step" if exact else "gradient step"
    for lam, words in ((small, "λ = 0.3 of the limit"), (large, "λ = 1.3 times the limit")):
        run = descent.run(lam=lam, seed=0)
        print(f"{words}, {step}:", "diverged" if run.stopped else "went well")
        histories.append(run.history[run.history.split == "train"].assign(panel=words, step=step))

mtl.show.along(pd.concat(histories), "epoch", "loss", line="step", panel="panel", log=True, label="training loss")

# %% [markdown]
# Where a line ends with a cross, the next loss was over ten thousand times the first, far off the paper, and soon it was no
# longer a number. Nothing was wrong with the objective: only with the way down. So from here on the pull is always taken exactly, and λ may be anything from 0 to ∞.
#
# ## 2 · A path along λ
#
# Six people have rated 150 garments each; δ says how personal their tastes are (lesson 02). What should λ be? Set δ to 0.7,
# where the tastes of two people correlate at about two thirds, and **predict**: mark your λ in the explorer, then ask to see
# the scores.
#
# The results are stored (`make bank` computes them): nine λ, three δ, six seeds, 972 networks. The slider, the number box and
# the arrow keys move λ, and each view is of the same λ. Top left: the scores along λ. Top right: the same path as one person's score
# against another's, a grey line a seed. Below: how far each layer's weights are from the mean, the model, and one
# person's right and wrong answers. *Train it live* trains one more seed on your machine and lays it on the band.

# %%
explorer = mtl.explore({"shoppers": "shoppers_path", "questions": "questions_path"})
explorer

# %% [markdown]
# How good is soft sharing if λ is chosen as one must choose it, on validation? For each seed we take the λ that *its*
# validation set likes best, and report the test score there.

# %%
shoppers = bank.load("shoppers_path")
ends = shoppers[shoppers.split == "test"].groupby(["delta", "lam", "seed"]).score.mean()
claims = []
for delta in (0.0, 0.7, 2.0):
    soft = mtl.choose(shoppers[shoppers.delta == delta], "lam")["mean"]
    claims.append(mtl.claim(f"δ = {delta:g}: soft sharing is better than six networks", soft, ends[delta, 0.0], unit="%"))
    claims.append(mtl.claim(f"δ = {delta:g}: soft sharing is better than six equal trunks", soft, ends[delta, math.inf],
                            unit="%"))
    chosen = mtl.choose(shoppers[shoppers.delta == delta], "lam").lam.sort_values()
    print(f"δ = {delta:g}: the six seeds chose λ =", ", ".join(map(written, chosen)))
print(*claims, sep="\n")
mtl.show.paired(claims)

# %%
test = shoppers[shoppers.split == "test"].groupby(["delta", "lam", "seed"], as_index=False).score.mean()
mtl.show.along(test.assign(tastes=test.delta.map("δ = {:g}".format)), "lam", line="tastes", label="agreement on test")

# %% [markdown]
# Six seeds need not choose alike; where the curve is flat, nothing makes them. Read the curves with their bands: one that rises
# and falls has its best λ *inside*, as the schools had; one that only rises asks for a common trunk, one that only falls asks
# to be left alone, and a flat one says that λ does not matter here. Where a claim is *undecided*, do not tell a story about
# it. What did we expect? A taste is one for *kinds* of garment. To recognise the kinds is one task for all six, the
# trunk's; which kinds one likes is the head's, which nobody pulls. So sharing the trunk should help at every δ. At which δ do
# the claims against six networks bear that out? Elsewhere it stays an expectation.
#
# The other world, three questions about one picture, has no such common need:

# %%
questions = bank.load("questions_path")
free = questions[(questions.split == "test") & (questions.lam == 0)].groupby("seed").score.mean()
print(mtl.claim("questions: soft sharing, λ chosen on validation, is better than three networks",
                mtl.choose(questions, "lam")["mean"], free, unit="%"))
tied = questions[(questions.split == "test") & (questions.lam == math.inf)].groupby("seed").score.mean()
print(mtl.claim("questions: equal trunks are worse than three networks", tied, free, "less", unit="%"))
mtl.show.along(questions[questions.split == "test"], "lam", label="accuracy on test")

# %% [markdown]
# If no λ beats λ = 0, that is a finding, not a failure. Where the second claim is *supported*, pulling these three questions
# together costs accuracy, as hard sharing did in lesson 02, and the curve shows at which λ the cost sets in.
#
# ## 3 · Close weights, same function?
#
# Two distances, for each layer and task, both relative:
#
# $$\text{weights: } \frac{\lVert \theta_t - \bar\theta \rVert}{\lVert \bar\theta \rVert}, \qquad
#   \text{function: } \frac{\lVert h_t(x) - \bar h(x) \rVert}{\lVert \bar h(x) \rVert} \text{ on the same pictures } x .$$
#
# **Predict**: at λ = 0.01 on *questions*, in which layer are the three tasks' *weights* furthest apart?

# %%
layer = mtl.predict("The weights of the three tasks differ most in …", ["conv1", "conv2", "linear"], key="04/layer")
layer

# %%
gaps = bank.load("questions_path_gaps")
by_layer = gaps[gaps.lam == 0.01].groupby("layer").gap.mean()
layer.reveal(by_layer.idxmax())
mtl.show.along(gaps, "lam", "gap", line="layer", unit="%", label="distance of weights")

# %% [markdown]
# Now the functions. Three λ are trained here, with five seeds, on fewer pictures and for fewer epochs than the stored ones,
# so the numbers differ. The pictures $x$ are 500 of the test set; $\bar h$ is the mean of the tasks' features.

# %%
path = mtl.sweep(mtl.Soft, mtl.data.questions, trunk=mtl.nets.conv(8), n_train=500, lam=[0.0, 0.03, 0.3],
                 seeds=range(5), epochs=8)
pictures = mtl.data.questions(n_train=500, seed=0).test.x[:500]
rows = []
for (_, lam, seed), run in path.runs.items():
    for name in run.model.trunk.plan:
        after = {"conv1": "relu1", "conv2": "relu2", "linear": "relu3"}[name]
        for what, value in (("weights", run.model.gap(name)[0]), ("function", function_gap(run.model, pictures, after))):
            rows.append({"lam": lam, "seed": seed, "layer": name, "distance": value.mean().item(), "of": what})
distances = pd.DataFrame(rows)
mtl.show.along(distances, "lam", "distance", line="of", panel="layer", unit="%", label="relative distance")

# %%
at = distances[distances.lam == 0.03].set_index(["of", "layer", "seed"]).distance.sort_index()
stored = gaps[gaps.lam == 0.03].groupby(["layer", "seed"]).gap.mean()
print(mtl.claim("λ = 0.03, last layer: weights are closer than those of the first layer (stored)", stored["linear"],
                stored["conv1"], "less", unit="%"))
print(mtl.claim("λ = 0.03, last layer: functions are further apart than weights", at["function", "linear"],
                at["weights", "linear"], unit="%"))
print(mtl.claim("λ = 0.03, last layer: functions are further apart than those of the first layer", at["function", "linear"],
                at["function", "conv1"], unit="%"))

# %% [markdown]
# Two percentages of different things are hard to compare; an order is easier. Where the first and the last claim are both
# *supported*, the last layer's weights are the closer and its functions the further apart: the distance of weights names the
# wrong layer. A layer's input comes from those below, whose differences add up, and a small difference in many weights that
# point the same way is a large one in the sum. So a penalty on weights is a rough tool. It says nothing of *what* is shared; lesson 07 looks at functions themselves.
#
# ## 4 · One λ a layer
#
# Section 3 showed that the same λ leaves some layers apart and closes others. Nothing forces one λ on all layers. `lam={"conv1": math.inf}` ties the first layer and leaves the others free; ties at ∞ up
# to some layer, and none above, are what lesson 05 calls a *branch*.

# %%
model = mtl.Soft(mtl.data.questions(n_train=10).tasks, mtl.nets.conv(8), lam={"conv1": math.inf, "conv2": 0.01})
run = mtl.fit(model, mtl.data.questions(n_train=500, seed=0), epochs=4, seed=0)
for name in ("conv1", "conv2", "linear"):
    gap = run.model.gap(name).mean().item()
    print(f"{name}: weights", "equal" if gap < 1e-6 else f"apart by ≈ {gap:.0%}")

# %% [markdown]
# ## 5 · A shared part and a private part
#
# A third idea keeps both: every task looks through one trunk that all share *and* through one of its own,
#
# $$h_t = [\,s_t;\, p_t\,], \qquad s_t = f(x; \theta), \quad p_t = f(x; \theta_t), \qquad
#   L = \sum_t L_t + \gamma \sum_t R(s_t, p_t),$$
#
# where $R$ is the mean squared correlation between a shared feature and a private one. It is an *orthogonality* penalty: it
# does not draw tasks together, it keeps two parts of one task from saying the same. The usual form, $\lVert S^\top P
# \rVert^2$ with a row a picture (Bousmalis et al. 2016), can be met by making $P$ small. For a correlation each feature is
# divided by its own size first, so small is not enough (`mtl.SharedPrivate??`).
#
# What does it do to features? Measured, not assumed: the overlap R, and what a linear probe (lesson 01) can read from each
# part. **Predict**: with the penalty, does the *shared* part know less or more of the three questions?

# %%
shared = mtl.predict("Of the three questions, the shared part knows …",
                     ["less than without the penalty", "more", "no clear difference"], key="04/shared")
shared

# %%
parts = mtl.sweep(mtl.SharedPrivate, mtl.data.questions, trunk=mtl.nets.conv(4), n_train=500, gamma=[0.0, 0.2],
                  seeds=range(8), epochs=12)

# %%
rows = []
for (_, gamma, seed), run in parts.runs.items():
    world = run.world
    seen, asked = run.model.features(world.train.x), run.model.features(world.test.x)
    for task in world.tasks:
        halves = zip(("shared", "private"), run.model.parts(seen[task.name]), run.model.parts(asked[task.name]), strict=True)
        for part, train, held_out in halves:
            for about in world.tasks:
                score = probe(train, world.train.labels[about.name], held_out, world.test.labels[about.name])
                rows.append({"gamma": gamma, "seed": seed, "part": part, "own": about == task, "score": score})
    both = [overlap(*run.model.parts(h)).item() for h in asked.values()]
    rows.append({"gamma": gamma, "seed": seed, "part": "overlap", "own": True, "score": sum(both) / len(both)})
    silent = run.model.parts(asked["garment"])[0].std(0) < 1e-6  # all tasks have the same shared part
    rows.append({"gamma": gamma, "seed": seed, "part": "silent", "own": True, "score": silent.float().mean().item()})
known = pd.DataFrame(rows).groupby(["part", "own", "gamma", "seed"]).score.mean()

verdicts = [
    mtl.claim("γ = 0.2: shared and private features overlap less", known["overlap", True, 0.2], known["overlap", True, 0.0],
              "less", unit="%"),
    mtl.claim("γ = 0.2: the shared part knows less of all questions", known["shared", False, 0.2],
              known["shared", False, 0.0], "less", unit="%"),
]
shared.reveal({"supported": "less than without the penalty", "contradicted": "more",
               "undecided": "no clear difference"}[verdicts[1].verdict])
for part, own, words in (("private", True, "private parts, own question"), ("private", False, "private parts, the other two"),
                         ("shared", False, "shared part, all three")):
    print(f"{words}: ≈ {known[part, own, 0.0].mean():.0%} without the penalty, ≈ {known[part, own, 0.2].mean():.0%} with it")
print(*verdicts, sep="\n")
mtl.show.paired(verdicts)

# %% [markdown]
# The first row says whether the penalty did what it was told to do. The second says what that did to *knowledge*, which is
# what one wanted it for, and it need not be the same: being uncorrelated is a matter of pairs of features, and a question can
# be answered from many of them. And the scores? Stored, over six seeds, for a wider trunk and more pictures, with a weak and a
# strong penalty. (*Contradicted* means that the penalty cost accuracy.)

# %%
stored = bank.load("parts").groupby(["gamma", "seed"]).score.mean()
for gamma in (0.1, 1.0):
    print(mtl.claim(f"γ = {gamma:g} is better than γ = 0, test score, mean of three questions", stored[gamma], stored[0.0],
                    unit="%"))

# %% [markdown]
# Size does not enter a correlation. But a unit that is silent on every picture has none, and is left out of R: a way out. Before
# you believe in "disentangled" features, look whether the shared part fell silent.

# %%
for gamma in (0.0, 0.2):
    print(f"γ = {gamma:g}: ≈ {known['silent', True, gamma].mean():.0%} of the shared units are silent")
print(mtl.claim("γ = 0.2: more shared units are silent on every picture", known["silent", True, 0.2],
                known["silent", True, 0.0], unit="%"))

# %% [markdown]
# ## What we saw
#
# - Soft sharing is a network a task and a price on their distance; the price over all pairs is one mean and one sum.
# - Gradient steps on that price diverge beyond λ = 1/(T·lr). The exact step does not, at any λ.
# - The best λ depends on the world: choose it on validation, and expect 0, ∞ and anything between.
# - Weights and functions are two distances. Tied weights tie functions; close weights need not.
# - An orthogonality penalty is no pull between tasks. The verdicts say what it did to overlap, knowledge and scores.
#
# **Which model would you now choose** for six people, of whom one has rated only ten garments? What would λ have to be for
# her, and for the others?
#
# *Read on:* Duong et al. 2015, "Low resource dependency parsing: cross-lingual parameter sharing in a neural network parser" ·
# Evgeniou & Pontil 2004, "Regularized multi-task learning" · Yang & Hospedales 2017, "Trace norm regularised deep multi-task
# learning" · Bousmalis et al. 2016, "Domain separation networks" · Parikh & Boyd 2014, "Proximal algorithms" (the exact step).
#
# **Next:** 05 · Hierarchical sharing: how *deep* to share.
