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
# # 05 · Hierarchical sharing
#
# After this lesson you can
#
# - say who owns which layer in a network whose tasks part at some depth, and what each choice of depth costs,
# - choose a branch for all tasks, or for each, without looking at the test set, and say whether the choice mattered,
# - tell a layer that is *general* from one that was hardly changed.
#
# *45 minutes of work; about a minute of computing on two free cores. Before this: lessons 02 and 04.*
#
# **The misconception of this lesson:** *early layers are always general*, so they can be shared without a thought, and
# only the late ones are a task's own. Are they?

# %%
import pandas as pd
import torch
from torch.utils.flop_counter import FlopCounterMode
from tqdm.auto import tqdm

import mtl_lesson as mtl
from mtl_lesson import bank, checks

tasks = mtl.data.questions(n_train=10).tasks
trunk = mtl.nets.conv(8)
LAYERS = ["conv1", "conv2", "linear", "heads"]

# %% [markdown]
# ## 1 · A branch
#
# Lesson 02 shared the whole trunk or nothing of it; lesson 04 all of it, more or less tightly. The third choice is *how
# deep*. Cut the trunk in two. What lies below the cut, all tasks have in common; what lies above, each has for itself:
#
# $$h_t = f_\text{above}(f_\text{below}(x; \theta); \theta_t), \qquad \hat y_t = g_t(h_t; \varphi_t), \qquad
#   L(\theta, \theta_1, \dots, \varphi_T) = \sum_t L_t(\theta, \theta_t, \varphi_t).$$
#
# The first layer above the cut is the **branch**. (Some texts call one trunk with a head a task "hierarchical". That is hard
# sharing. Here the word is kept for a depth one *chooses*.)

# %%
model = mtl.Hierarchical(tasks, trunk, branch="conv2")
mtl.show.model_diagram(model)

# %% [markdown]
# Who owns what is told by a row of **owners** a layer: for each task the number of the group of weights it uses.

# %%
for branch in LAYERS:
    plan = mtl.Hierarchical(tasks, trunk, branch=branch).trunk.plan
    print(f"branch at {branch:8s}", "   ".join(f"{layer} {owners}" for layer, owners in plan.items()))

# %% [markdown]
# Both ends are old friends. A branch at the first layer is a network a task, and a branch at the heads is one trunk:

# %%
pictures = mtl.data.questions(n_train=10, seed=0).test.x[:50]
for branch, way in (("conv1", mtl.Separate), ("heads", mtl.Hard)):
    one, other = mtl.Hierarchical(tasks, trunk, branch=branch)(pictures), way(tasks, trunk)(pictures)
    same = all(torch.equal(one[task.name], other[task.name]) for task in tasks)
    print(f"branch at {branch} and {way.__name__}:", "the same answers" if same else "DIFFERENT answers")

# %% [markdown]
# So depth is one more dial between *alone* and *together*: in the language of lesson 04, λ = ∞ on the layers below the branch
# and λ = 0 above.
#
# The tasks need not part all at once. With `branch={"colour": "conv2"}` colour goes its own way from conv2 on, and the
# others stay together to the end.
#
# ### Exercise 1 · Who owns what  (difficulty ●●○, importance ●●●, 6 minutes)
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
# ## 2 · Depth as a dial
#
# The world *questions*: garment, colour and way up of one picture. All three tasks part at the same layer; 1,000 pictures,
# 20 epochs, eight seeds, stored (`make bank` computes them again). **Predict**:

# %%
depth = mtl.predict("The mean test score of the three tasks is highest with the branch at …", LAYERS, key="05/depth")
depth

# %%
stored = bank.load("branches")
together = pd.concat([stored[stored.branch == branch] for branch in LAYERS])  # in the order of the layers
test = stored.set_index(["branch", "task", "seed"]).score.sort_index()
mean = test.groupby(["branch", "seed"]).mean()
depth.reveal(mean.groupby("branch").mean()[LAYERS].idxmax())
mtl.show.along(together, "branch", label="accuracy on test", x_label="branch: first layer of one's own",
               levels={"colour, ceiling": mtl.data.colour_ceiling()})

