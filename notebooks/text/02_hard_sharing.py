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
# # 02 · Hard sharing
#
# After this lesson you can
#
# - write, train and check a network with one trunk and three heads in plain PyTorch,
# - say when one trunk helps and when it hurts, and compare the two fairly,
# - name what sharing saves in weights and in time, and spot a transfer that is not one.
#
# *45 minutes of work; about half a minute of computing on two free cores. Before this: lesson 01.*
#
# **The misconception of this lesson:** *more tasks always help.* Each task brings data, so each should make the others
# better. Does it?

# %%
import pandas as pd
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import mtl_lesson as mtl
from mtl_lesson import bank, checks

world = mtl.data.questions(n_train=1024, seed=0)

# %% [markdown]
# ## 1 · The network, by hand
#
# Hard parameter sharing, the oldest way of learning several tasks together (Caruana 1997), keeps one trunk for all tasks
# and an output layer for each:
#
# $$h = f(x; \theta), \qquad \hat y_t = g_t(h; \varphi_t), \qquad L(\theta, \varphi) = \sum_t L_t(\theta, \varphi_t).$$
#
# A common teaching example has a convolution with 32 channels, one with 64, a linear layer with 128 units, three heads,
# pictures of 3 × 28 × 28, and Adam with a learning rate of 1e-3. Write it.
#
# ### Exercise 1 · The network  (difficulty ●●○, importance ●●●, 10 minutes)
#
# Both convolutions are 3 × 3 with padding 1, each followed by a ReLU and a pooling by 2; after the linear layer comes a
# ReLU. `forward` returns a mapping from task name to logits. The tasks have 10, 6 and 4 classes.

# %%
class EssayNetwork(nn.Module):
    def __init__(self):
        super().__init__()
        ...

    def forward(self, x):
        return ...


checks.essay_network(EssayNetwork)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# class EssayNetwork(nn.Module):
#     def __init__(self):
#         super().__init__()
#         self.conv1 = nn.Conv2d(3, 32, 3, padding=1)
#         self.conv2 = nn.Conv2d(32, 64, 3, padding=1)
#         self.linear = nn.Linear(64 * 7 * 7, 128)
#         self.heads = nn.ModuleDict(
#             {"garment": nn.Linear(128, 10), "colour": nn.Linear(128, 6), "way up": nn.Linear(128, 4)}
#         )
#
#     def forward(self, x):
#         x = F.max_pool2d(F.relu(self.conv1(x)), 2)
#         x = F.max_pool2d(F.relu(self.conv2(x)), 2)
#         h = F.relu(self.linear(x.flatten(1)))
#         return {name: head(h) for name, head in self.heads.items()}
# ```
#
# </details>
#
# ### Exercise 2 · One step  (difficulty ●●○, importance ●●●, 5 minutes)
#
# One step of the optimiser on $\sum_t L_t$, with every label present.

# %%
def training_step(model, optimiser, x, labels):
    ...
    return ...


checks.training_step(training_step)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def training_step(model, optimiser, x, labels):
#     optimiser.zero_grad()
#     outputs = model(x)
#     loss = sum(F.cross_entropy(outputs[name], labels[name]) for name in outputs)
#     loss.backward()
#     optimiser.step()
#     return loss
# ```
#
# </details>
#
# Now train it for real, in plain PyTorch: your network and your step if they are right, ours otherwise. And train the same
# network in two lines of the course's package. Both start from the same weights and see the same batches in the same
# order, so their losses should agree.

# %%
right = {checks.essay_network(EssayNetwork).state, checks.training_step(training_step).state} == {"right"}
network = (EssayNetwork if right else checks.solutions.EssayNetwork)()
step = training_step if right else checks.solutions.training_step
print("Trained below:", "your network and your step" if right else "ours; exercises 1 and 2 are still open")

model = mtl.Hard(world.tasks, trunk=mtl.nets.conv(32, features=128))
run = mtl.fit(model, world, epochs=1, batch_size=128, seed=0, precision="float32")

