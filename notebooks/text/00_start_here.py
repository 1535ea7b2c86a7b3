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
# # 00 · Start here
#
# Several tasks, one question: **what should they share, what should each keep for itself, and how would you know?**
#
# After this lesson you can
#
# - say what λ does, having moved it over sixty-five real schools,
# - train one network on three questions about real pictures, and read its answers,
# - use the four habits of this course: predict, run, explain, check.
#
# *25 minutes of work; about half a minute of computing on two free cores. You need Python, and what a line is.*
#
# Run a cell with **Shift + Enter**, from top to bottom. Nothing you do here can break the course: this is your own copy,
# and `make fresh NB=00` gives you another. After a restart of the kernel, choose *Run → Run All Above Selected Cell*.

# %%
import numpy as np

import mtl_lesson as mtl
from mtl_lesson import checks

pictures = mtl.data.questions(n_train=4096, seed=0)
mtl.show.ready({**mtl.machine(), "Data": mtl.data.verify()}, pictures.test.x[:60])

# %% [markdown]
# If a row is missing or an error stands here instead, its text says what to do. To see the rows as text, run
# `mtl.machine()`.
#
# ## 1 · Sixty-five schools and one slider
#
# In each of 65 London schools, pupils were tested at 11 (intake) and again at 16 (exam). For each school we want a line
# that predicts the exam score from the intake score,
#
# $$\hat y = \theta_{t,0} + \theta_{t,1}\, x .$$
#
# That is one **task** a school: $T$ tasks, each with its own $\theta_t$. The trouble: we may look at only **ten pupils a
# school**, and ten pupils make a shaky line. Should each school trust its own ten (*alone*), or should all schools use
# one line (*pooled*)? (Two schools have fewer than fifteen pupils, too few to train on ten and judge by the rest; 63 are
# left.)
#
# There is something in between. Let each school fit its own pupils, and charge the schools for being different:
#
# $$\min_{\theta_1 \dots \theta_T}\; \sum_t \underbrace{\tfrac{1}{n_t}\sum_i (y_{ti} - \hat y_{ti})^2}_{\text{fit
# your own pupils}} \;+\; \lambda \underbrace{\sum_{i<j} \lVert \theta_i - \theta_j \rVert^2}_{\text{stay close to the
# others}} .$$
#
# At $\lambda = 0$ every school is alone. At $\lambda = \infty$ all lines are the same line. This sum is the formula the
# whole course comes back to.
#
# **Predict first.** The error will be measured on pupils none of the lines has seen.

# %%
schools = mtl.data.schools(n=10, seed=0)  # the seed decides which ten pupils are drawn
where = mtl.predict(
    "Where on the slider will the error on unseen pupils be least?",
    ["at λ = 0: every school alone", "somewhere in between", "at λ = ∞: one line for all"],
    key="00/least error",
)
where

# %% [markdown]
# **Now move λ.** Drag the slider, use the arrow keys, or type a number. On the left, a line a school; on the right, the
# error at every λ you have visited. Look for two things: what happens to the lines, and where the error is least.

# %%
slider = mtl.widgets.Schools(schools)
slider

# %% [markdown]
# When you have found the least error, run the next cell: it draws the whole curve and compares it with your prediction.
# (The λ with the least error on these pupils was *chosen* by them, so its error looks a little better than it is. The
# next section reports on other pupils.)

# %%
path = mtl.widgets.schools.compute(schools)
best = path.lambdas[path.best]
inside = 0 < best < float("inf")
end = "at λ = 0: every school alone" if best == 0 else "at λ = ∞: one line for all"
where.reveal("somewhere in between" if inside else end)
mtl.widgets.Schools(schools, lam=best).reveal()

# %% [markdown]
# ### Is that luck?
#
# One draw of ten pupils a school is one throw of the dice. So draw them twenty times; each time choose λ on the
# *validation* pupils, and only then look at the *test* pupils, once. Averaged over the draws, each school then has
# three errors: alone, borrowing, pooled. Are the differences between them more than luck? A **claim** pairs the errors
# school by school and gives a verdict, *supported*, *contradicted* or *undecided*, with the interval that decides it.

# %%
draws = []
for seed in range(20):
    world = mtl.data.schools(n=10, seed=seed)
    path = mtl.widgets.schools.compute(world)
    test = mtl.closed_form.errors(world, path.theta, "test")  # a row a λ, a column a school
    draws.append([test[0].numpy(), test[path.best].numpy(), test[-1].numpy()])
alone, borrowing, pooled = np.mean(draws, axis=0)

claims = [
    mtl.claim("a school has less error when it borrows than alone",
              list(borrowing), list(alone), "less", by="school"),
    mtl.claim("a school has less error when it borrows than when all are pooled",
              list(borrowing), list(pooled), "less", by="school"),
]
print(*claims, sep="\n")
mtl.show.paired(claims)

