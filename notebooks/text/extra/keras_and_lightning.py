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
# # Extra · Keras and Lightning, as equalities
#
# *12 minutes; computing takes half a minute, most of it Keras being loaded. Before this: lessons 01 and 08.*
#
# This notebook needs two libraries that the course does not: Keras 3, here on top of PyTorch and without TensorFlow, and
# Lightning. In this clone `make tools` installs them; with pip it is `pip install -e '.[tools]'`. The equalities that need nothing
# more are in [Other tools](other_tools.ipynb).

# %%
import logging
import os
import warnings

os.environ["KERAS_BACKEND"] = "torch"  # before Keras is imported
try:
    import keras
    import lightning
except ImportError as error:
    raise ImportError(f"{error.name} is not installed. In this clone: make tools, or pip install -e '.[tools]'") from None

import torch
from keras import layers

import mtl_lesson as mtl
from mtl_lesson.sharing.layouts import for_keras

logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
warnings.filterwarnings("ignore", module="lightning")


def equal(what, one, other, within=1e-5):
    one, other = (torch.as_tensor(values).detach().double() for values in (one, other))
    print(f"{what}: {'equal' if (one - other).abs().max() <= within else 'NOT equal'}, within {within:.0e}")


keras.backend.backend()

# %% [markdown]
# ## Keras: the essay's network
#
# Conv 32, conv 64, linear 128, and a head a task. We train ours for two epochs, so that there is something to carry over.

# %%
world = mtl.data.questions(n_train=256, n_validation=200)
essay = mtl.Hard(world.tasks, mtl.nets.conv(32, features=128))
ours = mtl.fit(essay, world, epochs=2, precision="float32", progress=False).model.eval()

x = keras.Input((28, 28, 3))  # channels come last in Keras
h = layers.MaxPooling2D()(layers.Conv2D(32, 3, padding="same", activation="relu", name="conv1")(x))
h = layers.MaxPooling2D()(layers.Conv2D(64, 3, padding="same", activation="relu", name="conv2")(h))
h = layers.Dense(128, activation="relu", name="linear")(layers.Flatten()(h))
theirs = keras.Model(x, {task.name: layers.Dense(task.outputs, name=task.name)(h) for task in world.tasks})

# %% [markdown]
# The same weights lie in another order: a convolution's $W$ (out, in, height, width) becomes (height, width, in, out), a linear one is
# transposed, and behind `Flatten` the rows change places as well, since PyTorch takes maps channel by channel and Keras place by
# place. Forget the last and everything still runs, with other answers.

# %%
for task in world.tasks:
    plain = ours.plain(task.name)
    for name, maps in (("conv1", None), ("conv2", None), ("linear", (64, 7, 7))):
        theirs.get_layer(name).set_weights(for_keras(getattr(plain, name), maps))
    theirs.get_layer(task.name).set_weights(for_keras(plain.head))

pictures, labels = world.validation.x, world.validation.labels
last = pictures.permute(0, 2, 3, 1)
answers, same = ours(pictures), theirs(last)
for task in world.tasks:
    equal(f"{task.name}, the answers", answers[task.name], same[task.name])

theirs.get_layer("linear").set_weights(for_keras(plain.linear))
equal("garment, with the rows of linear left as they were", answers["garment"], theirs(last)["garment"])
theirs.get_layer("linear").set_weights(for_keras(plain.linear, (64, 7, 7)))

# %% [markdown]
# **`loss_weights` are lesson 08's fixed weights**, $L = \sum_t w_t L_t$:

# %%
weights = {"garment": 2.0, "colour": 0.5, "way up": 1.0}
cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
theirs.compile(loss=dict.fromkeys(weights, cross_entropy), loss_weights=weights)
rows = {name: y.numpy() for name, y in labels.items()}
told = theirs.evaluate(last.numpy(), rows, batch_size=len(last), return_dict=True, verbose=0)
losses = [task.loss(answers[task.name][None], labels[task.name][None]) for task in world.tasks]
losses = torch.stack(losses, 1)
for task, loss in zip(world.tasks, losses[0], strict=True):
    equal(f"{task.name}, the loss", told[f"{task.name}_loss"], loss)
equal("loss_weights, and mtl.weighting.Fixed", told["loss"], mtl.weighting.Fixed(weights).start(ours)(losses))

# %% [markdown]
# A missing label is the one thing to mind: Keras has no −1. Give such an example `sample_weight` 0 for that output, and note that
# Keras then divides by all examples, where $L_t$ divides by those that have a label.
#
# ## Lightning: one of our models in its loop
#
# A model of the course is an `nn.Module`, a task knows its loss, and the exact step on the penalty is one line more.

# %%
class Ours(lightning.LightningModule):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def training_step(self, batch, _):
        x, labels = batch
        answers = self.model(x)
        return sum(task.loss(answers[task.name][None], labels[task.name][None]).sum() for task in self.model.tasks)

    def on_train_batch_end(self, *_):
        self.model.pull(self.optimizers().optimizer)  # nothing for Hard; λ for Soft

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.05)


def fit_in_lightning(model, world, epochs):
    """Train a model on all of a small world at once; returns it."""
    batches = torch.utils.data.DataLoader([(world.train.x, world.train.labels)], batch_size=None)
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = lightning.Trainer(max_epochs=epochs, accelerator="cpu", **quiet)
    trainer.fit(Ours(model), batches)
    return model.eval()

# %% [markdown]
# Ten steps on all 64 pictures at once, from the same first weights, λ = 1 for Soft: the same networks.

# %%
small, trunk = mtl.data.questions(n_train=64, n_validation=64), mtl.nets.conv(4)
settings = {"epochs": 10, "batch_size": 64, "lr": 0.05, "optimiser": "sgd", "precision": "float32", "progress": False}
for name, model in {"Hard": mtl.Hard(small.tasks, trunk), "Soft": mtl.Soft(small.tasks, trunk, lam=1.0)}.items():
    by_fit = mtl.fit(model, small, **settings).model.eval()(small.test.x)
    by_lightning = fit_in_lightning(model.like(seeds=(0,)), small, epochs=10)(small.test.x)
    for task in small.tasks:
        equal(f"{name}, {task.name}: mtl.fit and Lightning", by_fit[task.name], by_lightning[task.name])

# %% [markdown]
# The `Trainer` of Hugging Face takes the same two lines in a subclass's `compute_loss`; it is not run here, since it brings two large libraries
# along. What neither has is many copies at once: a λ path of 25 models is one `mtl.sweep` here, and 25 fits there.
#
# ## What we saw
#
# - With weights in the right order Keras gives the same answers, and `loss_weights` are fixed weights.
# - A loop is a loop: what a model shares is in the model, and goes with it.
#
# *Read on:* [keras.io, the functional API](https://keras.io/guides/functional_api/) ·
# [lightning.ai, LightningModule](https://lightning.ai/docs/pytorch/stable/common/lightning_module.html).
