"""Attribution: integrated gradients add up, what a network ignores gets nothing, and each task has its own map."""

import pytest
import torch
from every_way import TASKS, WAYS, moved
from torch import nn

import mtl_lesson as mtl
from mtl_lesson.inspection import attribution

X = torch.rand(5, 3, 12, 12, generator=torch.Generator().manual_seed(0))


def made(way):
    """A model whose tasks' weights differ, as after training."""
    trunk = nn.Sequential()
    layers = {
        "conv1": nn.Conv2d(3, 4, 3),
        "pool1": nn.MaxPool2d(2),
        "relu1": nn.ReLU(),
        "flatten": nn.Flatten(),
        "linear": nn.Linear(100, 10),
        "relu2": nn.ReLU(),
    }
    for name, layer in layers.items():
        trunk.add_module(name, layer)
    return moved(WAYS[way](trunk), 0.2)


def outputs(model, x):
    """Task → its answers by its plain network."""
    with torch.no_grad():
        return {task.name: model.plain(task.name)(x[task.name] if isinstance(x, dict) else x) for task in model.tasks}


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("way", WAYS)
def test_integrated_gradients_sum_to_the_difference_from_black(way, own):
    model = made(way)
    x = {task.name: X.roll(number, 0) for number, task in enumerate(model.tasks)} if own else X
    black = {name: torch.zeros_like(one) for name, one in x.items()} if own else torch.zeros_like(X)
    maps = attribution(model, x, "predicted")
    there, nothing = outputs(model, x), outputs(model, black)
    assert list(maps) == [task.name for task in model.tasks]
    for name, one in maps.items():
        assert one.shape == (5, 12, 12)
        chosen = there[name].argmax(1, keepdim=True)
        change = (there[name] - nothing[name]).gather(1, chosen)[:, 0]
        torch.testing.assert_close(one.sum((1, 2)), change, rtol=0, atol=0.02 * change.abs().max().item())


def test_the_answers_of_a_linear_network_are_attributed_exactly():
    """f(x) = w·x + b: a pixel's part is w_p x_p, and covering a square takes away the sum over it."""
    model = mtl.Separate(TASKS, nn.Sequential(nn.Flatten(), nn.Linear(3 * 144, 6)))
    target = {"kind": torch.tensor([0, 1, 2, 1, 0])}
    slopes = {}
    for task in TASKS:
        network = model.plain(task.name)
        W = network[-1].weight @ network[1].weight
        slopes[task.name] = (W[target["kind"]] if task.name == "kind" else W).detach().view(-1, 3, 12, 12)
    for name, one in attribution(model, X, target).items():
        torch.testing.assert_close(one, (slopes[name] * X).sum(1), atol=1e-5, rtol=0)
    for name, one in attribution(model, X, target, "occlusion").items():
        # The corner pixel lies in one square, that of the corner.
        torch.testing.assert_close(one[:, 0, 0], (slopes[name] * X)[:, :, :4, :4].sum((1, 2, 3)), atol=1e-5, rtol=0)


def test_what_a_network_ignores_gets_nothing():
    model = made("hard")
    linear, kept = model.trunk["linear"].weight, model.trunk["linear"].weight.detach().clone()
    with torch.no_grad():  # after convolution and pooling, map columns 0 to 2 see picture columns 0 to 7
        linear.view(-1, 10, 4, 5, 5)[..., :3] = 0
    for method, reach in (("integrated gradients", 6), ("occlusion", 4)):
        for one in attribution(model, X, "predicted", method).values():
            assert one[:, :, :reach].abs().max() < 1e-6
            assert one[:, :, 8:].abs().max() > 1e-3
    with torch.no_grad():
        linear.copy_(kept)
    assert attribution(model, X, "predicted", "occlusion")["much"][:, :, :4].abs().max() > 1e-3


def test_occlusion_is_the_mean_drop_over_the_squares_that_cover_a_pixel():
    model = made("separate")
    got = attribution(model, X, "predicted", "occlusion")["much"]
    total, count = torch.zeros(5, 12, 12), torch.zeros(12, 12)
    intact = outputs(model, X)["much"][:, 0]
    for top in range(0, 9, 2):
        for left in range(0, 9, 2):
            covered = X.clone()
            square = (..., slice(top, top + 4), slice(left, left + 4))
            covered[square] = 0
            total[square] += (intact - outputs(model, covered)["much"][:, 0])[:, None, None]
            count[square] += 1
    torch.testing.assert_close(got, total / count, atol=1e-5, rtol=0)


