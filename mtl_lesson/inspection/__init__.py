"""What a representation holds, as plain arrays and tables."""

from .attribution import attribution
from .conflict import along_front, conflict, conflict_path
from .cost import cost
from .features import features, is_untrained
from .frames import Frames
from .function import function_gap
from .intervention import answers_changed
from .lesion import importance, lesion
from .lesions import Lesions
from .paths import Path, Slice
from .probe import fit_probe, floors, probe, probe_matrix
from .similarity import Aligned, align, cka, null_space, procrustes, subspace_angles, switch
from .swap import head_swap
from .units import filters, responses, top_pictures

__all__ = [
    "Aligned",
    "Frames",
    "Lesions",
    "Path",
    "Slice",
    "align",
    "along_front",
    "answers_changed",
    "attribution",
    "cka",
    "conflict",
    "conflict_path",
    "cost",
    "features",
    "filters",
    "fit_probe",
    "floors",
    "function_gap",
    "head_swap",
    "importance",
    "is_untrained",
    "lesion",
    "null_space",
    "probe",
    "probe_matrix",
    "procrustes",
    "responses",
    "subspace_angles",
    "switch",
    "top_pictures",
]
