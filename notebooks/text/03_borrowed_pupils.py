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
# # 03 · Borrowed pupils
#
# After this lesson you can
#
# - read λ as a number of examples borrowed from the other tasks, and carry it from little data to much,
# - compute it from how much tasks differ and how noisy their examples are,
# - say what a pull towards the mean cannot see, and what a narrow trunk or weight decay sees instead.
#
# *45 minutes of work for sections 1 to 5, and 20 more for section 6, which can wait for another day; about half a minute of
# computing on two free cores. Before this: lessons 00 to 02.*
#
# **The misconception of this lesson:** *λ is a nuisance to tune*. A number without a meaning, different for every data set,
# to be searched for anew each time. Is it?

# %%
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from threadpoolctl import threadpool_limits
from tqdm.auto import tqdm

import mtl_lesson as mtl
from mtl_lesson import checks

threadpool_limits(1)  # many small equations: threads would only wait for each other
world = mtl.data.schools(n=10, seed=0)
world

# %% [markdown]
# ## 1 · One school borrows
#
# These are the schools of lesson 00, with the sum that was minimised there. It looks as if every school pulled at every
# other. It is simpler than that: with $\bar\theta$ the mean of all $\theta_t$,
#
# $$\lambda \sum_{i<j} \lVert \theta_i - \theta_j \rVert^2 \;=\; \lambda T \sum_t \lVert \theta_t - \bar\theta \rVert^2
# \;=\; \lambda' \sum_t \lVert \theta_t - \bar\theta \rVert^2, \qquad \lambda' = \lambda T .$$
#
# Each school is pulled to the mean, with strength λ'. So the same λ pulls harder where there are more tasks. In this lesson
# we mostly write λ'.

# %%
T, lam = len(world.tasks), 0.02
print(f"With T = {T} schools, λ = {lam} is λ' = λT ≈ {lam * T:.1f}.")

# %% [markdown]
# Start with less than a line: predict the same number $\theta_t$ for every pupil of school $t$. Its $n$ pupils have the mean
# score $\bar y_t$. Setting the derivative with respect to $\theta_t$ to 0 (the deviations from $\bar\theta$ sum to 0, so
# nothing comes back through $\bar\theta$),
#
# $$\min\; \sum_t \Bigl[ \tfrac1n \sum_i (y_{ti} - \theta_t)^2 + \lambda' (\theta_t - \bar\theta)^2 \Bigr]
# \quad\Longrightarrow\quad
# \theta_t = \frac{n\,\bar y_t + k\,\bar\theta}{n + k}, \qquad k = n\lambda' .$$
#
# Read the fraction: it is the mean score of a school with $n$ pupils of its own **and $k$ borrowed ones**, who all score
# what everyone scores on average.
#
# ### Exercise 1 · Borrow  (difficulty ●○○, importance ●●●, 4 minutes)
#
# Write $\theta_t$ as a function. `own` is $\bar y_t$, `everyone` is $\bar\theta$, and the pull is given as λ', not as $k$.

# %%
def borrow(own, everyone, n, pull):
    """The θ_t of a school with n pupils whose mean score is own; pull is λ'."""
    return ...


checks.borrow(borrow)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def borrow(own, everyone, n, pull):
#     k = n * pull
#     return (n * own + k * everyone) / (n + k)
# ```
#
# </details>
#
# ### The same for a line
#
# For a line with intercept and slope the equation reads $(X_t^\top X_t + kI)\,\theta_t = X_t^\top y_t + k\bar\theta$. That,
# too, is a school with $k$ more pupils: half of them with an intake one standard deviation above the mean, half one below
# it, and all of them exactly on everyone's line. (Their $X^\top X$ is $kI$; write it out.) So invite six such pupils
# into one school, fit a line with no λ at all, and compare.

# %%
k, n = 6, 10
theta = mtl.closed_form.solve(world, k / (n * T))  # soft sharing: λ = λ' / T = k / (n T)
everyone = theta.mean(0)