# %%
steps = [mtl.claim(f"mean of three: a branch at {early} is better than one at {late}", mean[early], mean[late], unit="%")
         for late, early in (("heads", "linear"), ("linear", "conv2"), ("conv2", "conv1"))]
ends = [mtl.claim(f"{task.name}: sharing nothing is better than sharing the trunk", test["conv1", task.name],
                  test["heads", task.name], unit="%") for task in tasks]
print(*steps, *ends, sep="\n")
mtl.show.paired([*steps, *ends])

# %% [markdown]
# The first three claims take one step down each. Where all three are *supported*, the best branch is not inside but at an
# end: each layer the tasks keep for themselves adds something, and none of them can be shared for nothing, not even the
# first. (For want of room or for want of agreement? Compare the wider trunk of lesson 02.)
#
# What if one *chooses* the branch, as one must, on validation? For each seed we take the branch its validation set likes
# best, and report the test score there.

# %%
chosen = mtl.choose(together, "branch")["mean"]
choice = [mtl.claim(f"the branch chosen on validation is better than {name}", chosen, mean[end], unit="%")
          for name, end in (("one trunk", "heads"), ("three networks", "conv1"))]
print(*choice, sep="\n")

# %% [markdown]
# Choosing costs something, too: a choice made on a thousand pictures is sometimes wrong. Where the second claim is not
# *supported*, the dial has found nothing here that three separate networks did not have already.
#
# ## 3 · Who should leave?
#
# So far the three parted together. Now only **one** task leaves, and the other two stay together to the end.
# **Predict**, with lesson 01 in mind: what did training for garment do to way up there, and to colour?

# %%
who = mtl.predict("All three gain most, on average, if the one that leaves at the first layer is …",
                  [task.name for task in tasks], key="05/who leaves")
who

# %% [markdown]
# Three tasks × three layers, five seeds, stored. A cell is the test score with this one task leaving, minus that of one trunk
# for all.

# %%
nine = [f"{task.name}={layer}" for layer in LAYERS[:3] for task in tasks]
gain = pd.DataFrame({branch: test[branch] - test["heads"].reindex(test[branch].index) for branch in nine})
who.reveal(gain.mean()[nine[:3]].idxmax().split("=")[0])
columns = [task.name for task in tasks]
cell, spread = gain.groupby("task").mean().T, 2.78 * gain.groupby("task").sem().T  # Student's t, 5 seeds
mtl.show.map_of_differences(
    cell.loc[nine, columns].to_numpy(), [branch.replace("=", " at ") for branch in nine], columns,
    spread.loc[nine, columns].to_numpy(), row_name="leaver", column_name="task",
    positive="leaving is better", negative="one trunk is better", title="One task leaves")

# %% [markdown]
# Read it by columns. What helps *garment*? Look first at the rows where it leaves itself, then in the same column at those where
# **colour** leaves, then where **way up** leaves. Where those cells are not hatched, who leaves a common trunk matters to those
# who *stay*, and it can matter more to them than to the one who goes: before one asks how deep to share, one asks *with whom*.
#
# Or is it only room, a trunk for two instead of three? Whoever leaves makes the same room, so compare two leavers:

# %%
print(mtl.claim("garment is better off when colour leaves at conv1 than when way up does", test["colour=conv1", "garment"],
                test["way up=conv1", "garment"], unit="%"))

# %% [markdown]
# Where this is *supported*, it is not only a matter of room.
#
# These are 27 cells of five seeds, and nothing corrects for so many looks. So: choose first, then test what was chosen. Once
# for each seed on its own validation set; and once more with *fresh* seeds, trained here and now.

