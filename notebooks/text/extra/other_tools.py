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
# # Extra · Other tools, as equalities
#
# *20 minutes; computing takes about ten seconds. Before this: lessons 02, 03 and 07.*
#
# What this course calls a trunk, a head and λ has other names elsewhere. Each section below gives a formula, a few lines
# in another tool's words, and an equality that is computed before you. Where two tools are *not* the same, that is measured too.
# Keras and Lightning, which you may not have, are in [a notebook of their own](keras_and_lightning.ipynb).

# %%
import numpy as np
import torch
from sklearn.linear_model import Lasso, MultiTaskLasso, Ridge
from sklearn.neural_network import MLPClassifier

import mtl_lesson as mtl
from mtl_lesson.inspection.lesions import Lesions
from mtl_lesson.linear.stretched import stretched, unstretched
from mtl_lesson.sharing.given import put_heads
from mtl_lesson.show.chosen import chosen
from mtl_lesson.show.faces import faces


def equal(what, one, other, within=1e-8):
    one, other = (torch.as_tensor(values).detach().double() for values in (one, other))
    print(f"{what}: {'equal' if (one - other).abs().max() <= within else 'NOT equal'}, within {within:.0e}")

# %% [markdown]
# ## 1 · scikit-learn
#
# ### Soft sharing is a ridge regression
#
# Lesson 03 minimised $\sum_t L_t(\theta_t) + \lambda \sum_{i<j} \|\theta_i - \theta_j\|^2$. Write $\theta_t = v_0 + v_t$, a shared
# part and a task's own, and put what is shared into the *inputs*:
#
# $$\varphi(x, t) = [\,x/\sqrt{\mu},\ 0, \ldots, x, \ldots, 0\,], \qquad
# \alpha\,\bigl(\mu\|v_0\|^2 + \textstyle\sum_t \|v_t\|^2\bigr) = \lambda \sum_{i<j} \|\theta_i - \theta_j\|^2
# + \frac{\lambda\mu T^2}{\mu + T}\,\|\bar\theta\|^2$$
#
# with $\alpha = \lambda T$ and the best $v_0$ (Evgeniou & Pontil 2004). As $\mu \to 0$ the second term goes, and plain `Ridge` on
# these inputs *is* soft sharing. At $\mu = \infty$ the shared block is 0, and it is every task alone, shrunk.

# %%
world = mtl.data.planted(seed=100)
T, lam = len(world.tasks), 0.1
for mu, name, ours in ((1e-11, "soft sharing", mtl.closed_form.solve(world, lam)),
                       (np.inf, "alone, shrunk", mtl.closed_form.ridge(world, lam * T))):
    Z, y = stretched(world, mu)
    w = Ridge(alpha=lam * T, fit_intercept=False, solver="svd").fit(Z, y).coef_
    equal(f"Ridge on stretched inputs, and {name}", unstretched(w, T, mu), ours)

# %% [markdown]
# So any ridge solver shares. At the ends of λ one block goes: at λ = 0 the shared one, at λ = ∞, which no α is, the tasks' own.
#
# ### A multi-label `MLPClassifier` is hard sharing
#
# Given several yes-or-no labels, it learns $\hat y_t = \sigma(w_t^\top h + b_t)$ on hidden layers that all labels share: the lesson's
# $h = f(x; \theta)$, $\hat y_t = g_t(h; \varphi_t)$, one column of its last matrix a head.

# %%
rng = np.random.default_rng(0)
x = rng.standard_normal((200, 6))
y = (x @ rng.standard_normal((6, 3)) > 0).astype(int)
theirs = MLPClassifier((8,), solver="lbfgs", alpha=1.0, max_iter=2000, random_state=0).fit(x, y)


def linear(W, b):
    """An ordinary nn.Linear with these weights."""
    layer = torch.nn.Linear(W.shape[1], W.shape[0]).double()
    layer.load_state_dict({"weight": torch.tensor(W), "bias": torch.tensor(b)})
    return layer


tasks = [mtl.Binary(name) for name in ("first", "second", "third")]
(V, W), (c, b) = theirs.coefs_, theirs.intercepts_
trunk = torch.nn.Sequential(linear(V.T, c), torch.nn.ReLU())
heads = {task.name: linear(W.T[[t]], b[[t]]) for t, task in enumerate(tasks)}
model = put_heads(mtl.Hard(tasks, trunk, features=8, initial="template").double(), heads)
answers = model(torch.tensor(x))
ours = torch.cat([answers[task.name] for task in tasks], 1).sigmoid()
equal("MLPClassifier and mtl.Hard, the probabilities", theirs.predict_proba(x), ours)

# %% [markdown]
# It minimises the same sum, with weight decay on all matrices: $\sum_t L_t + \frac{\alpha}{2n} \sum \|W\|^2$.

# %%
losses = sum(task.loss(answers[task.name][None], torch.tensor(y[None, :, t])) for t, task in enumerate(tasks))
decay = 1.0 / (2 * len(x)) * sum((W**2).sum() for W in theirs.coefs_)
equal("The loss it ended at, and ours plus its decay", theirs.loss_, losses + decay)

