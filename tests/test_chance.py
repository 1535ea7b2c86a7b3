"""A seed decides everything that is drawn, in any thread, and nobody else's generator is touched."""

import concurrent.futures
import random

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import mtl_lesson as mtl
from mtl_lesson.chance import Drawn, drawn, generator
from mtl_lesson.data import Split, World

TASKS = (mtl.Binary("ana"), mtl.Binary("bo"))


def world(n=24, own=False, seed=0):
    draw = torch.Generator().manual_seed(seed)
    x = {task.name: torch.randn(n, 4, generator=draw) for task in TASKS}
    labels = {name: (value[:, 0] > 0).long() for name, value in x.items()}
    split = Split(x if own else x["ana"], labels)
    return World("tiny", TASKS, split, split, split)


class Noisy(nn.Module):
    """Draws in a way of its own, in training and in use."""

    def forward(self, x):
        return x + 0.1 * torch.randn_like(x) * torch.rand(()) + torch.empty_like(x).exponential_()


class Attention(nn.Module):
    """Weights drawn by a method that PyTorch's own layers call otherwise than the rest, and dropout inside."""

    def __init__(self):
        super().__init__()
        self.inside = nn.MultiheadAttention(6, 2, dropout=0.3, batch_first=True)

    def forward(self, x):
        return self.inside(x[:, None], x[:, None], x[:, None], need_weights=False)[0][:, 0]


class Memory(nn.Module):
    """A recurrent layer over the features, with dropout between its layers."""

    def __init__(self):
        super().__init__()
        self.inside = nn.GRU(1, 6, 2, dropout=0.3, batch_first=True)

    def forward(self, x):
        return self.inside(x[..., None])[0][:, -1]


class Own(nn.Module):
    """A learner's own weights: drawn by a method, and some that are set."""

    def __init__(self):
        super().__init__()
        self.weight, self.scale, self.shift = (nn.Parameter(torch.zeros(6)) for _ in range(3))
        self.reset_parameters()

    def reset_parameters(self):
        nn.init.normal_(self.weight)

    def forward(self, x):
        return x * self.weight + self.shift


LAYERS = {
    "dropout": nn.Dropout,
    "alpha dropout": nn.AlphaDropout,
    "random slope": nn.RReLU,
    "noise": Noisy,
    "attention": Attention,
    "recurrent": Memory,
    "own weights": Own,
}


def trunk(layer):
    return nn.Sequential(nn.Linear(4, 6), layer(), nn.Linear(6, 5))


def weights(model):
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def sweep(way, layer, seeds, **axes):
    return mtl.sweep(
        way,
        world(),
        trunk=trunk(layer),
        seeds=seeds,
        epochs=3,
        batch_size=8,
        progress=False,
        **({"precision": "float64"} | axes),
    )


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
@pytest.mark.parametrize("way", [mtl.Hard, mtl.Separate, mtl.SharedPrivate])
def test_a_seed_decides_what_is_drawn_whoever_stands_beside_it(layer, way):
    once, again, other = (
        mtl.fit(
            way(TASKS, trunk(layer)), world(), seed=seed, epochs=3, batch_size=8, progress=False, precision="float64"
        )
        for seed in (3, 3, 4)
    )
    assert torch.equal(weights(once.model), weights(again.model))
    assert once.history.equals(again.history)
    assert once.test() == once.test()
    assert not torch.allclose(weights(once.model), weights(other.model))
    among = sweep(way, layer, [1, 3, 2])
    torch.testing.assert_close(weights(among.run(seed=3).model), weights(once.model), rtol=0, atol=1e-8)


@pytest.mark.parametrize("layer", [layer for layer in LAYERS.values() if layer not in (Own,)])
def test_each_copy_draws_for_itself(layer):
    """Two copies of one seed draw alike, those of two seeds do not, whatever their weights."""
    model = mtl.Hard(TASKS, nn.Sequential(layer()), features=6, seeds=(1, 1, 2)).train()
    with torch.no_grad():
        for parameter in model.trunk.parameters():
            parameter.fill_(0.1)
        h = model.features(torch.linspace(-1, 1, 384).view(64, 6))["ana"]
    assert torch.equal(h[0], h[1])
    assert not torch.allclose(h[0], h[2])


def test_each_step_is_drawn_anew():
    model = mtl.Hard(TASKS, nn.Sequential(nn.Dropout()), features=6).train()
    x = torch.ones(64, 6)
    assert not torch.equal(model.features(x)["ana"], model.features(x)["ana"])
    model.eval()
    assert torch.equal(model.features(x)["ana"], x)


def test_models_drawn_in_two_threads_are_their_seeds():
    layers = nn.Sequential(nn.Linear(4, 6), Attention(), nn.Dropout(), nn.Linear(6, 5))
    alone = [weights(mtl.Hard(TASKS, layers, seeds=(seed,))) for seed in range(40)]
    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        models = threads.map(lambda seed: weights(mtl.Hard(TASKS, layers, seeds=(seed % 40,))), range(160))
        assert all(torch.equal(found, alone[number % 40]) for number, found in enumerate(models))