@pytest.mark.parametrize("method", ["integrated gradients", "occlusion"])
def test_a_map_is_a_pictures_own(method):
    """Neither the pictures beside it nor the parts they are computed in change a map."""
    model, many = made("hard"), X.repeat(5, 1, 1, 1)
    for name, one in attribution(model, many, "predicted", method).items():
        alone = attribution(model, X[2:3], "predicted", method)[name]
        torch.testing.assert_close(one[[2, 22]], alone.expand(2, -1, -1), atol=1e-5, rtol=1e-4)


def test_the_target_chooses_the_class_and_predicted_is_the_models():
    model = made("hard")
    predicted = outputs(model, X)["kind"].argmax(1)
    asked = attribution(model, X, {"kind": predicted})
    for name, one in attribution(model, X, "predicted").items():
        torch.testing.assert_close(one, asked[name])
    other = attribution(model, X, {"kind": (predicted + 1) % 3})
    assert not torch.allclose(other["kind"], asked["kind"])
    torch.testing.assert_close(other["much"], asked["much"])


def test_untrained_networks_runs_and_small_pictures_are_welcome(capfd):
    world = mtl.data.questions(n_train=32, n_validation=16, n_test=16)
    model = mtl.Hard(world.tasks, mtl.nets.conv(2))
    assert attribution(model, world.test.x[:2], "predicted")["colour"].abs().max() > 0
    run = mtl.fit(model, world, epochs=1, progress=False)
    before = {key: value.clone() for key, value in run.model.state_dict().items()}
    labels = {name: y[:2] for name, y in world.test.labels.items()}
    run.model.train()
    assert attribution(run, world.test.x[:2], labels, "occlusion")["way up"].shape == (2, 28, 28)
    assert run.model.training
    assert all(torch.equal(value, before[key]) for key, value in run.model.state_dict().items())
    assert all(parameter.requires_grad for parameter in run.model.parameters())
    tiny = mtl.Hard(TASKS, nn.Sequential(nn.Flatten(), nn.Linear(18, 4)))
    assert attribution(tiny, torch.rand(2, 2, 3, 3), "predicted", "occlusion")["yes"].shape == (2, 3, 3)
    with torch.no_grad():  # gradients may be off around it
        assert attribution(tiny, torch.rand(2, 2, 3, 3), "predicted")["yes"].abs().max() > 0
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("x", "target", "method", "error", "message"),
    [
        (X, "predicted", "gradcam", ValueError, "method must be 'integrated gradients' or 'occlusion', not 'gradcam'"),
        (X, "true", "occlusion", ValueError, "target must be 'predicted', or task"),
        (X, {"yes": torch.zeros(5)}, "occlusion", KeyError, "no target for task 'kind', only for yes"),
        (X, {"kind": torch.full((5,), 3)}, "occlusion", ValueError, "5 class numbers from 0 to 2, got"),
        (X, {"kind": torch.full((5,), -1)}, "occlusion", ValueError, "5 class numbers from 0 to 2, got"),
        (X, {"kind": torch.zeros(4).long()}, "occlusion", ValueError, "5 class numbers from 0 to 2, got"),
        (X, {"kind": torch.zeros(5)}, "occlusion", ValueError, "5 class numbers from 0 to 2, got"),
        (X[0], "predicted", "occlusion", TypeError, r"expected float pictures \(n, channels, height, width\), got"),
        ((X > 0).long(), "predicted", "occlusion", TypeError, "expected float pictures"),
        ({"kind": X}, "predicted", "occlusion", KeyError, "no pictures for task 'yes'"),
        (X * torch.nan, "predicted", "occlusion", ValueError, "task 'kind' hold NaN"),
    ],
)
def test_what_cannot_be_attributed_is_refused(x, target, method, error, message):
    with pytest.raises(error, match=message):
        attribution(made("hard"), x, target, method)