# %% [markdown]
# What it does not have: a loss a task, a missing label, a way of sharing other than this one.
#
# ### `MultiTaskLasso` shares the choice of inputs
#
# $$\min_W\ \frac{1}{2n} \|Y - XW^\top\|^2 + \alpha \sum_i \Bigl(\sum_t w_{ti}^2\Bigr)^{1/2}$$
#
# The norm is paid by the input: once a task uses input $i$, others use it at a discount. With one task it is the Lasso.
# (`MultiTaskElasticNet` adds squares: the same choice, shrunk.)

# %%
world = mtl.data.share_inputs(mtl.data.planted(seed=100))     # all eight tasks on the same examples
X, first = (values.double().numpy() for values in (world.train.x, world.train.labels["task 1"]))
of_one = MultiTaskLasso(alpha=0.1, fit_intercept=False, tol=1e-12).fit(X, first[:, None])
alone = Lasso(alpha=0.1, fit_intercept=False, tol=1e-12).fit(X, first)
equal("One task: MultiTaskLasso and Lasso", of_one.coef_[0], alone.coef_)

# %% [markdown]
# In `planted` eight tasks share *two directions* among ten inputs. As the world is, a direction is a mixture of all inputs.
# Turned into another basis, the same two directions are the first two *inputs*. Nothing else differs: to ridge, which does not
# ask which input is which, it is the same world. Each arm has twelve α, chosen on 200 validation examples a task.
#
# **Predict**, on paper: in which of the two bases does `MultiTaskLasso` beat eight single Lassos, and in which ridge?

# %%
ALPHAS = np.geomspace(0.01, 2, 12)


def best(method, world, alphas=ALPHAS):
    """The weights (T, d) whose α is best on validation, of twelve, and their error on the test."""
    X = world.train.x.double().numpy()
    Y = np.stack([world.train.labels[task.name] for task in world.tasks], 1)
    fits = torch.tensor(np.stack([method(alpha=α, fit_intercept=False).fit(X, Y).coef_ for α in alphas]))
    W = fits[mtl.closed_form.errors(world, fits, "validation").mean(-1).argmin()]
    return W, float(mtl.closed_form.errors(world, W).mean())


arms = {"Lasso": (Lasso, ALPHAS), "MultiTaskLasso": (MultiTaskLasso, ALPHAS), "ridge": (Ridge, 30 * ALPHAS)}
plans = [mtl.data.planted(seed=seed) for seed in range(100, 110)]
worlds = {basis: [mtl.data.share_inputs(plan, turned=basis == "turned") for plan in plans]
          for basis in ("as it is", "turned")}
results = {(arm, basis): [best(method, world, alphas) for world in many]
           for arm, (method, alphas) in arms.items() for basis, many in worlds.items()}
shown = [(arm, basis) for basis in worlds for arm in ("Lasso", "MultiTaskLasso")]
chosen({f"{arm}, {basis}": results[arm, basis][0][0] for arm, basis in shown})

# %%
def against(other, basis):
    errors = {arm: [error for _, error in results[arm, basis]] for arm in arms}
    return mtl.claim(f"{basis}: MultiTaskLasso has less error than {other}",
                     errors["MultiTaskLasso"], errors[other], better="less")


equal("ridge in either basis, its errors", *([error for _, error in results["ridge", basis]] for basis in worlds), 1e-4)
verdicts = {(other, basis): against(other, basis) for basis in worlds for other in ("Lasso", "ridge")}
mtl.show.verdicts(*verdicts.values())

# %% [markdown]
# As the world is, `MultiTaskLasso` beats eight single Lassos and is not shown to beat ridge: it uses almost every input, and what
# it gains over Lasso need be no more than shrinkage. Turned, it beats both. *What* is shared has to be what the method can share:
# it shares a choice among the inputs you gave it; a linear trunk (lesson 03's extra on directions) finds a basis as well.
#
# <!-- stated: verdicts["Lasso","as\x20it\x20is"] supported -0.19 -->
# <!-- stated: verdicts["ridge","as\x20it\x20is"] undecided -->
# <!-- stated: verdicts["Lasso","turned"] supported -0.12 -->
# <!-- stated: verdicts["ridge","turned"] supported -0.77 -->
#
# ## 2 · Joint features that others trained
#
# The essay names two places to get them. *TensorFlow Hub*: since 15 November 2023 its links lead to Kaggle Models, and what had not
# moved was deleted on 18 March 2024 ([its README](https://github.com/tensorflow/hub)). *NVIDIA Clara*: Clara Train was
# TensorFlow until 3.1; 4.0 (2021) rebuilt it on the open-source MONAI
# ([NVIDIA](https://docs.nvidia.com/clara/clara-train-archive/4.0/pt/appendix/migration_from_tf.html)), whose tutorials retired Clara's model archives for
# MONAI's own model zoo in August 2023 ([tutorials, #1477](https://github.com/Project-MONAI/tutorials/pull/1477)). What NVIDIA documents under
# that name since is a [MONAI Toolkit](https://docs.nvidia.com/clara/monai/getting_started/supportmatrix.html) (3.0, October 2024).
#
# Where you are online, torchvision gives a trunk (not run here: it downloads 45 MB):
#
# ```python
# resnet = torchvision.models.resnet18(weights="DEFAULT")
# resnet.fc = torch.nn.Identity()
# model = mtl.Hard(tasks, resnet, features=512, initial="template")
# ```
#
# Offline, this course has a small one that was trained for use, not for teaching: **O-Net**, the last stage of the face detector
# MTCNN (Zhang et al. 2016; weights from the package facenet-pytorch, MIT licence). Three tasks, one trunk, one $h$ of 256 numbers: hard sharing. *Is it a face? Where is it? Where
# are eyes, nose and the corners of the mouth?* Its training pictures are not here, so we ask it about crops of one photograph, in the public
# domain, marked by hand.