def numpy_state():
    return str(np.random.get_state())  # noqa: NPY002 (the old generator is what a learner may have seeded)


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
def test_nobody_elses_generator_is_touched(layer):
    given = trunk(layer)
    torch.manual_seed(5)
    before = torch.get_rng_state(), random.getstate(), numpy_state()
    run = mtl.fit(mtl.Separate(TASKS, given), world(), epochs=2, batch_size=8, progress=False)
    run.test(), mtl.inspection.features(run, world().test.x), run.model.copy(0)
    mtl.sweep(
        mtl.Hard,
        world(),
        trunk=lambda width=6: nn.Sequential(nn.Linear(4, width)),
        width=[2, 3],
        seeds=[0],
        epochs=1,
        progress=False,
    )
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (random.getstate(), numpy_state()) == before[1:]


def test_what_cannot_be_drawn_anew_is_refused_by_name():
    class Given(nn.Module):
        def __init__(self, values):
            super().__init__()
            self.queries = nn.Parameter(values)

        def forward(self, x):
            return x + self.queries

    block = nn.Sequential(nn.Linear(4, 6), nn.Sequential(Given(torch.randn(6))))
    with pytest.raises(ValueError, match=r"0\.queries cannot be drawn .* Given a method reset_parameters"):
        mtl.Hard(TASKS, block, features=6)
    for values in (torch.zeros(6), torch.full((6,), 0.1), torch.ones(())):
        mtl.Hard(TASKS, nn.Sequential(nn.Linear(4, 6), Given(values)), features=6)
    with pytest.raises(ValueError, match="original0"):
        drawn(nn.utils.parametrizations.weight_norm(nn.Linear(2, 2)), 0)


def test_weights_are_those_that_pytorch_draws():
    """The same rule as a layer that is made after manual_seed, so that a model can be compared with a plain one."""
    linear, embedding = (lambda: nn.Linear(3, 4)), (lambda: nn.Embedding(3, 4))
    for make in (linear, lambda: nn.Conv2d(3, 4, 3), lambda: nn.LSTM(3, 4), embedding):
        with torch.random.fork_rng():
            torch.manual_seed(generator(7, "layer").initial_seed())
            plain = make()
        assert torch.equal(weights(drawn(make(), 7, "layer")), weights(plain))


DRAWS = {
    "dropout": F.dropout,
    "feature dropout": lambda x: F.dropout1d(x[None]),
    "rand": lambda x: torch.rand(9),
    "native dropout": lambda x: torch.native_dropout(x, 0.5, True)[0],
    "randint": lambda x: torch.randint(99, (9,)),
    "randn like": torch.randn_like,
    "randperm": lambda x: torch.randperm(50),
    "gumbel": F.gumbel_softmax,
    "normal": lambda x: torch.normal(x, 1.0),
    "bernoulli": lambda x: torch.bernoulli(x.sigmoid()),
    "multinomial": lambda x: torch.multinomial(x.sigmoid(), 5),
    "randint like": lambda x: torch.randint_like(x, 99),
    "distribution": lambda x: torch.distributions.Gamma(1.0, 1.0).sample((9,)),
    "pooling": lambda x: F.fractional_max_pool2d(x.repeat(4, 2)[None, None], 2, output_size=(5, 5)),
    "random from": lambda x: x.random_(2, 99),
    "attention": lambda x: F.scaled_dot_product_attention(*[x[None, None]] * 3, dropout_p=0.5),
}


@pytest.mark.parametrize("act", DRAWS.values(), ids=DRAWS)
def test_whatever_draws_is_drawn_from_the_generator(act):
    x, before = torch.linspace(-1, 1, 60).view(6, 10), torch.get_rng_state()

    def once(seed):
        with Drawn(generator(seed)):
            return act(x.clone())

    results = [once(seed) for seed in (1, 1, *range(2, 9))]
    assert torch.equal(results[0], results[1])
    assert any(not torch.equal(results[0], other) for other in results[2:])
    assert torch.equal(torch.get_rng_state(), before)


def test_a_generator_of_ones_own_is_left_to_its_owner():
    mine = torch.Generator().manual_seed(1)
    with Drawn(generator(0)):
        found = torch.rand(3, generator=mine)
    assert torch.equal(found, torch.rand(3, generator=torch.Generator().manual_seed(1)))


def test_dropout_of_a_gpu_is_dropout():
    """What a GPU takes for dropout, here on the CPU: the share, the scale and the gradient."""
    x = torch.ones(20_000, requires_grad=True)
    with Drawn(generator(0)):
        y, mask = torch.native_dropout(x, 0.3, True)
        assert torch.equal(torch.native_dropout(x, 0.3, False)[0], x)
    y.sum().backward()
    assert mask.float().mean().item() == pytest.approx(0.7, abs=0.02)
    assert torch.equal(y.detach() > 0, mask)
    torch.testing.assert_close(x.grad, mask / 0.7)
    with Drawn(generator(0)):
        assert not torch.native_dropout(x, 1.0, True)[0].any()
