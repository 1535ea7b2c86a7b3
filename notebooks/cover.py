"""Draw ``cover.png``, the picture of the README: a few pictures and a freshly trained network's answers to them."""

from pathlib import Path

import mtl_lesson as mtl

world = mtl.data.questions(n_train=4096, seed=0)
run = mtl.fit(mtl.Hard(world.tasks, trunk=mtl.nets.conv(width=8)), world, epochs=12, seed=0)
x, labels = world.test.x[:4], {name: y[:4] for name, y in world.test.labels.items()}
drawing = mtl.show.answers(x, world.tasks, run.model(x), labels)
drawing.save(Path(__file__).with_name("cover.png"), dpi=110)
print(drawing.alt)
