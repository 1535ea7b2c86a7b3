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
# # 05, extra · What a branch costs
#
# After this extra you can
#
# - write down who owns which layer for any branches, as the package does,
# - say what a branch saves in weights, in arithmetic and in time, before anything is trained.
#
# *25 minutes of work; half a minute of computing. Before this: lesson 05.*

# %%
import pandas as pd
from torch.utils.flop_counter import FlopCounterMode

import mtl_lesson as mtl
from mtl_lesson import bank, checks

tasks = mtl.data.questions(n_train=10).tasks
trunk = mtl.nets.conv(8)
LAYERS = ["conv1", "conv2", "linear", "heads"]

# %% [markdown]
# ## 1 · Owners
#
# Who owns what is told by a row of **owners** a layer: for each task the number of the group of weights it uses.

# %%
for branch in LAYERS:
    plan = mtl.Hierarchical(tasks, trunk, branch=branch).trunk.plan
    print(f"branch at {branch:8s}", "   ".join(f"{layer} {owners}" for layer, owners in plan.items()))

# %% [markdown]
# ### Exercise 1 · Who owns what  (difficulty ●●○, importance ●●○, 6 minutes)
#
# `leaves[t]` is the depth of the first layer that task t has for itself; depth 0 is the first layer. Write the row of owners
# of the layer at `depth`. Any names will do for the groups; what counts is who is with whom.

# %%
def owners(depth, leaves):
    """For each task the group of weights that it uses in the layer at this depth."""
    return ...


checks.owners(owners)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def owners(depth, leaves):
#     return ["common" if depth < leave else t for t, leave in enumerate(leaves)]
# ```
#
# `mtl.Hierarchical??` is this line and little more.
#
# </details>
#
# ## 2 · The bill
#
# What is below the branch is paid once, what is above T times. That holds for weights, for memory (4 bytes a weight; 16
# while Adam trains it) and for arithmetic, counted in **multiply-adds** a picture. But the *prices* of the layers differ, and
# not in the same way:

# %%
weights = {"conv1": 3 * 8 * 9 + 8, "conv2": 8 * 16 * 9 + 16, "linear": 784 * 64 + 64}
multiply_adds = {"conv1": 28 * 28 * 3 * 8 * 9, "conv2": 14 * 14 * 8 * 16 * 9, "linear": 784 * 64}
prices = [{"layer": name, "of": kind, "share": price[name] / sum(price.values())} for name in weights
          for kind, price in (("weights", weights), ("multiply-adds", multiply_adds))]
mtl.show.bars(pd.DataFrame(prices), "share", ["layer", "of"], "%", title="Share of the trunk's price")

# %% [markdown]
# ### Exercise 2 · The bill  (difficulty ●●○, importance ●●○, 6 minutes)
#
# `costs` is a price list such as `weights`, from the first layer to the last; `head` is the price of one head. What do T tasks
# cost with the branch at `branch`, a layer's name or `"heads"`?

# %%
def total(costs, head, T, branch):
    return ...


checks.branch_cost(total)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def total(costs, head, T, branch):
#     at = [*costs, "heads"].index(branch)
#     return sum(cost * (1 if depth < at else T) for depth, cost in enumerate(costs.values())) + T * head
# ```
#
# </details>
#
# Before you look: which branch keeps nearly all the weights of T networks, and saves most of their arithmetic?

# %%
def many(T):
    return [mtl.Classification(f"task {t}", [str(k) for k in range(10)]) for t in range(T)]


pool, bill = mtl.data.questions(n_train=64, n_validation=64, n_test=200, seed=0), []
for T in (3, 10, 30):
    for branch in LAYERS:
        model = mtl.Hierarchical(many(T), trunk, branch=branch)
        with FlopCounterMode(display=False) as counter:
            model(pool.test.x[:1])
        bill.append({"tasks": f"T = {T}", "branch": branch, "weights": model.size(), "MB": 4 * model.size() / 1e6,
                     "million multiply-adds": counter.get_total_flops() / 2e6})
bill = pd.DataFrame(bill)
mtl.show.bars(bill, "MB", ["tasks", "branch"], "MB", title="Memory to answer: 4 bytes a weight")

