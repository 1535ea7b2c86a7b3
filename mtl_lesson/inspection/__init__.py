"""What a representation holds, as plain arrays and tables."""

from .affinity import affinity
from .attribution import attribution
from .audit import audit
from .by_gradient import gradient_cosine, look_ahead
from .by_group import by_group
from .by_labels import label_association
from .by_solution import solution_closeness, swap_gain, trunk_similarity
from .conflict import along_front, conflict, conflict_path
from .contest import Arm, Contest, Training, contest
from .cost import cost
from .crossed import claim_crossed
from .features import features, is_untrained
from .findings import Finding
from .frames import Frames
from .function import function_gap
from .groups import (
    agreement,
    choose_groups,
    partitions,
    permuted,
    random_groups,
    regress_groups,
    sample_groups,
    score_groups,
)
from .intervention import answers_changed
from .lesion import importance, lesion
from .lesions import Lesions
from .paths import Path, Slice
from .probe import fit_probe, floors, probe, probe_matrix
from .replay import coverage, false_verdicts, replay, stop_early, true_difference
from .retrieval import find_nearest, read_across, retrieval
from .similarity import Aligned, align, cka, null_space, procrustes, subspace_angles, switch
from .swap import head_swap
from .transfer import compare_seeds, gains_of_pairs, train_groups, transfer, transfer_matrix
from .units import filters, responses, top_pictures

__all__ = [
    "Aligned",
    "Arm",
    "Contest",
    "Finding",
    "Frames",
    "Lesions",
    "Path",
    "Slice",
    "Training",
    "affinity",
    "agreement",
    "align",
    "along_front",
    "answers_changed",
    "attribution",
    "audit",
    "by_group",
    "choose_groups",
    "cka",
    "claim_crossed",
    "compare_seeds",
    "conflict",
    "conflict_path",
    "contest",
    "cost",
    "coverage",
    "false_verdicts",
    "features",
    "filters",
    "find_nearest",
    "fit_probe",
    "floors",
    "function_gap",
    "gains_of_pairs",
    "gradient_cosine",
    "head_swap",
    "importance",
    "is_untrained",
    "label_association",
    "lesion",
    "look_ahead",
    "null_space",
    "partitions",
    "permuted",
    "probe",
    "probe_matrix",
    "procrustes",
    "random_groups",
    "read_across",
    "regress_groups",
    "replay",
    "responses",
    "retrieval",
    "sample_groups",
    "score_groups",
    "solution_closeness",
    "stop_early",
    "subspace_angles",
    "swap_gain",
    "switch",
    "top_pictures",
    "train_groups",
    "transfer",
    "transfer_matrix",
    "true_difference",
    "trunk_similarity",
]