# %%
world = mtl.data.portrait(seed=100)
trunk, heads = mtl.data.onet()
deployed = put_heads(mtl.Hard(world.tasks, trunk, features=256, initial="template"), heads)
with torch.no_grad():
    answers, h = deployed(world.test.x), trunk(world.test.x)
for name, head in heads.items():
    equal(f"O-Net and mtl.Hard, {name}", head(h), answers[name], 1e-5)

yes = answers["face"][:8].softmax(-1)[:, 1] > 0.5
shown = {name: answers[name][:8].where(yes[:, None], torch.nan) for name in ("box", "landmarks")}
pictures = (128 * world.test.x[:8] + 127.5) / 255
faces(pictures, shown["box"], shown["landmarks"], ["face" if one else "no face" for one in yes])

# %% [markdown]
# **Predict.** Choose the 40 of 256 units that *face* leans on most, and silence them, each at its mean (lesson 07). What happens to
# *box* and *landmarks*? Units are chosen on validation crops and silenced on the test crops, beside 20 random groups of 40.

# %%
COUNT = 40
choose_on, judge_on = (Lesions.of(deployed, world, tasks=("box", "face"), split=split)
                       for split in ("validation", "test"))
units = {name: choose_on.most_important(name, COUNT) for name in heads}
random, times, score = judge_on.at_random(COUNT).set_index("task"), {}, {}
for name in heads:
    table = judge_on.without(units[name]).set_index("task")
    times[name], score[name] = (table.loss / table.intact_loss).to_dict(), table.score.to_dict()
    worse = [other for other in heads if table.loss[other] > random.loss_high[other]]
    rises = ", ".join(f"{other} ≈ {factor:.1f}" for other, factor in times[name].items())
    print(f"Without the units of {name}, loss times: {rises}; worse than any at random: {', '.join(worse)}")
    print(f"    face is right on ≈ {score[name]['face']:.0%}, the mean IoU of box is ≈ {score[name]['box']:.0%}")
common = len(set(units["face"]) & set(units["box"]))
own = sum(max(factors, key=factors.get) == name for name, factors in times.items())
print(f"Each head's loss grows most without its own units: {own} of 3")
print(f"Face and box lean on the same units: ≈ {common} of {COUNT}")

# %%
mtl.show.lesions(judge_on, removed=units["face"])

# %% [markdown]
# Without its own 40 units *face* is right on little more than half of the crops, which is chance, and the IoU of *box* falls
# from 85 to 79 %, no further than at random. Without the units of *box* its IoU falls to 65 %, and *face*, less sure than before,
# still misjudges no crop. One trunk, one $h$, and inside it the tasks have come a good way apart; yet 16 of the 40 units serve
# both heads, where chance would give six.
#
# <!-- stated: 100*score["face"]["face"] = 55 --> <!-- stated: 100*score["face"]["box"] = 79 -->
# <!-- stated: 100*score["box"]["face"] = 100 --> <!-- stated: 100*score["box"]["box"] = 65 -->
# <!-- stated: common = 16 --> <!-- stated: 100*table.intact_score["box"] = 85 -->
#
# This is a lesion table of one network on crops of one face. It says nothing about other faces, nor whether sharing made this
# network better: for that one would have to train it again, apart.
#
# ## What we saw
#
# - Soft sharing is ridge on stretched inputs, and a multi-label MLP is hard sharing: equal, within 1e-8.
# - `MultiTaskLasso` shares a choice of inputs, and helps beyond shrinkage where that is what tasks have in common.
# - In a deployed network each head leaned most on units of its own, and on some that another needs as well.
#
# *Read on:* Evgeniou & Pontil 2004, "Regularized multi-task learning" · Obozinski, Taskar & Jordan 2010, "Joint covariate
# selection and joint subspace selection for multiple classification problems" · Zhang et al. 2016, "Joint face detection and
# alignment using multitask cascaded convolutional networks".
