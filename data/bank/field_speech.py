"""Speech: what kind of prompt a new voice speaks, and what a split that knows the voice flatters by.

World ``voices``, each of the four voices held out in turn: a test group is a voice, and only half of its prompts are
tested on, so that ``split_by="row"`` can train on its other prompts. A trial is chosen once for all four voices, by the
mean validation score of *kind*, on other prompts of the three known voices. Trunk: one hidden layer of 32 units.

The starved task is *kind*, which speaker and language stand beside in "Hard" and "Soft"; "Separate" and "Alone, shrunk"
learn it alone. A floor more than in other fields is the "stopwatch", which knows nothing but how long a clip is.

Fixed beforehand, the primary claim: on a new voice, *kind* beside speaker and language ("Hard") scores higher than
alone and shrunk. Two more: a voice of which training has heard other prompts scores higher ("Separate", by row and by
group), and on Allison's clips h of a network that names the speaker tells English from Spanish better than h of an
untrained one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from fields import Field, judge_groups, summed_up, told, trained

import mtl_lesson as mtl
from mtl_lesson.data.voices import SPEAKERS, Voices
from mtl_lesson.inspection.features import features
from mtl_lesson.inspection.probe import fit_probe
from mtl_lesson.provenance import roots_of

ALONE = {"ask": "kind"}
TIMES, DECAYS, LAMBDAS = (3, 6, 12, 24), (0.01, 0.03), (0.01, 0.1)
FIELD = Field(
    mtl.data.voices,
    mtl.nets.hidden,
    "kind",
    "voice",
    {
        "Separate": (mtl.Separate, [{"epochs": number} | ALONE for number in TIMES]),
        "Alone, shrunk": (
            mtl.Separate,
            [{"epochs": number, "weight_decay": decay} | ALONE for number in TIMES[-2:] for decay in DECAYS],
        ),
        "Hard": (mtl.Hard, [{"epochs": number} for number in TIMES]),
        "Soft": (mtl.Soft, [{"epochs": number, "lam": lam} for number in TIMES[-2:] for lam in LAMBDAS]),
    },
    {"n_train": 700, "n_validation": 150, "n_test": 400, "width": 32, "inputs": 784, "lr": 0.003},
    flattered="Separate",
    code=["nets/trunks"],
    seeds=range(100, 110),
)
SEEDS = FIELD.seeds
BINS = 10  # of the stopwatch: as many clips of training in each
STOPWATCH = "stopwatch"
HEARD = {"n_train": 500, "n_validation": 450, "n_test": 250}  # many clips to fit a probe on
TRAINED = {"epochs": 20, "lr": 0.003}


def tables(swept: Callable[..., mtl.Sweep], seeds: Sequence[int], some: bool = False) -> Iterator[tuple]:
    """The two tables of a field (``fields.compare``), each voice held out in turn, and each a group."""
    joined = defaultdict(list)  # by place: what was found of each voice
    for voice in SPEAKERS:
        this = replace(FIELD, settings=dict(FIELD.settings) | {"held_out": voice})
        for split_by in ("group", "row"):
            for part in (*trained(this, swept, seeds, split_by, some), *stopwatches(voice, seeds, split_by)):
                joined[tuple(part.iloc[0][["arm", "split_by", "trial", "seed"]])].append(
                    part[part.task == this.starved]
                )
    found = list(map(pd.concat, joined.values()))
    by_seed = pd.concat([summed_up(part) for part in found], ignore_index=True)
    chosen = by_seed[by_seed.measure == FIELD.measure]  # a score, of which more is better
    best = chosen.loc[chosen.groupby(["arm", "split_by", "seed"], sort=False).validation.idxmax()]
    keys = set(best[["arm", "split_by", "trial", "seed"]].itertuples(index=False, name=None))
    groups = pd.concat(part[part.part == "test"] for place, part in zip(joined, found, strict=True) if place in keys)
    groups = groups.groupby(["arm", "split_by", "group", "measure"], sort=False).score.mean().reset_index()
    facts = {"seeds": SEEDS, "starved": FIELD.starved, "measure": FIELD.measure, "flattered": FIELD.flattered}
    facts |= {"group": FIELD.group, "held_out": SPEAKERS, "bins": BINS}
    facts |= {"arms": {arm: [way.__name__, trials] for arm, (way, trials) in FIELD.arms.items()}}
    facts |= {"settings": {key: str(value) for key, value in FIELD.settings.items()}}
    code = ["training/sweeps", "inspection/by_group", "inspection/without_sharing"]
    code += ["bank/experiments.py", "bank/fields.py", "bank/field_speech.py"]
    code += [*FIELD.code, *roots_of(FIELD.world, *(way for way, _ in FIELD.arms.values()))]
    yield "field_speech", by_seed, facts, sorted(set(code))
    yield "field_speech_groups", groups[:0] if some else groups, facts, sorted(set(code))
    heard, facts = pd.concat(hear(swept, seeds)), {"seeds": SEEDS, "world": HEARD, "training": TRAINED}
    by_prompt = heard.groupby(["source", "prompt"], sort=False).score.mean().reset_index()
    code = sorted({*code, "inspection/probe"})
    yield "field_speech_heard", heard.groupby(["source", "seed"], sort=False).score.mean().reset_index(), facts, code
    yield "field_speech_heard_prompts", by_prompt[:0] if some else by_prompt, facts, code


def stopwatches(voice: str, seeds: Sequence[int], split_by: str) -> Iterator[pd.DataFrame]:
    """For each seed, the results of what knows of a clip how long it is, in ten steps."""
    sizes = {name: FIELD.settings[name] for name in ("n_train", "n_validation", "n_test")}
    for seed in seeds if split_by == "group" else ():
        world = mtl.data.voices(**sizes, seed=seed, split_by=split_by, held_out=voice)
        outputs = {part: time_clips(world, part) for part in ("validation", "test")}
        judged = {part: judge_groups(world, {FIELD.starved: y}, part) for part, y in outputs.items()}
        yield told(judged, world, arm=STOPWATCH, split_by=split_by, seed=seed, trial=f"{BINS} steps")


def time_clips(world: Voices, part: str) -> torch.Tensor:
    """For each clip the log of the share, (n, kinds), that each kind has among training clips about as long."""
    seconds, kind = world.clips("train").seconds.to_numpy(), world.train.labels[FIELD.starved].numpy()
    edges = np.quantile(seconds, np.linspace(0, 1, BINS + 1)[1:-1])
    counts = np.ones((BINS, world.task(FIELD.starved).outputs))
    np.add.at(counts, (np.searchsorted(edges, seconds), kind), 1)
    shares = counts / counts.sum(1, keepdims=True)
    own = np.searchsorted(edges, world.clips(part).seconds.to_numpy())
    return torch.tensor(np.log(shares[own]), dtype=torch.float32)


# --- does a network that names the speaker know the language? -------------------------------------------------------


def hear(swept: Callable[..., mtl.Sweep], seeds: Sequence[int]) -> Iterator[pd.DataFrame]:
    """English or Spanish, read by a linear probe on Allison's clips alone: source, seed, prompt and its mean score.

    Sources: the log-mels themselves, h of an untrained trunk, h of trunks trained to name the speaker or the language.
    """
    trunk = {"width": FIELD.settings["width"], "inputs": FIELD.settings["inputs"]}
    for asked in ("speaker", "language"):
        sweep = swept(mtl.Separate, FIELD.world, FIELD.trunk, ask=asked, seeds=seeds, **HEARD, **trunk, **TRAINED)
        for run in sweep.runs.values():
            sources = {asked: run.model}
            if asked == "speaker":
                sources |= {"untrained": run.model.like(run.model.seeds), "log-mels": None}
            for source, model in sources.items():
                yield read_language(run.world, model).assign(source=source, seed=run.seed)


def read_language(world: Voices, model: mtl.Separate | None) -> pd.DataFrame:
    """The share of each test prompt's clips by Allison that a probe, fitted on her validation clips, places rightly."""
    h, spanish, prompts = {}, {}, {}
    for part in ("validation", "test"):
        clips = world.clips(part)
        mine = (clips.voice == "Allison").to_numpy()
        x = getattr(world, part).x[torch.tensor(mine)]
        h[part] = (x if model is None else next(iter(features(model, x).values()))).flatten(1).double().numpy()
        spanish[part] = (clips.language == "Spanish").to_numpy()[mine].astype(int)
        prompts[part] = world.groups[part].numpy()[mine]
    reader = fit_probe(h["validation"], spanish["validation"])
    right = pd.DataFrame({"prompt": prompts["test"], "score": (reader.predict(h["test"]) == spanish["test"]) * 1.0})
    return right.groupby("prompt").score.mean().reset_index()
