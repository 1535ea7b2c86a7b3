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
# # 02 extra · What sharing costs and saves
#
# *15 minutes of work; some seconds of computing. Before this: lesson 02.*
#
# A trunk is paid once instead of $T$ times: in memory, in training, and each time a picture is answered. Here you count it,
# for the network of lesson 02's first exercise (convolutions with 32 and 64 channels, a linear layer with 128 units), and
# measure it on your machine.

# %%
import pandas as pd
from torch.utils.flop_counter import FlopCounterMode

import mtl_lesson as mtl
from mtl_lesson import bank, checks

world = mtl.data.questions(n_train=1024, seed=0)

# %% [markdown]
# ## 1 · Weights
#
# A weight takes 4 bytes to keep; while Adam trains it, 16: itself, its gradient and two averages. So memory follows the
# number of weights.
#
# ### Exercise · Count the weights  (difficulty ●●○, importance ●●○, 6 minutes)
#
# For $T$ tasks with 10 classes each, how many weights (biases included) have one shared network, and $T$ separate ones?

# %%
def count(T, shared):
    """The number of weights: one trunk and T heads if shared, T trunks and T heads if not."""
    return ...


checks.count_weights(count)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def count(T, shared):
#     trunk = (3 * 32 * 9 + 32) + (32 * 64 * 9 + 64) + (64 * 7 * 7 * 128 + 128)
#     head = 128 * 10 + 10
#     return (1 if shared else T) * trunk + T * head
# ```
#
# </details>

# %%
rows = []
for T in (1, 3, 10, 30):
    tasks = [mtl.Classification(f"task {t}", [str(k) for k in range(10)]) for t in range(T)]
    for way in (mtl.Separate, mtl.Hard):
        weights = way(tasks, mtl.nets.conv(32, features=128)).size()
        rows.append({"tasks": f"T = {T}", "way": way.__name__, "weights": weights})
mtl.show.bars(pd.DataFrame(rows), "weights", ["tasks", "way"])

# %% [markdown]
# One trunk for thirty tasks has 460,000 weights, thirty trunks 12.7 million. A head is a three hundredth of a trunk here, so
# the saving is nearly $T$-fold. Where a task's own part is large, such as a decoder that paints a picture, it is less.
#
# ## 2 · Arithmetic, and which trunk is equal to three
#
# Lesson 02 compares three networks of width 8 with trunks of width 14, 16 and 24. Here is what they hold and compute.

# %%
models = {"Separate, 8": mtl.Separate(world.tasks, mtl.nets.conv(8))}
models |= {f"Hard, {width}": mtl.Hard(world.tasks, mtl.nets.conv(width)) for width in (8, 14, 16, 24)}
for name, model in models.items():
    with FlopCounterMode(display=False) as counter:
        model(world.test.x[:1])
    print(f"{name:12s} {model.size():,} weights, {counter.get_total_flops() // 2:,} multiply-adds a picture")

# %% [markdown]
# Width 14 has as many weights as the three, within 3 %; width 16 as much arithmetic, within 9 %. Width 24, which contains
# the three side by side, has three times the weights and more than twice the arithmetic: room is the most generous matching.
#
# ## 3 · Time
#
# Measured now on your machine: one step of training on 128 pictures, and answering 1,000.

# %%
essays = {way.__name__: way(world.tasks, mtl.nets.conv(32, features=128)) for way in (mtl.Separate, mtl.Hard)}
timed = mtl.inspection.cost(essays, world).set_index("what")
mtl.show.bars(timed.loc["train on 128"], "milliseconds", "way", "ms", title="One step of training, 128 pictures")

# %%
mtl.show.bars(timed.loc["answer 1000"], "milliseconds", "way", "ms", title="Answering 1,000 pictures")

# %% [markdown]
# A third of the arithmetic need not be a third of the time: compare the bars with the counts above.
#
# ## 4 · What it costs in answers: width and labels
#
# Three networks and one trunk of the *same* width, on *garment*, stored for ten seeds. All trained for 20 epochs: 40 steps with
# 100 labels, 320 with 1,000, so the columns differ in patience, too.

# %%
widths = bank.load("width_labels")
cells = {
    (width, labels): mtl.claim("one trunk is better than three", *(
        mtl.pick(widths, way=way, width=width, labels=labels, task="garment") for way in ("Hard", "Separate")), unit="%")
    for width in (2, 4, 8, 16) for labels in (100, 300, 1000)
}
mtl.show.map_of_claims(cells, "width", "labels a task", positive="one trunk is better", negative="three are better")

# %% [markdown]
# One trunk loses garment in all twelve places: after 20 epochs few labels do not turn it, and more width for both does not
# end it. (What labels do at equal steps and at equal passes: lesson 06.)
#
# <!-- stated: sum(one.verdict=="contradicted"for(one)in(cells.values())) = 12 -->
#
# ## What we saw
#
# - Weights and memory are saved nearly $T$-fold where heads are small against the trunk, whatever happens to accuracy.
# - Equal weights, equal arithmetic and equal room are three different trunks.
# - Time is measured, not counted.
