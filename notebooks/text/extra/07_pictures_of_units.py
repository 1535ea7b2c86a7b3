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
# # 07, extra · Pictures of units, and heat maps
#
# Where in a picture an answer comes from, and what single units look for, each beside a network that was never trained.
# *20 minutes; half a minute of computing. After lesson 07.*

# %%
import mtl_lesson as mtl
from mtl_lesson import inspection

world = mtl.data.questions(n_train=1000, seed=0)
trunk = mtl.nets.conv(width=8)
x, labels = world.test.x, world.test.labels
shared = mtl.fit(mtl.Hard(world.tasks, trunk), world, epochs=15, seed=0)

# %% [markdown]
# ## 1 · Same picture, several questions
#
# Where in a picture does an answer come from? The answer $f$ is the logit of the class that the network chose. **Integrated
# gradients** follow its gradient from a black picture $x_0$ to the picture $x$ and hand every pixel its part; the parts sum to
# $f(x) - f(x_0)$ (Sundararajan, Taly & Yan 2017). Blue pixels speak for the answer, orange ones against it; in the third row
# blue is where garment's map is the higher. (The maps show roots, so that weak places are seen.) Both heads read the *same*
# features of the shared trunk. The lower half is the same for a network that was never trained.

# %%
chosen = [int((labels["garment"] == kind).nonzero()[0]) for kind in (0, 1, 5, 7, 8, 9)]
names = world.task("garment").classes
untrained = mtl.Hard(world.tasks, trunk, seeds=(0,))
maps = {}
for title, model in {"one trunk, trained": shared, "never trained": untrained}.items():
    found = inspection.attribution(model, x[chosen], "predicted")
    maps[title] = {task: found[task] for task in ("garment", "colour")}
mtl.show.attributions(x[chosen], maps, captions=[names[int(labels["garment"][i])] for i in chosen])

# %% [markdown]
# **Occlusion** asks the same without a gradient: how much does an answer fall if a small black square hides this place?

# %%
maps = {}
for title, model in {"one trunk, trained": shared, "never trained": untrained}.items():
    found = inspection.attribution(model, x[chosen], "predicted", method="occlusion")
    maps[title] = {task: found[task] for task in ("garment", "colour")}
mtl.show.attributions(x[chosen], maps, captions=[names[int(labels["garment"][i])] for i in chosen])

# %% [markdown]
# Two methods, one question: where their maps disagree, believe neither. Before you tell a story about the upper half, look at the
# lower one. A network with random weights also "looks at the garment" and leaves the background out: the way from a black picture
# to this one changes nothing where this one is black, so no network could do otherwise. A map without such a floor says
# little about what was *learned* (Adebayo et al. 2018).
#
# ## 2 · Units, drawn
#
# Small networks can be looked at whole. The eight filters of the first convolution, their response to the T-shirt above, and
# the test pictures that excite each most: of a trunk that was never trained, of the shared one, and of two networks that
# learned alone.

# %%
apart = mtl.fit(mtl.Separate(world.tasks, trunk), world, epochs=15, seed=0)
networks = {
    "never trained": (untrained, "garment"), "one trunk for all": (shared, "garment"),
    "garment alone": (apart, "garment"), "colour alone": (apart, "colour"),
}
top, filters, maps = {}, {}, {}
for title, (model, task) in networks.items():
    top[title] = inspection.top_pictures(model, x, "relu1", 3)[task]
    filters[title] = inspection.filters(model)[task]
    maps[title] = inspection.features(model, x[chosen[:1]], "relu1")[task][0]
kinds = [names[int(kind)] for kind in labels["garment"]]
mtl.show.units(x, top, filters, maps=maps, labels=kinds)

# %% [markdown]
# All started from the weights on the left, so row by row you see what training did to *one* filter. Mid-grey is a weight of 0,
# each filter to its own scale; a filter without hue sees light and dark only. A picture counts by the place where it excites
# the filter most. Which filters still tell colours apart? The units of the last layer have no filter one could look at. What
# they want is seen in their pictures:

# %%
responses = inspection.responses(apart, x, "relu3")
deep = inspection.top_pictures(apart, x, "relu3", 6)
silent = {task: h.amax(0) <= 0 for task, h in responses.items()}
mtl.show.units(x, {task: deep[task] for task in ("garment", "colour")}, silent=silent, most=10, labels=kinds,
               title="Units 0 to 9 of the last layer, networks apart")