# %%
mtl.show.bars(bill, "million multiply-adds", ["tasks", "branch"], "million", title="Multiply-adds to answer one picture")

# %%
thirty = bill[bill.tasks == "T = 30"].set_index("branch")[["weights", "million multiply-adds"]]
saved, spared = 1 - thirty.loc["linear"] / thirty.loc["conv1"]
print(f"With thirty tasks a branch at linear saves ≈ {saved:.0%} of the weights and ≈ {spared:.0%} of the multiply-adds.")

# %% [markdown]
# A branch at *linear* saves almost no memory (3 %), and most of the arithmetic (86 %). Here the weights sit in the linear layer, and the work in the convolutions, whose
# few weights are used at hundreds of places of the picture. (While training, the activations of a batch need memory as well;
# they go with the maps the convolutions make, hence with the second figure rather than the first.)
#
# <!-- stated: 100*saved = 3 -->
# <!-- stated: 100*spared = 86 -->
#
# And the time, measured on your machine: a step of training on 64 pictures, and answering 200.

# %%
timed = []
for T in (3, 10, 30):
    splits = [mtl.data.Split(split.x, {task.name: split.labels["garment"] for task in many(T)})
              for split in (pool.train, pool.validation, pool.test)]
    models = {branch: mtl.Hierarchical(many(T), trunk, branch=branch) for branch in LAYERS}
    timed.append(mtl.inspection.cost(models, mtl.data.World(pool.name, many(T), *splits), batch_size=64, pictures=200)
                 .assign(T=T, seed=0))
timed = pd.concat(timed).rename(columns={"way": "branch"})
mtl.show.along(timed, "T", "milliseconds", line="branch", panel="what", unit="ms")

# %% [markdown]
# Does the time follow the weights, or the multiply-adds?
#
# ## 3 · Where the score does not choose
#
# A price matters most where scores hardly differ. Six people and their tastes, grey pictures, 150 ratings each, δ = 0.7 (tastes
# are alike) and δ = 2 (they are not), ten seeds, stored:

# %%
shoppers = bank.load("branches_shoppers")
shoppers = pd.concat([shoppers[shoppers.branch == branch] for branch in LAYERS])
by_seed = shoppers.groupby(["delta", "branch", "seed"], sort=False).score.mean().reset_index()
mtl.show.along(by_seed.assign(tastes="δ = " + by_seed.delta.astype(str)), "branch", line="tastes",
               label="agreement on test", x_label="branch: first layer of one's own")

# %%
margin, flat = 0.02, []
for delta in (0.7, 2.0):
    part = shoppers[shoppers.delta == delta]
    six, one = (mtl.pick(part, branch=branch) for branch in ("conv1", "heads"))
    flat.append(mtl.claim(f"δ = {delta:g}: the branch chosen on validation is better than six networks",
                          mtl.choose(part, "branch")["mean"], six, unit="%"))
    flat.append(mtl.claim(f"δ = {delta:g}: one trunk is less than {100 * margin:g} points below six networks", one,
                          six - margin, unit="%"))
mtl.show.verdicts(*flat)

# %% [markdown]
# The bands are wide since seeds differ much from each other; the claims compare within a seed. A taste is a taste for *kinds*
# of garment, however personal it is. What recognises the kind can be common at any depth, and what is personal fits into a
# head, which everybody has anyway. So one trunk loses less than two points at both δ. Choosing the branch
# gained 0.7 points at δ = 2 (an interval that hardly clears zero), and nothing that shows at δ = 0.7. So the bill may choose.
#
# <!-- stated: flat[1] supported +2.3 -->
# <!-- stated: flat[3] supported +2.6 -->
# <!-- stated: flat[2] supported +0.7 -->
# <!-- stated: flat[0] undecided -->
#
# ## What we saw
#
# - A branch is a row of owners a layer, and its bill a sum of prices: once below the branch, T times above.
# - Weights sit in one place and arithmetic in another, so a branch saves them separately.
# - Where a near-tie can be claimed with a margin, the bill may choose.
#
# **Which branch would you now choose** for thirty shoppers on a phone, where memory is plenty and time is not?
