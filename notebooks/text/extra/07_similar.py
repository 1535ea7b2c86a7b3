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
# # 07, extra · Similar, and what it does not mean
#
# What a similarity of features says, what an untrained pair says of it, and how to make it low without changing one answer.
# *20 minutes; half a minute of computing. After lesson 07.*

# %%
import numpy as np
import torch

import mtl_lesson as mtl
from mtl_lesson import bank, checks, inspection

world = mtl.data.questions(n_train=1000, seed=0)
x = world.test.x
shared = mtl.fit(mtl.Hard(world.tasks, mtl.nets.conv(width=8)), world, epochs=15, seed=0)

# %% [markdown]
# Two sets of features $X$ and $Y$ of the same $n$ pictures, centred. Their **CKA** (Kornblith et al. 2019) compares which
# pictures are close to which:
#
# $$\mathrm{CKA} = \frac{\lVert Y^\top X \rVert_F^2}{\lVert X^\top X \rVert_F \, \lVert Y^\top Y \rVert_F} .$$
#
# It is 1 for $X$ with itself, turned or scaled as one likes.
#
# ### Exercise · CKA  (difficulty ●●○, importance ●●○, 6 minutes)
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
# **Procrustes** (right) is the similarity behind the microscope's residual: how much of the one the best rotation turns into the
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
mtl.show.verdicts(similar)

# %% [markdown]
# Two networks that have *learned* nothing are more alike than two that have. So a value means little before one knows what
# untrained networks reach. Is a low one a proof of difference?
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
mtl.show.verdicts(mtl.claim("after the switch a trunk is less like itself than garment's network is like colour's",
                            switched["CKA"], last["garment and colour, apart"], "less"))

# %% [markdown]
# The points move by 20 standard deviations, to places that a trunk ending in a ReLU cannot reach. So this says what the measures
# cannot guarantee, not what training does. (Procrustes is 1 for the same but for a rotation; the microscope's residual is
# 2 − 2 · Procrustes.) Both follow the largest directions of variation, and nobody asked whether anyone reads them (Davari et
# al. 2023). A similarity is a question about geometry. Whether two networks *answer* alike is a question for their answers:
# compare those. The head swap of lesson 07 asks a third thing, whether the head of one can read the features of the other.
#
# *Read on:* Davari et al. 2023, "Reliability of CKA as a similarity measure in deep learning" · Kornblith et al. 2019.