# %%
alone = pd.concat([stored[stored.branch == branch] for branch in nine])
pick = mtl.choose(alone, "branch")["mean"]
seeds = pick.index
margin = 0.02
picked = [
    mtl.claim("one task leaves, chosen on validation: better than one trunk", pick, mean["heads"][seeds], unit="%"),
    mtl.claim(f"one task leaves, chosen on validation: less than {100 * margin:g} points below three networks", pick,
              mean["conv1"][seeds] - margin, unit="%"),
]
print(*picked, sep="\n")

# %% [markdown]
# The second claim is of a new kind. *Undecided* never means *equal*: it may be that too few seeds were looked at. To claim that
# something costs nothing one has to say how much "nothing" is, a **margin**, and show that the loss is smaller than that. (The
# difference printed has the margin added to it: at exactly the margin's loss it would be 0.) Two points are our choice;
# change `margin` and see how far it carries. What the loss would buy is one trunk less.
#
# Now the fresh seeds. The setting is the one of the nine that scored best on validation, over all five seeds.

# %%
best = alone.groupby("branch", sort=False).validation.mean().idxmax()
leaver, layer = best.split("=")
stayers = [task.name for task in tasks if task.name != leaver]
print(f"Chosen on validation: {leaver} leaves at {layer}; {' and '.join(stayers)} stay together.")
mtl.show.model_diagram(mtl.Hierarchical(tasks, trunk, branch={leaver: layer}))

# %%
fresh = mtl.sweep(mtl.Hierarchical, mtl.data.questions, trunk=trunk, n_train=1000, n_validation=512,
                  branch=["heads", {leaver: layer}], seeds=range(10, 15), epochs=20, test=True)

# %%
scores = fresh.table[fresh.table.split == "test"].set_index(["branch", "task", "seed"]).score.sort_index()
confirmed = [mtl.claim(f"fresh seeds: {name} is better when {leaver} leaves at {layer}", scores[best, name],
                       scores["heads", name], unit="%") for name in stayers]
print(*confirmed, sep="\n")
mtl.show.paired([*picked, *confirmed])

# %% [markdown]
# Where the last two are *supported*, those who stayed gained although nothing was added for *them*: the same trunk, the same
# pictures, one loss fewer. In which layers had the tasks been in each other's way? Section 5 looks.
#
# ## 4 · Another world: six tastes
#
# Six people and their tastes (lessons 02 and 04), grey pictures, 150 ratings each, δ = 0.7 (tastes are alike) and δ = 2 (they
# are not), six seeds, stored. Would you share less when tastes are more personal?

# %%
shoppers = bank.load("branches_shoppers")
shoppers = pd.concat([shoppers[shoppers.branch == branch] for branch in LAYERS])
by_seed = shoppers.groupby(["delta", "branch", "seed"], sort=False).score.mean()
mtl.show.along(by_seed.reset_index().assign(tastes=lambda table: "δ = " + table.delta.astype(str)), "branch", line="tastes",
               label="agreement on test", x_label="branch: first layer of one's own")

# %%
flat = []
by_seed = by_seed.sort_index()
for delta in (0.7, 2.0):
    pick = mtl.choose(shoppers[shoppers.delta == delta], "branch")["mean"]
    flat.append(mtl.claim(f"δ = {delta:g}: the branch chosen on validation is better than six networks", pick,
                          by_seed[delta, "conv1"], unit="%"))
    flat.append(mtl.claim(f"δ = {delta:g}: one trunk is less than {100 * margin:g} points below six networks",
                          by_seed[delta, "heads"], by_seed[delta, "conv1"] - margin, unit="%"))
print(*flat, sep="\n")
mtl.show.paired(flat)