# %%
first = {w.shape: w for task in world.tasks for w in model.plain(task.name).parameters()}  # every shape occurs once
with torch.no_grad():
    for weight in network.parameters():
        weight.copy_(first[weight.shape])

optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
order = torch.randperm(len(world.train), generator=mtl.chance.generator(0, "order", 1))
by_hand = {task.name: [] for task in world.tasks}
for rows in order.split(128):
    x, labels = world.train.x[rows], {name: y[rows] for name, y in world.train.labels.items()}
    with torch.no_grad():
        for name, y in network(x).items():
            by_hand[name].append(F.cross_entropy(y, labels[name]).item())
    step(network, optimiser, x, labels)

in_two_lines = run.history[run.history.split == "train"].set_index("task").loss
gap = max(abs(sum(losses) / len(losses) - in_two_lines[name]) for name, losses in by_hand.items())
print("First epoch, by hand and in two lines:", "the same losses" if gap < 1e-3 else "DIFFERENT losses")

# %% [markdown]
# `model.plain("garment")` is the garment network as ordinary PyTorch layers, so nothing about `mtl.Hard` is hidden:
# `mtl.Hard??` shows its few lines.
#
# ### Exercise 3 · Find the faults  (difficulty ●●○, importance ●●○, 6 minutes)
#
# Code like this is found in many introductions. Which of the marked lines are faulty? (H marks the end: is anything
# missing?)
#
# ```python
# class MultiTaskNet(nn.Module):
#     def __init__(self):
#         ...                                              # the trunk, as above
#         self.head1 = nn.Linear(128, num_classes)         # A  num_classes
#         self.head2 = nn.Linear(128, num_classes)         # B  the same number for every head
#         self.head3 = nn.Linear(128, num_classes)
#
# optimizer = optim.Adam(model.parameters(), lr=1e-3)      # C  one optimiser for everything     G  Adam, 1e-3
# for epoch in range(num_epochs):                          # F  num_epochs, train_loader
#     for x, y1, y2, y3 in train_loader:
#         out1, out2, out3 = model(x)
#         loss = criterion(out1, y1) + criterion(out2, y2) + criterion(out3, y3)   # D  criterion    E  the sum
#         optimizer.zero_grad(); loss.backward(); optimizer.step()
#     print(loss.item())                                   # H  and then?
# ```

# %%
faulty = {...}

checks.faults(faulty)

# %% [markdown]
# <details><summary>Solution</summary>
#
# A, B, D, F and H. Three names are used and never defined; three tasks with 10, 6 and 4 classes do not fit one
# `num_classes`; and the loss of the last training batch says nothing about pictures the network has not seen. One
# optimiser for trunk and heads (C), the sum (E) and Adam with 1e-3 (G) are sound.
#
# </details>
#
# ## 2 · One trunk or three?
#
# The question lesson 01 left open. Same pictures, same batches, same initial trunk, same number of steps; test scores after
# the last epoch; five seeds. One trunk has a third of the weights, so a fair comparison needs a second shared network: a
# **wider** trunk with as many weights as the three separate ones together.

# %%
models = {
    "Separate": mtl.Separate(world.tasks, trunk=mtl.nets.conv(8)),
    "Hard": mtl.Hard(world.tasks, trunk=mtl.nets.conv(8)),
    "Hard, wider": mtl.Hard(world.tasks, trunk=mtl.nets.conv(14)),
}
for name, candidate in models.items():
    with FlopCounterMode(display=False) as counter:
        candidate(world.test.x[:1])
    print(f"{name:12s} {candidate.size():,} weights, {counter.get_total_flops() // 2:,} multiply-adds a picture")

# %% [markdown]
# The wider one is matched in weights, and nearly so in arithmetic. **Predict**: its score on *garment*, the hardest
# question, against three separate networks?

# %%
guess = mtl.predict(
    "With equally many weights, one shared trunk answers garment …",
    ["better than three separate ones", "worse", "no clear difference"],
    key="02/equal weights",
)
guess

