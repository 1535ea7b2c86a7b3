"""Thin controls over what the package computes and draws."""

from .arrows import Arrows, arrows
from .explorer import LambdaExplorer, explore
from .lesion_lab import LesionLab, lesion_lab
from .microscope import Microscope, microscope
from .predict import Prediction, predict
from .probes import Probes
from .schools import Schools
from .sentence import Sentence

__all__ = [
    "Arrows",
    "LambdaExplorer",
    "LesionLab",
    "Microscope",
    "Prediction",
    "Probes",
    "Schools",
    "Sentence",
    "arrows",
    "explore",
    "lesion_lab",
    "microscope",
    "predict",
]