# %% [markdown]
# The bands are wide since seeds differ much from each other; the claims compare within a seed. Compare these curves with that
# of section 2, where the ends lay several points apart. A taste is a taste for *kinds* of garment,
# however personal it is. What recognises the kind can be common at any depth, and what is personal fits into a head, which
# everybody has anyway. So sharing need not hurt; and with 150 ratings a person it need not help much either. Where the claims
# with a margin are *supported*, accuracy does not choose the branch here. Something else may: section 6.
#
# ## 5 · Is a layer general?
#
# A layer is *general* if what it makes of a picture serves other tasks as well as those it was trained for. That can be
# measured, with the probes of lesson 01, and with networks that are trained already. In those of section 3 there are two
# trunks side by side, with nothing in common: one that answers only to the task that left, and one that answers only to the
# two that stayed. Read all three questions off each of them, after each layer; beside them the trunk shared by all three, and
# one that is *untrained*. **Predict**, for the very first layer:

# %%
question, own = ("garment", "colour") if leaver == "colour" else (leaver, " and ".join(stayers))
general = mtl.predict(f"After the first layer of a trunk trained for {own}, {question} can be read …",
                      ["worse than after an untrained first layer", "better", "no clear difference"],
                      key="05/first layer")
general

# %%
AFTER = {"conv1": "relu1", "conv2": "relu2", "linear": "relu3"}
tables = []
for seed in tqdm(range(10, 15), desc="probing", unit="seed"):
    parted, hard = fresh.run(branch={leaver: layer}, seed=seed), fresh.run(branch="heads", seed=seed)
    models = {"parted": parted, "all three": hard, "untrained": mtl.Hard(tasks, trunk, seeds=(seed,))}
    for name, after in AFTER.items():
        tables.append(mtl.inspection.probe_matrix(models, hard.world, layer=after).assign(seed=seed, layer=name))
probes = pd.concat(tables)
mine = probes.model == "parted"
probes["trained for"] = probes.trained_on.where(mine, probes.model)
mtl.show.along(probes, "layer", line="trained for", panel="probed_for", label="probe's accuracy on test", x_label="read after")

# %% [markdown]
# A panel is a question. Do not compare along a line without care: after conv1 a probe has 1,568 features to read from, after
# linear 64. Compare the *lines* at one layer: same size, same pictures, and the untrained one as the floor.

# %%
read = probes.set_index(["layer", "trained for", "probed_for", "seed"]).score.sort_index()
trunks = {leaver: leaver} | dict.fromkeys(stayers, " + ".join(stayers))  # question → the trunk that was trained for it
others = {name: next(other for other in trunks.values() if other != own) for name, own in trunks.items()}


def per_seed(layer, trunk_of):
    """Mean over the three questions, each read from the trunk ``trunk_of`` names."""
    return sum(read[layer, trunk, question] for question, trunk in trunk_of.items()) / len(trunk_of)


own_less_other = {name: per_seed(name, trunks) - per_seed(name, others) for name in AFTER}
specific = [mtl.claim(f"after {name}: a question is read better from its own trunk than from the other",
                      own_less_other[name], 0.0, unit="%") for name in AFTER]
specific.append(mtl.claim("own − other is larger after linear than after conv1", own_less_other["linear"],
                          own_less_other["conv1"], unit="%"))
first = mtl.claim(f"after conv1: {question} is read worse from the trunk for {own} than from an untrained one",
                  read["conv1", own.replace(" and ", " + "), question], read["conv1", "untrained", question], "less",
                  unit="%")
general.reveal({"supported": "worse than after an untrained first layer", "contradicted": "better",
                "undecided": "no clear difference"}[first.verdict])
print(*specific, first, sep="\n")
mtl.show.paired([*specific, first])

# %% [markdown]
# Where the first row is *supported*, even the first layer belongs to its task: eight filters, and training bends them towards
# what its loss can use. So the misconception has a true core and a false word. The true core is the fourth row, where it is
# *supported*: layers become *more* a task's own with depth. (Part of it is room: 64 features hold less than 1,568, and what
# nobody asks for goes first.) The false word is *always*. And look once more at *untrained*: where
# a trained first layer hardly differs from a random one, "general" says little in its favour. It was not trained to be general;
# it was hardly trained.
#
# In deeper networks on larger pictures, first layers have been found to transfer almost without loss (Yosinski et al. 2014,
# for two halves of one data set, which are two *similar* tasks). Whether yours do is a measurement, not a rule.
#
# ## 6 · What a branch costs
#
# What is below the branch is paid once, what is above T times. That holds for weights, for memory (4 bytes a weight; 16
# while Adam trains it) and for arithmetic, counted in **multiply-adds** a picture. But the *prices* of the layers differ, and
# not in the same way:

