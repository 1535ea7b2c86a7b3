"""The world ``club``: Zachary's karate club, whose examples are members, and what they know of each other are ties."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

import numpy as np
import torch
from torch import Tensor

from ..arguments import whole
from ..tasks import Classification
from .world import Split, World

SIDES = {"Mr. Hi": "instructor", "Officer": "president"}  # the club joined after the split, as networkx calls it → here
CIRCLES = ("circle 1", "circle 2", "circle 3", "circle 4")
TRIES = 100  # searches for circles, each from a start of its own; about one in five finds the best
SAMPLE = 1  # a stream of random numbers, joined by a seed


@dataclass(frozen=True, eq=False, repr=False)
class Club(World):
    """A world whose examples are the nodes of one graph.

    ``ties`` (34, 34): 1 where two members met outside the club, else 0; symmetric, 0 on the diagonal. ``positions``
    (34, 2): where a figure draws them. ``members``: all of them in order, with what is to be known of each; who asks
    for their answers sees those of training too.
    """

    ties: Tensor = field(kw_only=True)
    positions: Tensor = field(kw_only=True)
    members: Split = field(kw_only=True)


def club(n_train: int = 4, n_validation: int = 10, seed: int = 0) -> Club:
    """34 members of a karate club and 78 ties between them: whose side was each on when it split, in which circle?

    An example is a member, and ``x`` (n, 1) is the member's number, 0 to 33, as a token: all that can be known of
    members lies in their ties (:class:`Club`), those of the members for validation and test included. Member 0 is the
    instructor and 33 the president, whose quarrel split the club. Two tasks:

    - ``side`` (2 classes), *observed*: whose club the member joined after the split;
    - ``circle`` (4 classes), *computed from the ties alone*: the cut into groups of highest modularity, 0.42. The
      circles are numbered by their first member; the first two are the instructor's, the others the president's, but
      for member 8, of circle 3, who joined the instructor's club.

    So a circle all but tells the side, and where a member stands in the graph is what both tasks need to know.
    ``n_train``, the dial, counts labelled members, drawn from the circles in turn: at 4 there is one of each. The
    smallest circle has 5. ``n_validation`` of the others are for validation and all that are left for the test.
    ``seed`` draws who is which, for the test too: with 34 members nobody can be kept for all seeds. The members
    labelled at a small n are the first of those at a larger one.

    There is one such graph, and seeds change only whose labels are known: a difference over seeds is a fact about this
    club, and none about others. Zachary 1977, "An information flow model for conflict and fission in small groups",
    through networkx; modularity: Newman & Girvan 2004; the search for its maximum: Blondel et al. 2008 (Louvain).

    Raises TypeError or ValueError for a number that is not whole or is out of range.
    """
    ties, positions, labels = _graph()
    n_train = whole(n_train, "n_train", most=len(ties) - 2)
    n_validation = whole(n_validation, "n_validation", most=len(ties) - 1 - n_train, most_name="33 - n_train")
    order = np.random.default_rng([SAMPLE, whole(seed, "seed", least=0)]).permutation(len(ties))
    train = _in_turn(order, labels["circle"].numpy())[:n_train]
    others = order[~np.isin(order, train)]
    parts = [train, others[:n_validation], others[n_validation:]]
    tasks = (Classification("side", tuple(SIDES.values())), Classification("circle", CIRCLES))
    splits = [_of_members(torch.tensor(part), labels) for part in parts]
    more = {"ties": ties.clone(), "positions": positions.clone(), "members": _of_members(torch.arange(34), labels)}
    return Club("club", tasks, *splits, dial={"n_train": n_train}, layout="tokens", **more)


@cache
def _graph() -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    """Ties (34, 34), positions (34, 2), and task → (34,) labels of all members."""
    import networkx as nx  # here, since no other world needs it

    graph = nx.karate_club_graph()
    ties = torch.tensor(nx.to_numpy_array(graph, weight=None), dtype=torch.float32)
    at = nx.kamada_kawai_layout(graph, weight=None)
    found = [nx.community.louvain_communities(graph, weight=None, seed=k) for k in range(TRIES)]
    circles = max(found, key=lambda groups: nx.community.modularity(graph, groups, weight=None))
    labels = {"side": torch.tensor([[*SIDES].index(graph.nodes[i]["club"]) for i in graph])}
    labels["circle"] = torch.zeros(len(ties), dtype=torch.long)
    for number, group in enumerate(sorted(circles, key=min)):
        labels["circle"][list(group)] = number
    return ties, torch.tensor(np.array([at[i] for i in graph]), dtype=torch.float32), labels


def _in_turn(order: np.ndarray, group: np.ndarray) -> np.ndarray:
    """The same members so that one of each group comes first, then a second of each, and so on."""
    turn = [int((group[order[:i]] == group[who]).sum()) for i, who in enumerate(order)]
    return order[np.argsort(turn, kind="stable")]


def _of_members(who: Tensor, labels: dict[str, Tensor]) -> Split:
    return Split(who[:, None], {name: values[who] for name, values in labels.items()})