# %%
runs = [mtl.fit(models[name], world, epochs=15, seed=0) for name in ("Separate", "Hard")]
mtl.show.learning_curves(runs, loss=False, ceilings={"colour": mtl.data.colour_ceiling()})

# %% [markdown]
# That was one seed, live, of the first two. The verdict needs more: ten seeds of all three, trained for 20 epochs, are stored
# (`make bank` computes them again).

# %%
scores = bank.load("equal_weights").set_index(["way", "width", "task", "seed"]).score.sort_index()
claims = []
for width, trunk in ((8, "one trunk as narrow"), (14, "one wider trunk")):
    for name in [task.name for task in world.tasks]:
        claims.append(mtl.claim(f"{name}: three networks beat {trunk}",
                                scores["Separate", 8, name], scores["Hard", width, name], unit="%"))
wider_garment = claims[3]
guess.reveal({"supported": "worse", "contradicted": "better than three separate ones",
              "undecided": "no clear difference"}[wider_garment.verdict])
print(*claims, sep="\n")
mtl.show.paired(claims)

# %% [markdown]
# *supported* means that one trunk is worse, beyond what chance explains. Where you see it, the three tasks got in each
# other's way: what one needs (the hue) is a nuisance to another, and one set of features has to please all three.
# **Sharing is a constraint.** If the wider trunk suffers less than the narrow one, room is part of the story; if it still
# suffers, room is not all of it.
#
# ## 3 · Where it hurts: width and labels
#
# Is it a matter of room, or of data? This map is stored, too: the difference *Hard − Separate* on the test pictures, in
# percentage points, for trunks of four widths and three numbers of labels a task.

# %%
stored = bank.load("width_labels")


def difference(task):
    """Hard − Separate for every width, labels and seed."""
    scores = stored[stored.task == task].set_index(["way", "width", "labels", "seed"]).score
    return (scores["Hard"] - scores["Separate"]).groupby(["width", "labels"])


def map_of(task):
    mean, half = difference(task).mean().unstack(), 2.78 * difference(task).sem().unstack()  # Student's t, 5 seeds
    return mtl.show.map_of_differences(
        mean.to_numpy(), list(mean.index), list(mean.columns), half.to_numpy(),
        row_name="width of the trunk", column_name="labels a task",
        positive="one trunk is better", negative="three trunks are better", title=task)


map_of("garment")

# %%
map_of("colour")

# %% [markdown]
# Read the maps along both axes before believing a rule of thumb. Hatched cells are undecided: five seeds cannot tell.
#
# ## 4 · Where it helps: related tasks
#
# Another world: six people, and whether each would like a garment. Here the tasks are **related**, and a dial δ says how
# much: at δ = 0 all six have one taste, at δ = 2 each has mostly their own. Each person has rated 150 pictures of their
# own; the score is agreement with that person's true taste. Now a third model makes sense, since all six answer yes or
# no: *Pooled*, one trunk **and one head** for all, as if the six were one person.
#
# **Predict** what happens when tastes are personal.

# %%
taste = mtl.predict(
    "At δ = 2 (own tastes), the worst of the three is …", ["Separate", "Hard", "Pooled"], key="02/personal taste"
)
taste

# %%
tables = bank.load("relatedness").groupby(["way", "delta", "seed"]).score.mean()  # over the six people
means = tables.groupby(["delta", "way"]).mean().unstack()
for delta, row in means.iterrows():
    print(f"δ = {delta:g}:  " + "   ".join(f"{way} ≈ {row[way]:.0%}" for way in ("Separate", "Hard", "Pooled")))
taste.reveal(means.loc[2.0].idxmin())

# %%
separate, hard, pooled = tables["Separate"], tables["Hard"], tables["Pooled"]
related = [
    mtl.claim("same taste (δ = 0): one trunk is better than six", hard[0.0], separate[0.0], unit="%"),
    mtl.claim("same taste (δ = 0): one head, too, is better still", pooled[0.0], hard[0.0], unit="%"),
    mtl.claim("own tastes (δ = 2): one trunk is better than six", hard[2.0], separate[2.0], unit="%"),
    mtl.claim("own tastes (δ = 2): one head for all is worse than six", pooled[2.0], hard[2.0], "less", unit="%"),
]
print(*related, sep="\n")
mtl.show.paired(related)

