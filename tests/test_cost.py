"""What sharing costs is measured for every model, and measuring changes none."""

import torch

import mtl_lesson as mtl


def test_every_model_is_timed_and_none_is_changed():
    world = mtl.data.questions(n_train=16, n_validation=4, n_test=16)
    models = {way.__name__: way(world.tasks, mtl.nets.conv(2)) for way in (mtl.Separate, mtl.Hard)}
    before = {name: [p.clone() for p in model.parameters()] for name, model in models.items()}
    table = mtl.inspection.cost(models, world, batch_size=4, pictures=8)
    assert list(table.columns) == ["way", "what", "milliseconds"]
    assert set(table.what) == {"train on 4", "answer 8"}
    assert (table.milliseconds > 0).all()
    for name, model in models.items():
        assert all(torch.equal(p, q) for p, q in zip(before[name], model.parameters(), strict=True))
