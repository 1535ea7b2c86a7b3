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
# # In the field · Vision: what, where, which pixels?
#
# *14 minutes of work; some fifteen seconds of computing. It stands alone.*
#
# | | |
# |---|---|
# | **tasks** | which of ten garments; the box around it; which pixels are it |
# | **what they share** | the picture, and the first layers that look at it |
# | **starved** | pixels: 20 of 1,200 scenes have a mask |
# | **unit of splitting** | the garment: six scenes show the same one |
# | **measure** | mean intersection over union (IoU) |
# | **claim, to be found** | with 20 masks, one trunk for all three cuts garments out better than a network of its own |
#
# *Stored results: seeds 100 to 107, 100 test garments. Settings were chosen on seeds 0 to 2, epochs on validation.*

# %%
import pandas as pd
import torch  # noqa: F401, for your answer
from torch import nn

import mtl_lesson as mtl
from mtl_lesson import bank
from mtl_lesson.checks import card_vision as checks
from mtl_lesson.inspection.by_colour import by_colour
from mtl_lesson.inspection.by_group import judge_groups

# %% [markdown]
# ## 1 · Three questions, two scores
#
# The garments are Fashion-MNIST's, the scenes simulated. To name one takes seconds, to cut it out a minute, so masks are few.
# Box and mask are scored by $\text{IoU}(a, b) = |a \cap b| \,/\, |a \cup b|$.
#
# ### Exercise · Boxes  (difficulty ●●○, importance ●●○, 3 minutes)
#
# `a` and `b` (n, 4) are boxes: left, top, right, bottom. Return the IoU of each pair, (n,).

# %%
def iou(a, b):
    return ...


checks.overlap_of_boxes(iou)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def iou(a, b):
#     low, high = torch.maximum(a[:, :2], b[:, :2]), torch.minimum(a[:, 2:], b[:, 2:])
#     both = (high - low).clamp(min=0).prod(1)
#     return both / ((a[:, 2:] - a[:, :2]).prod(1) + (b[:, 2:] - b[:, :2]).prod(1) - both)
# ```
#
# </details>
#
# A mask needs maps, so `pixels` answers from a layer below, class and box from the last:

# %%
trunk = nn.Sequential(nn.Conv2d(3, 6, 5, stride=2, padding=2), nn.ReLU(), nn.Conv2d(6, 12, 3, padding=1), nn.ReLU(),
                      nn.MaxPool2d(2), nn.Flatten(), nn.Linear(12 * 7 * 7, 48), nn.ReLU())
world = mtl.data.scenes(labels={"pixels": 20}, seed=200)
model = mtl.Hard(world, trunk, heads={"pixels": "3"})  # layer 3: twelve maps of 14×14
weights = mtl.weighting.Fixed({"where": 10, "pixels": 3})
run = mtl.fit(model, world, epochs=20, lr=0.005, weighting=weights, seed=200, progress=False)
mtl.show.boxes_and_masks(world.test.x, world.tasks, world.test.labels, run.model(world.test.x))

# %% [markdown]
# ## 2 · Twenty masks
#
# **Predict** before you go on:

# %%
answers = ["better than a network of its own", "worse", "neither is shown"]
guess = mtl.predict("With 20 masks, one trunk for all three cuts garments out …", answers, key="12/vision")
guess

# %%
def against(text, a, b):
    return mtl.claim(text, a.scores, b.scores, groups=(a.groups, b.groups), unit="%")


arms = bank.gather_field("vision")
shared = against("one trunk cuts out better than a network of its own", arms["Hard"], arms["Separate"])
guess.reveal(answers[{"supported": 0, "contradicted": 1, "undecided": 2}[shared.verdict]])
mtl.show.verdicts(shared, primary=1)

# %% [markdown]
# And a floor that knows no shape: a logistic model of one pixel's colour, fitted to the same 20 masks.

# %%
def score_by_colour(seed):
    world = mtl.data.scenes(labels={"pixels": 20}, seed=seed)
    table = judge_groups(world, {"pixels": by_colour(world, "pixels")})
    return table.set_index("garment picture").score