# %%
head = 64 * 10 + 10
weights = {"conv1": 3 * 8 * 9 + 8, "conv2": 8 * 16 * 9 + 16, "linear": 784 * 64 + 64}
multiply_adds = {"conv1": 28 * 28 * 3 * 8 * 9, "conv2": 14 * 14 * 8 * 16 * 9, "linear": 784 * 64}
prices = [{"layer": name, "of": kind, "share": price[name] / sum(price.values())} for name in weights
          for kind, price in (("weights", weights), ("multiply-adds", multiply_adds))]
mtl.show.bars(pd.DataFrame(prices), "share", ["layer", "of"], "%", title="Share of the trunk's price")

# %% [markdown]
# ### Exercise 2 · The bill  (difficulty ●●○, importance ●●●, 7 minutes)
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


bill = []
for T in (3, 10, 30):
    for branch in LAYERS:
        model = mtl.Hierarchical(many(T), trunk, branch=branch)
        with FlopCounterMode(display=False) as counter:
            model(pictures[:1])
        bill.append({"tasks": f"T = {T}", "branch": branch, "MB": 4 * model.size() / 1e6,
                     "million multiply-adds": counter.get_total_flops() / 2e6})
bill = pd.DataFrame(bill)
mtl.show.bars(bill, "MB", ["tasks", "branch"], "MB", title="Memory to answer: 4 bytes a weight")

# %%
mtl.show.bars(bill, "million multiply-adds", ["tasks", "branch"], "million", title="Multiply-adds to answer one picture")

# %% [markdown]
# A branch at *linear* saves almost no memory, and most of the arithmetic: here the weights sit in the linear layer, and
# the work in the convolutions, whose few weights are used at hundreds of places of the picture. (While training, the activations
# of a batch need memory as well; they go with the maps the convolutions make, hence with the second figure rather than the
# first.) And the time, measured on your machine: a step of training on 64 pictures, and answering 200.

# %%
pool = mtl.data.questions(n_train=64, n_validation=64, n_test=200, seed=0)
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
# Does the time follow the weights, or the multiply-adds? Put the bill beside the scores of sections 2 and 4, and the branch
# that is worth its price differs from world to world.
#
# ## What we saw
#
# - A branch is a row of owners a layer. At the first layer it is Separate, at the heads Hard, and it may differ by task.
# - *questions*: what was best lay where the claims of section 2 say, and that need not be inside. *shoppers*: nearly flat, and a
#   near-tie is stated with a margin.
# - Who leaves matters to those who stay. Ask which tasks are good company before asking how deep.
# - "Early layers are general" is a matter of degree, to be measured against an untrained layer.
# - Weights sit in one place and arithmetic in another, so a branch saves them separately.
#
# **Which model would you now choose** for the three questions, if two trunks are affordable and three are not? And for thirty
# shoppers on a phone, where memory is plenty and time is not?
#
# *Read on:* Yosinski et al. 2014, "How transferable are features in deep neural networks?" · Misra et al. 2016, "Cross-stitch
# networks for multi-task learning" (the depth of sharing, learned) · Lu et al. 2017, "Fully-adaptive feature sharing in
# multi-task networks" (grow the branches) · Vandenhende et al. 2020, "Branched multi-task networks" (branches from task
# affinity) · Standley et al. 2020, "Which tasks should be learned together in multi-task learning?".
#
# **Next:** 06 · The trade-off: labels, relatedness, and all ways side by side.