# %% [markdown]
# Where the first claim is *supported*, the same constraint that hurt before helps: six people's ratings shape one trunk,
# and what is true of all six is learned from six times the data. What may differ between them, the head, they keep. Pool
# *that*, too, and everything depends on how alike they are: compare the second claim with the fourth.
#
# ## 5 · A transfer that was not one
#
# Four shops photograph different garments; each asks the same question, *which garment?*, of its own 150 pictures. Does a
# shared trunk help? A popular shortcut in code is to start every head from the same weights (one `nn.Linear`, copied). Below,
# *EqualHeads* is `mtl.Hard` with just that change.

# %%
shops = bank.load("equal_heads").groupby(["renamed", "way", "seed"]).score.mean()  # over the four shops
same, renamed = shops[False], shops[True]
heads = [
    mtl.claim("heads start apart: one trunk is better than four", same["Hard"], same["Separate"], unit="%"),
    mtl.claim("heads start equal: one trunk is better than four", same["EqualHeads"], same["Separate"], unit="%"),
    mtl.claim("heads start equal, classes renamed: one trunk is better than four", renamed["EqualHeads"],
              renamed["Separate"], unit="%"),
]
print(*heads, sep="\n")
mtl.show.paired(heads)

# %% [markdown]
# Compare the first two rows. With equal heads, "class 3" starts in the same place for every shop, so the trunk can serve
# all four with one arrangement of features, as if they shared a head. That is help from a *hidden shared output layer*, not
# from the trunk. The third row is the test: number the classes differently in each shop (class 3 means something else
# in each), and see what is left of it. In this course heads of different tasks always start apart.
#
# ## 6 · What sharing costs and saves
#
# A trunk is paid once instead of $T$ times: in memory, in training, and each time a picture is answered. A weight takes 4
# bytes to keep; while Adam trains it, 16 (itself, its gradient and two averages). So memory follows the number of weights.
#
# ### Exercise 4 · Count the weights  (difficulty ●●○, importance ●●○, 6 minutes)
#
# For $T$ tasks with 10 classes each, how many weights (biases included) have one shared network of the kind of exercise 1,
# and $T$ separate ones?

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
# And time, measured now on your machine: one step of training on 128 pictures, and answering 1,000.

# %%
essays = {way.__name__: way(world.tasks, mtl.nets.conv(32, features=128)) for way in (mtl.Separate, mtl.Hard)}
timed = mtl.inspection.cost(essays, world).set_index("what")
mtl.show.bars(timed.loc["train on 128"], "milliseconds", "way", "ms", title="One step of training, 128 pictures")

# %%
mtl.show.bars(timed.loc["answer 1000"], "milliseconds", "way", "ms", title="Answering 1,000 pictures")

# %% [markdown]
# ## What we saw
#
# - Hard sharing is one trunk, a head a task, and the sum of the losses: thirty lines by hand, two with a package.
# - It is a **constraint**, and a constraint can cost accuracy (three unrelated questions) or be worth data (six related
#   tastes). The verdicts above say where it did which, and how sure we are.
# - It saves weights and time, the more so the more tasks there are, whatever it does to accuracy.
# - A comparison is fair when samples, batches, initial weights, steps and either weights or arithmetic are matched, and
#   when heads start apart.
#
# **Which model would you now choose** for a phone that must answer three unrelated questions about each photo in 20
# milliseconds? And for six hospitals asking one question?
#
# *Read on:* Caruana 1997, "Multitask Learning" · Wu, Zhang & Ré 2020, "Understanding and improving information transfer in
# multi-task learning" (why a trunk with room for all shares nothing) · Standley et al. 2020, "Which tasks should be learned
# together in multi-task learning?" · Ruchte & Grabocka 2021, on when tasks stop competing.
#
# **Next:** 03 · Borrowed pupils: between one and many lies λ.