name = world.tasks[0].name
X, y = world.train.x[name].double(), world.train.labels[name].double()
guests = torch.tensor([[1.0, +1.0]] * (k // 2) + [[1.0, -1.0]] * (k // 2), dtype=torch.float64)
X, y = torch.cat([X, guests]), torch.cat([y, guests @ everyone])
alone_with_guests = torch.linalg.lstsq(X, y[:, None]).solution[:, 0]

same = torch.allclose(alone_with_guests, theta[0], atol=1e-8)
print(f"{name}: soft sharing, and the school alone with {k} guests:", "the same line" if same else "DIFFERENT lines")

# %% [markdown]
# **λ is a number of pupils.** Now, how many should a school invite? There are 62 other schools with ten pupils each, 620
# pupils in all. Commit a guess: to one school, they are worth how many pupils of its own?

# %%
worth = mtl.predict(
    "To a school with 10 pupils, the 620 pupils of the others are worth about … pupils.", (0, 620, 1),
    key="03/worth", unit="pupils",
)
worth

# %% [markdown]
# ## 2 · Double the pupils
#
# And a second prediction. Last time each school had ten pupils to learn from. Give it twenty, then forty.

# %%
double = mtl.predict(
    "When the pupils double, the best λ' …",
    [
        "doubles: more data, more to share",
        "stays about the same: it is a property of the schools",
        "falls to about half",
    ],
    key="03/double",
)
double

# %% [markdown]
# Look first. This is the slider of lesson 00, but with forty pupils a school (48 schools are large enough). Where is the
# error least now, and how much is there to gain?

# %%
mtl.widgets.Schools(mtl.data.schools(n=40, seed=0), lam=0.02)

# %% [markdown]
# Now measure: $n$ = 5, 10, 20 and 40, for each of them twenty random **splits** into pupils to learn from, to choose by
# and to report on. Until now the test pupils were the same for every seed. `common_test=False` draws them anew, so
# that every pupil is tested on in some split. For each split, a ladder of $k = n\lambda'$ from 0 to ∞.

# %%
BORROWED = [0.6, 0.9, 1.2, 1.8, 2.5, 3.5, 5, 7, 10, 14, 20, 28, 40, 56, 80, 110, 160]
K = np.array([0, *BORROWED, np.inf])
COUNTS, SPLITS, FRESH = (5, 10, 20, 40), range(20), range(20, 40)


def split(n, seed, table="exam"):
    """A random split, and the errors (ks, schools) on its validation and on its test pupils."""
    drawn = mtl.data.schools(n, seed, table=table, common_test=False)
    theta = mtl.closed_form.solve(drawn, K / (n * len(drawn.tasks)))
    return drawn, *(mtl.closed_form.errors(drawn, theta, part).numpy() for part in ("validation", "test"))


def measure(table):
    """For each n: validation and test errors, each (splits, ks, schools)."""
    found = {}
    for n in tqdm(COUNTS, desc=table, unit="n"):
        _, validation, test = zip(*[split(n, seed, table) for seed in SPLITS], strict=True)
        found[n] = np.stack(validation), np.stack(test)
    return found


exam = measure("exam")

# %%
shown = np.isfinite(K) & (K > 1)


def tidy(measured):
    """One row for each n, split and k, the test error averaged over schools."""
    return pd.DataFrame([
        {"pupils a school": f"n = {n}", "seed": seed, "k": k, "pull": float(f"{k / n:.2g}"), "error": error}
        for n, (_, test) in measured.items() for seed in SPLITS
        for k, error in zip(K[shown], test[seed].mean(-1)[shown], strict=True)
    ])


mtl.show.along(tidy(exam), "pull", "error", line="pupils a school", x_label="λ' = λT",
               label="mean squared error", title="The error along the pull")

# %% [markdown]
# Too little pull, and a school believes its own few pupils too much; too much, and it is not listened to. Hence the U, which
# is the shallower the more pupils a school has of its own. Its lowest point moves. Where to? Draw the same curves against
# $k = n\lambda'$.

# %%
mtl.show.along(tidy(exam), "k", "error", line="pupils a school", x_label="borrowed pupils k = n λ'",
               label="mean squared error", title="The same errors against borrowed pupils")

# %% [markdown]
# Read the lowest points off, with an interval. What was drawn by chance is above all *which schools* these are. So draw as
# many schools again out of them, with repetition, a thousand times, and each time see where the least error is (a
# *bootstrap*).

# %%
def best(errors):
    """The k of least mean error (splits, ks, schools); its 95 % interval over schools drawn again."""
    each = errors.mean(0)
    again = np.random.default_rng(0).integers(each.shape[1], size=(1000, each.shape[1]))
    least = K[each[:, again].mean(-1).argmin(0)]
    return K[each.mean(-1).argmin()], *np.quantile(least, [0.025, 0.975], method="nearest")


def report(measured):
    for n, (_, test) in measured.items():
        k, low, high = best(test)
        print(f"n = {n:2d}: least error at λ' ≈ {k / n:.2f}, that is k ≈ {k:.0f} borrowed pupils "
              f"(95 % interval ≈ {low:.0f} to ≈ {high:.0f})")


report(exam)
least = {n: best(test)[0] for n, (_, test) in exam.items()}
factor = ((least[40] / 40) / (least[5] / 5)) ** (1 / 3)  # of the best λ', for each of the three doublings
names = double.form.options
double.reveal(names[0] if factor > 2**0.5 else names[2] if factor < 2**-0.5 else names[1])
worth.reveal(float(least[10]))

# %% [markdown]
# If the intervals of k have a range in common while λ' falls from line to line, one k for all $n$ is possible, and one λ' is
# not. Put it to a test that could fail. Choose k once, with *five* pupils a school, on validation. Then, on
# fresh splits, give every school *forty*, and carry over either the number of pupils, k, or the strength of the pull, λ'
# (which is eight times as many pupils). Which serves better?
#
# Random splits of one table overlap, so their results are more alike than independent ones would be, and an interval that
# ignores this is too narrow. `overlap` widens it (Nadeau & Bengio 2003): the price of having one table only.

# %%
def sizes(drawn):
    """How many pupils are trained on and tested on in a split."""
    return tuple(int(sum((~y.isnan()).sum() for y in part.labels.values())) for part in (drawn.train, drawn.test))


def carry(table, measured):
    """Claim: with k chosen at n = 5, the same k serves n = 40 better than the same λ' does."""
    chosen = K[1:-1][measured[5][0].mean((0, 2))[1:-1].argmin()]
    rows = []
    for seed in FRESH:
        drawn = mtl.data.schools(40, seed, table=table, common_test=False)
        lams = [k / (40 * len(drawn.tasks)) for k in (chosen, chosen * 40 / 5)]
        rows.append(mtl.closed_form.errors(drawn, mtl.closed_form.solve(drawn, lams)).mean(-1).tolist())
    pupils, pull = zip(*rows, strict=True)
    return mtl.claim(f"{table}: from 5 to 40 pupils, the same k has less error than the same λ'",
                     list(pupils), list(pull), "less", overlap=sizes(drawn), by="split")


carried = carry("exam", exam)
print(carried)

# %% [markdown]
# Where you see *supported*, λ has lost its mystery: it is k over the number of pupils (and of tasks), and k belongs to the
# schools. Double the data and the same k borrowed pupils weigh less beside your own.
#
# ## 3 · Why: how unlike are the schools?
#
# A number that belongs to the schools should follow from them. Say how schools come about: around a common $\beta$ each
# school has a deviation $b_t$ of its own, and around its line each pupil has luck,
#
# $$y_t = X_t (\beta + b_t) + \varepsilon_t, \qquad b_t \sim N(0, \tau^2 I), \qquad \varepsilon_t \sim N(0, \sigma^2 I).$$
#
# Two **variance components**: $\tau^2$ *between* schools, $\sigma^2$ *within* them. Back to one number a school. About
# $\theta_t$ there are two sources. The school's own mean $\bar y_t$ is off by luck, with variance $\sigma^2/n$. The mean
# of all schools is off because this school is not all schools, with variance $\tau^2$. Two sources are combined best
# with weights in inverse proportion to their variances:
#
# $$\theta_t = \frac{\frac{n}{\sigma^2}\,\bar y_t + \frac{1}{\tau^2}\,\beta}{\frac{n}{\sigma^2} + \frac{1}{\tau^2}}
# = \frac{n\,\bar y_t + k\,\beta}{n + k}, \qquad k = \frac{\sigma^2}{\tau^2}.$$
#
# The same fraction, and no $n$ in $k$. Statisticians call it **partial pooling**. The schools in common are worth as many
# pupils as it takes for luck to average out to the size of a real difference. (For lines it is the same algebra: the
# most probable $\theta_t$ given all pupils minimises our objective; `mtl.closed_form.empirical_bayes??` has it.)
#
# ### Exercise 2 · λ without a search  (difficulty ●●○, importance ●●●, 6 minutes)
#
# Write the λ of the sum over pairs, not λ', as a formula of $\sigma^2$ (`noise`), $\tau^2$ (`between`), $n$ and $T$. What is
# it when the schools do not differ at all? (Python will not divide by 0; `float("inf")` is ∞.)

# %%
def suggested_lambda(noise, between, n, T):
    """The λ of λ Σ_{i<j} ‖θ_i − θ_j‖² that σ² = noise and τ² = between suggest."""
    return ...


checks.suggested_lambda(suggested_lambda)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def suggested_lambda(noise, between, n, T):
#     return noise / (between * n * T) if between > 0 else float("inf")
# ```
#
# From $k = \sigma^2/\tau^2 = n\lambda' = n \lambda T$. Schools that do not differ should be one: λ = ∞.
#
# </details>
#
# $\sigma^2$ and $\tau^2$ are not known, but the training pupils show both: how pupils scatter around their school's line, and
# how much more the lines differ than this scatter explains. Estimated so (by maximum likelihood,
# `mtl.closed_form.components`), they give a λ without a grid, and without a single validation pupil. Because the schools
# themselves tell how much a school should trust them, this is called **empirical Bayes**. Here it is for the first ten of
# the splits, beside the k with the least test error.

# %%
def suggestions(table):
    """For each n, the k that the training pupils of ten splits suggest."""
    found = {}
    for n in tqdm(COUNTS, desc=table, unit="n"):
        drawn = [mtl.data.schools(n, seed, table=table, common_test=False) for seed in SPLITS[:10]]
        found[n] = np.array([n * len(one.tasks) * mtl.closed_form.empirical_bayes(one) for one in drawn])
    return found


def beside(suggested, measured):
    for n, ks in suggested.items():
        few, middle, many = np.quantile(ks, [0.1, 0.5, 0.9], method="nearest")
        k, low, high = best(measured[n][1])
        print(f"n = {n:2d}: suggested k = σ²/τ² ≈ {middle:.0f} (most splits ≈ {few:.0f} to ≈ {many:.0f}), "
              f"least test error at ≈ {k:.0f} (≈ {low:.0f} to ≈ {high:.0f})")


suggested = suggestions("exam")
beside(suggested, exam)

# %% [markdown]
# With five pupils a school the suggestion varies a good deal from split to split: how unlike schools are is hard to tell when
# every school is blurred. Where it varies less, at $n = 20$, does giving up the search cost anything? Compare it, on fresh
# splits, with a λ chosen on validation, which has seen the validation pupils, too. (At five pupils it may cost more: change
# `n=20` and see.)

# %%
def fresh(table, n=20):
    """Fresh splits, each with the suggested λ, its test error, and that of a λ chosen on validation."""
    rows = []
    for seed in tqdm(FRESH, desc=f"{table}, fresh splits", unit="split"):
        drawn, validation, test = split(n, seed, table)
        lam = mtl.closed_form.empirical_bayes(drawn)
        suggested = mtl.closed_form.errors(drawn, mtl.closed_form.solve(drawn, lam)).mean()
        rows.append((drawn, lam, float(suggested), test[validation.mean(-1).argmin()].mean()))
    return rows


def no_search(table, rows):
    return mtl.claim(f"{table}: the suggested λ has more error than one chosen on validation",
                     [row[2] for row in rows], [row[3] for row in rows], overlap=sizes(rows[0][0]), by="split")


exam_fresh = fresh("exam")
search = no_search("exam", exam_fresh)
print(search)

# %% [markdown]
# Where you see *undecided*, we cannot tell them apart, and the interval says how large a difference could have been missed.
#
# And the question lesson 00 left with you, the new school with **four pupils**, with the k suggested by
# forty pupils a school:

# %%
k = np.median(suggested[40])
print(f"Its own four pupils should decide ≈ {4 / (4 + k):.0%} of its answer, the other schools ≈ {k / (4 + k):.0%}.")

# %% [markdown]
# ## 4 · Would you bet on this k?
#
# London, 1980s, exams at 16: one table. Here is another: 7,185 pupils in 160 American high schools, 1982. The score is in
# mathematics, and what we predict it from is the socio-economic status of the family. Both are standardised, as the exam
# scores are, so a borrowed pupil means the same. Before you run it: should k be the same number? Should k be the same
# for all $n$?

# %%
mathachieve = measure("mathachieve")

# %%
beside(suggestions("mathachieve"), mathachieve)

# %%
mtl.show.along(tidy(mathachieve), "k", "error", line="pupils a school", x_label="borrowed pupils k = n λ'",
               label="mean squared error", title="American schools: errors against borrowed pupils")

# %%
math_fresh = fresh("mathachieve")
claims = [carried, carry("mathachieve", mathachieve), search, no_search("mathachieve", math_fresh)]
print(claims[1], claims[3], sep="\n")
mtl.show.paired(claims)

# %% [markdown]
# There is no one k for all schools. Other schools, another $\sigma^2/\tau^2$, another k. What carries over is the *rule*, and how well it
# carries over you can read off: do the four intervals have a range in common, and do the first two claims hold? Look at
# the order of the four ks with the least error as well. If they fall as $n$ grows, there are two suspects. Small schools are
# left out at a large $n$ (only schools with at least $n + 5$ pupils take part), so these are other schools. And the model
# that makes k one number is only a model; the next section looks at one of its assumptions, the same $\tau^2$ for intercept
# and slope.
#
# ## 5 · What one λ cannot see
#
# A school has an intercept (how good are its average pupils?) and a slope (how much does intake matter there?). λ pulls at both
# alike. Do they differ alike? Estimate a $\tau^2$ for each, from training pupils alone:

# %%
def two_numbers(drawn):
    """σ² / τ² of the intercept and of the slope; a million where schools differ by luck alone."""
    found = mtl.closed_form.components(drawn)
    return [min(found.noise / max(float(one), 1e-9), 1e6) for one in found.between]


def in_words(k):
    return f"k ≈ {k:.0f}" if k < 1e3 else "no limit (all schools share one)"


ks = {table: [two_numbers(row[0]) for row in tqdm(rows, desc=table, unit="split")]
      for table, rows in (("exam", exam_fresh), ("mathachieve", math_fresh))}
for table, pairs in ks.items():
    intercept, slope = np.median(pairs, axis=0)
    print(f"{table}, median over splits: intercept {in_words(intercept)}, slope {in_words(slope)}")

# %% [markdown]
# Where the two numbers are far apart, one λ is a compromise between them. There is a trick to give each its own: **the
# unit of an input is a hidden λ.** Multiply the intake by $s < 1$. To predict the same, its slope must be $1/s$ times as
# large, so the penalty on it is $1/s^2$ times as large, and it borrows $k/s^2$ pupils. With
# $s = \sqrt{k_\text{intercept} / k_\text{slope}}$ both get what they ask for.

# %%
def stretched(drawn, s):
    """The same world with its second input, the intake, multiplied by s."""
    unit = torch.tensor([1.0, s], dtype=torch.float64)

    def of(part):
        return mtl.data.Split({name: x * unit for name, x in part.x.items()}, part.labels)

    return replace(drawn, train=of(drawn.train), validation=of(drawn.validation), test=of(drawn.test))


def two_beat_one(table, rows, pairs):
    errors = []
    for (drawn, *_), (intercept, slope) in zip(rows, pairs, strict=True):
        other = stretched(drawn, (intercept / slope) ** 0.5)
        theta = mtl.closed_form.solve(other, intercept / (drawn.dial["n"] * len(drawn.tasks)))
        errors.append(float(mtl.closed_form.errors(other, theta).mean()))
    return mtl.claim(f"{table}: a λ each for intercept and slope has less error than one λ for both",
                     errors, [row[2] for row in rows], "less", overlap=sizes(rows[0][0]), by="split")


two = [
    two_beat_one("exam", exam_fresh, ks["exam"]),
    two_beat_one("mathachieve", math_fresh, ks["mathachieve"]),
]
print(*two, sep="\n")
mtl.show.paired(two)

# %% [markdown]
# Remember this for networks: a network has thousands of weights, in layers that may differ between tasks as much as an
# intercept and a slope do. Lesson 04 gives each layer its own λ.
#
# ## 6 · Alike in direction, not in value
#
# There is a blindness that no choice of λ cures. The pull draws every $\theta_t$ towards *one* mean. What if tasks have
# much in common, but not that?
#
# In the world `planted` there are $T = 8$ tasks with $d = 10$ inputs and $n = 15$ noisy examples each. Only *two* directions
# among the ten matter, the same two for all tasks, but each task uses them in its own way, often with opposite signs:
#
# $$\theta_t = U a_t, \qquad U \in \mathbb{R}^{10 \times 2} .$$
#
# What suits such tasks is the shared trunk of lesson 02, in its plainest form: no nonlinearity, $r$ features (the *width*)
# and a head for each task,
#
# $$h = W x, \qquad \hat y_t = a_t^\top h = (W^\top a_t)^\top x, \qquad W \in \mathbb{R}^{r \times 10} .$$

# %%
room = mtl.predict(
    "A wider trunk (more features r for all tasks to use) makes the tasks share …",
    ["more", "less", "the same"],
    key="03/room",
)
room

# %% [markdown]
# Ten seeds; each draws new tasks. The error is measured against the noise-free truth. λ of soft sharing is chosen on
# validation, for each seed on its own.

# %%
WIDTHS = (1, 2, 4, 8, 16)
plans = [mtl.data.planted(T=8, d=10, rank=2, n=15, seed=seed) for seed in range(10)]
lams = [0, *np.geomspace(1e-3, 10, 17), np.inf]


def error(plan, theta, part="test"):
    return float(mtl.closed_form.errors(plan, theta, part).mean())


alone = [mtl.closed_form.solve(plan, 0.0) for plan in plans]
soft = [mtl.closed_form.solve(plan, mtl.closed_form.best_lambda(plan, lams)) for plan in plans]
trunks = [[mtl.trace_norm.factored(plan, width) for width in WIDTHS] for plan in tqdm(plans, unit="seed")]

levels = {"alone": np.mean([error(*pair) for pair in zip(plans, alone, strict=True)]),
          "soft sharing": np.mean([error(*pair) for pair in zip(plans, soft, strict=True)])}
rows = [
    {"width": str(width), "seed": seed, "error": error(plans[seed], theta), "model": "one trunk"}
    for seed, thetas in enumerate(trunks) for width, theta in zip(WIDTHS, thetas, strict=True)
]
mtl.show.along(pd.DataFrame(rows), "width", "error", line="model", x_label="width r of the trunk",
               label="error against the truth", levels=levels)

# %%
def apart(thetas, width):
    """How far the trunk's tasks are from tasks alone, as a share of their size, over the seeds."""
    at = WIDTHS.index(width)
    pairs = zip(thetas, alone, strict=True)
    return np.mean([float((theta[at] - own).norm() / own.norm()) for theta, own in pairs])


distance = {width: apart(trunks, width) for width in WIDTHS}
change = distance[16] / distance[2]  # nearer to tasks alone is sharing less
room.reveal("less" if change < 0.9 else "more" if change > 1.1 else "the same")
for width in (8, 16):
    print(f"A trunk of width {width} and eight tasks alone:",
          "the same model" if distance[width] < 1e-5 else "DIFFERENT models")

# %% [markdown]
# A trunk that is too narrow cannot serve all tasks; one with room for every task lets each build a corner of its own and
# **shares nothing**, although every weight of $W$ is called shared. Sharing is a constraint (lesson 02), and a constraint
# must bind. (This is Wu, Zhang & Ré 2020; real trunks have nonlinearities and are trained for a limited time, so there it
# is less sharp.)
#
# ### Exercise 3 · Too much room  (difficulty ●●○, importance ●●○, 4 minutes)
#
# Now $T = 12$ tasks with $d = 5$ inputs. Which of the widths 1, 2, 4, 5, 8, 12, 20 share nothing? (The matrix of all
# $\theta_t$ has $T$ rows and $d$ columns. Which matrices can a trunk of width $r$ not make?)

# %%
shares_nothing = {...}

checks.shares_nothing(shares_nothing)

# %% [markdown]
# <details><summary>Solution</summary>
#
# `{5, 8, 12, 20}`. With the heads as rows of $A$ (12 × r), all tasks together are $\Theta = AW$, a product of rank at most
# $r$. Every 12 × 5 matrix has rank 5 or less, so from $r = \min(T, d) = 5$ on, $AW$ can be *any* matrix, also the one of
# twelve tasks alone.
#
# </details>
#
# ### Weight decay repairs it
#
# Who knows the right width beforehand? Take a wide trunk and add **weight decay** κ, a small price on all weights:
#
# $$\min_{W, A}\; \sum_t L_t + \tfrac{\kappa}{2} \bigl( \lVert W \rVert^2 + \lVert A \rVert^2 \bigr), \qquad \Theta = A W .$$
#
# It looks as if this only shrank everything. But look at one direction, one number $\theta = aw$: the cheapest $a$ and $w$ with
# this product are of equal size, and cost $\tfrac12 (a^2 + w^2) = |\theta|$. **Squares on two layers are an absolute value on
# their product**, and absolute values make things exactly 0 (as in the lasso). For matrices, with singular values $s_j$, the
# strengths of the directions in Θ,
#
# $$\min_{AW = \Theta} \tfrac12 \bigl( \lVert W \rVert^2 + \lVert A \rVert^2 \bigr) = \sum_j s_j(\Theta)
# = \lVert \Theta \rVert_* .$$
#
# (*It can be had*: split $\Theta = P S Q^\top$ evenly, $A = P S^{1/2}$, $W = S^{1/2} Q^\top$. *Not for less*:
# $\lVert AW \rVert_* \le \lVert A \rVert\,\lVert W \rVert \le \tfrac12(\lVert A \rVert^2 + \lVert W \rVert^2)$.) This sum is
# the **trace norm**. It prices the *strength of the directions* that the tasks use, not how far the tasks are apart, and it can
# bring weak ones to exactly 0. With squared errors, $\sum_t L_t + \kappa \lVert \Theta \rVert_*$ is convex in $\Theta$: there is
# no width to choose, and the starting weights do not matter. Is it really the same?

# %%
kappa = 0.5
pairs = [(mtl.trace_norm.factored(plan, 10, decay=kappa), mtl.trace_norm.solve(plan, kappa, common=False))
         for plan in plans[:2]]
same = all(torch.allclose(trunk, norm, atol=1e-5) for trunk, norm in pairs)
print("A trunk of width 10 with weight decay, and the trace norm:", "the same model" if same else "DIFFERENT models")

# %% [markdown]
# So take the trace norm for the wide trunk, and choose κ on validation as λ was. Against it: soft sharing, and the trunk
# whose width was chosen on validation.

# %%
def trace(plan, kappas):
    return mtl.trace_norm.solve(plan, kappas, common=False)


kappas = list(np.geomspace(0.03, 10, 13))
decayed = [trace(plan, mtl.closed_form.best_lambda(plan, kappas, by=trace)) for plan in tqdm(plans, unit="seed")]
chosen = [
    thetas[int(np.argmin([error(plan, theta, "validation") for theta in thetas]))]
    for plan, thetas in zip(plans, trunks, strict=True)
]


def less(text, thetas, others):
    """Claim that ``thetas`` have less error than ``others``, seed by seed."""
    a, b = ([error(*pair) for pair in zip(plans, each, strict=True)] for each in (thetas, others))
    return mtl.claim(text, a, b, "less", by="seed")


directions = [
    less("soft sharing has less error than tasks alone", soft, alone),
    less("a wide trunk with weight decay has less error than soft sharing", decayed, soft),
    less("a trunk of chosen width has less error than soft sharing", chosen, soft),
    less("weight decay has less error than a chosen width", decayed, chosen),
]
print(*directions, sep="\n")
mtl.show.paired(directions)

# %% [markdown]
# Where the first claim is *supported*, the pull helped although it is blind to directions: the mean of such tasks is near 0, and
# a pull towards 0 damps noise. It cannot tell noise from what matters. Compare the strengths $s_j$ of the directions that
# each model has found.

# %%
truth = [plan.theta for plan in plans]
models = {"truth": truth, "alone": alone, "soft sharing": soft, "weight decay": decayed}
for name, thetas in models.items():
    used = [int(mtl.trace_norm.rank(theta, tolerance=1e-3, common=False)) for theta in thetas]
    print(f"{name}: from ≈ {min(used)} to ≈ {max(used)} directions, over the seeds")

rows = [
    {"direction": str(j + 1), "seed": seed, "model": name, "strength": round(float(strength), 3)}
    for name, thetas in models.items() for seed, theta in enumerate(thetas)
    for j, strength in enumerate(torch.linalg.svdvals(theta))
]
mtl.show.along(pd.DataFrame(rows), "direction", "strength", line="model", x_label="direction, strongest first",
               label="strength", title="The directions that each model uses")

# %% [markdown]
# The truth has two directions; alone, noise fills the others, too. Soft sharing damps all directions and makes none of them 0.
# Weight decay takes the same amount from each, which the weakest do not survive. On the two that matter compare the curves:
# the difference between the models may lie in the rest. It need not *find* the rank; it makes weak directions disappear.
#
# ## What we saw
#
# - λ counts: with λ' = λT, a school of n pupils borrows $k = n\lambda'$ pupils who lie on everyone's line.
# - $k = \sigma^2/\tau^2$: how noisy over how different. There is no n in it, it differs from table to table, and the training
#   data suggest it. The intervals and verdicts above say how nearly that holds for real schools.
# - One λ is a compromise where some coefficients differ more between tasks than others; units hide λs.
# - A pull to the mean sees *values*. A narrow trunk, or a wide one with weight decay, sees *directions*. A trunk with room for
#   all tasks and no decay shares nothing.
#
# **Which model would you now choose** for forty hospitals of very different size that ask one question? And for eight sensors
# which react to the same two causes, some with opposite sign?
#
# *Read on:* Efron & Morris 1977, "Stein's paradox in statistics", Scientific American (partial pooling, told with baseball) ·
# Gelman & Hill 2007, "Data analysis using regression and multilevel/hierarchical models" · Bryk & Raudenbush 1992,
# "Hierarchical linear models" (the American schools) · Evgeniou & Pontil 2004, "Regularized multi-task learning" · Argyriou,
# Evgeniou & Pontil 2008, "Convex multi-task feature learning" · Wu, Zhang & Ré 2020, "Understanding and improving
# information transfer in multi-task learning".
#
# **Next:** 04 · Soft sharing in networks: the same pull where nothing can be solved on paper.