# %% [markdown]
# In the figure, a dot is a school. The verdicts are computed, not written: had the data said otherwise, the words would
# be other words. Where a verdict is *supported*, sharing **some** beat sharing nothing or everything; but look at the
# dots: not for every school. Why there is a best λ, and why it is worth
# a certain number of borrowed pupils, is lesson 03.
#
# ## 2 · One picture, three questions
#
# Lines can be solved on paper. Networks have to be trained, and they share more than numbers: they share **features**.
# Here is a world of pictures with three tasks at once: which *garment*, which *colour*, which *way up*?

# %%
words = [
    ", ".join(task.classes[pictures.train.labels[task.name][i]] for task in pictures.tasks)
    for i in range(12)
]
mtl.show.pictures(pictures.train.x[:12], captions=words, columns=6)

# %% [markdown]
# The garments are real photographs (Fashion-MNIST); the colours and turns are added by us, so that we know the truth.
# Now **one** network for all three questions. Its *trunk* turns a picture into features, $h = f(x; \theta)$; each task
# reads its answer off the same $h$ with an output layer of its own, its *head*; and what is minimised is the sum of the
# three losses,
#
# $$L = L_\text{garment} + L_\text{colour} + L_\text{way up} .$$

# %%
model = mtl.Hard(pictures.tasks, trunk=mtl.nets.conv(width=8))
model

# %% [markdown]
# **Predict.** Guessing blindly (*chance*) is right for 1 garment in 10, 1 colour in 6 and 1 way up in 4. Which question
# will the network get wrong most often? (No colour can be named with certainty: each picture's hue is a little off on
# purpose, and the best possible score is known.)

# %%
hardest = mtl.predict(
    "Which question will be hardest?", [task.name for task in pictures.tasks], key="00/hardest"
)
hardest

# %% [markdown]
# Train it. One *epoch* shows the network every training picture once. You may press **Stop** at any time: what was learnt
# until then is kept.

# %%
run = mtl.fit(model, pictures, epochs=12, seed=0)
mtl.show.learning_curves(run, ceilings={"colour": mtl.data.colour_ceiling()})

# %%
scores = run.test()
hardest.reveal(min(scores, key=scores.get))
for task in pictures.tasks:
    print(f"{task.name:8s} right on ≈ {scores[task.name]:.0%} of the test pictures "
          f"(chance: 1 in {task.outputs})")
print(f"The best possible score for colour is ≈ {mtl.data.colour_ceiling():.0%}.")

# %% [markdown]
# And the answers themselves, on eight pictures the network has never seen:

# %%
x, labels = pictures.test.x[:8], {name: y[:8] for name, y in pictures.test.labels.items()}
mtl.show.answers(x, pictures.tasks, run.model(x), labels)

# %% [markdown]
# Look at the mistakes. Are they mistakes you would make?
#
# What you have *not* seen: whether one network for three questions does better or worse than three networks. One run
# shows what can happen, not what does happen. Lesson 02 asks that question properly.
#
# ## 3 · How this course works
#
# 1. **Predict.** Commit before you look. A wrong prediction is where learning starts.
# 2. **Run.** Every figure is computed in front of you or comes with the command that computes it.
# 3. **Explain.** Say why, in a sentence, before reading on.
# 4. **Check.** Exercises look like the one below. Until you answer, the check says *not attempted*; a wrong answer is
#    told *why*; `.hint()` gives one hint at a time.
#
# ### Exercise 1 · Choose λ  (difficulty ●○○, importance ●●●, 3 minutes)
#
# For each of several λs you have two errors, one on validation pupils and one on test pupils. Write the function that
# returns the λ you would use.

# %%
def choose(lambdas, validation, test):
    """The λ to use. The three lists are equally long; less error is better."""
    return ...


checks.choose_lambda(choose)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def choose(lambdas, validation, test):
#     return lambdas[validation.index(min(validation))]
# ```
#
# The test errors are not used at all. A λ chosen for its test error has, on that test set, been lucky: the error
# reported for it is too low, and the more λs were tried, the more so.
#
# </details>
#
# ## What we saw
#
# - Tasks need not be alone or pooled: λ moves between the two, and the verdict above says what that did for the schools.
# - One network can answer several questions from the same features $h$; the loss it minimises is the sum of theirs.
# - A result is a claim over many pairs, here schools, with an interval. A single run is an anecdote.
#
# **Which model would you now choose** for a new school with four pupils? Keep your answer; lesson 03 returns to it.
#
# *Read on:* Caruana 1997, "Multitask Learning", Machine Learning 28 (where it began) · Evgeniou & Pontil 2004,
# "Regularized multi-task learning" (the penalty above) · Goldstein, Rasbash et al. 1993, "A multilevel analysis of school
# examination results" (the schools).
#
# **Next:** 01 · One picture, three questions.