table = pd.DataFrame({seed: score_by_colour(seed) for seed in range(100, 108)})  # a row a garment
arms["colour of a pixel"] = floor = bank.InField(table.mean(), table.mean(axis=1), 1)
scores = pd.DataFrame({arm: found.scores for arm, found in arms.items()})
mtl.show.bars(scores.melt(var_name="arm", value_name="IoU"), "IoU", "arm", "%", title="Mean IoU of masks, by garment")

# %% [markdown]
# **Not shown**: five points less with one trunk, in an interval from −14 to +4. Look at the seeds: with seed 107 the shared trunk calls
# every pixel background (and again after a split by row, on other scenes with the same initial weights; whether these are the
# cause, we have not tested). With the seven others it is within four points of the network alone, six
# times below. To leave it out *now* would be to choose the result. Who wants to know trains longer, on fresh seeds.
#
# The floor says more. Twenty masks are 15,680 labelled pixels: a colour alone reaches 64, a network of its own 6.0 more. Whether
# the shared trunk beats a colour is not shown.
#
# <!-- stated: shared undecided -5 -->
# <!-- stated: 100*shared.low = -14 -->
# <!-- stated: 100*shared.high = 4 -->
# <!-- stated: 100*arms["Hard"].scores[107] = 41 -->
# <!-- stated: 100*bank.gather_field("vision",split_by="row")["Hard"].scores[107] = 41 -->
# <!-- stated: 100*(arms["Hard"].scores-arms["Separate"].scores).drop(107).abs().max() = 4 -->
# <!-- stated: ((arms["Hard"].scores-arms["Separate"].scores).drop(107)<0).sum() = 6 -->
# <!-- stated: 100*floor.scores.mean() = 64 -->
# <!-- stated: against("-",arms["Separate"],floor) supported +6.0 -->
# <!-- stated: against("-",arms["Hard"],floor) undecided -->
#
# ## 3 · Two traps
#
# **A unit.** Write the box in pixels, and no IoU changes; but a picture is 28 pixels wide, so the squared error is $28^2 = 784$ times
# as large.
#
# **A random split.** Six scenes show one garment. Split by scene, most of the test's garments have been seen in training, at another
# place and size.

# %%
units, by_scene = bank.gather_field("units"), bank.gather_field("units", split_by="row")
unit = against("garment is told better beside a box in shares than beside one in pixels", units["shares"], units["pixels"])
seen = against("a random split flatters garment", by_scene["shares"], units["shares"])
mtl.show.verdicts(unit, seen)

# %% [markdown]
# In pixels the box eats the trunk: garments are named 11 times in 100, in shares 22 times. A fixed weight of 1/784 gives 8.0 of these
# points back.
#
# And the random split flatters nothing here that can be shown, neither garments nor masks. A reading that we have not tested: a leak
# pays only who remembers, and small networks after ten or twenty epochs may not.
#
# <!-- stated: unit supported +11 -->
# <!-- stated: seen undecided -3 -->
# <!-- stated: 100*units["pixels"].scores.mean() = 11 -->
# <!-- stated: 100*units["shares"].scores.mean() = 22 -->
# <!-- stated: against("-",units["pixels,\x20weighed"],units["pixels"]) supported +8.0 -->
# <!-- stated: against("-",bank.gather_field("vision",split_by="row")["Hard"],arms["Hard"]) undecided -->
#
# ## What we saw
#
# - With 20 masks a network of its own beats a model of colours by six points. That one trunk for all three does better is not
#   shown; in one run of eight it never began to learn them.
# - A score without a unit hides a loss that has one; a weight gives most of it back.
# - Six scenes of a garment are one garment: the interval runs over 100 of them, not over 300 scenes.
#
# **It stands for** classification, detection and segmentation in one network. **It cannot show** streets with many things in each
# picture, depth, poses, or faces with their landmarks: such pictures are large, or may not be passed on;
# nor trunks that begin with features of millions of other pictures.
#
# *Read on:* He et al. 2017, "Mask R-CNN" (class, box and mask from one trunk) · Standley et al. 2020, "Which tasks should be learned
# together in multi-task learning?".
#
# **Next:** `mtl.data.emoji()` has each emoji by two designers. What may be split there from what?
