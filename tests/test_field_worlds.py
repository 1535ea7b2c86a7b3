"""The five worlds of lesson 12 with what the course has for worlds: sweeps, the λ explorer, the microscope, the lab."""

import pytest
from torch import nn

import mtl_lesson as mtl
from mtl_lesson.inspection import by_group

TOKENS = mtl.data.CHARACTERS
FIELDS = {
    "scenes": (lambda: mtl.data.scenes(300, 100, 100), mtl.nets.conv(2)),
    "texts": (
        lambda: mtl.data.texts(600, 200, 200),
        nn.Sequential(mtl.nets.MeanEmbedding(TOKENS, 8), nn.Linear(8, 8), nn.ReLU()),
    ),
    "voices": (lambda: mtl.data.voices(300, 100, 100), mtl.nets.conv(2, channels=1)),
    "patients": (lambda: mtl.data.patients(300, 100, 200), mtl.nets.hidden(4, 10)),
    "loans": (lambda: mtl.data.loans(300, 100, 200), mtl.nets.hidden(4, 53)),
}


@pytest.fixture(scope="module", params=FIELDS)
def swept(request):
    """A world, and Soft on it at three λ. Masks need maps, which this trunk does not return."""
    make, trunk = FIELDS[request.param]
    world = make()
    if request.param == "scenes":
        world = mtl.data.only(world, ["garment", "where"])
    lam = [0, 1.0, float("inf")]
    return world, mtl.sweep(mtl.Soft, world, trunk=trunk, lam=lam, seeds=range(3), epochs=2, test=True, progress=False)


def test_a_sweep_has_every_point_and_each_run_its_groups(swept):
    world, sweep = swept
    judged = sweep.table[sweep.table.split != "train"]
    assert not judged[["loss", "score"]].isna().any().any()
    table = by_group(sweep.run(lam=1.0, seed=0))
    assert set(table.task) == {task.name for task in world.tasks}
    assert table[world.group].nunique() > 3
    assert (table["count"] >= 1).all()


def test_the_explorer_moves_along_the_path(swept):
    explorer = mtl.explore(swept[1], predict=False)
    assert "λ" in explorer.alt
    assert explorer.drawing.figure.axes


def test_the_microscope_looks_at_two_tasks(swept):
    world, sweep = swept
    microscope = mtl.microscope({"soft": sweep.run(lam=1.0, seed=0)}, world)
    assert "soft" in microscope.alt


def test_the_lesion_lab_takes_tasks_whose_loss_it_knows(swept):
    world, sweep = swept
    run = sweep.run(lam=1.0, seed=0)
    if world.name == "scenes":
        with pytest.raises(TypeError, match=r"'where' is a Box.*inspection\.lesion"):
            mtl.lesion_lab(run, world)
    else:
        mtl.lesion_lab(run, world)
