"""The λ microscope and the lesion lab. ``frames`` and ``lesions`` compute, ``draw`` and ``microscope.js`` draw,
``control`` steers, ``send`` carries the numbers to the browser and makes pages that need no kernel."""

from .control import LesionLab, Microscope, lesion_lab, microscope
from .frames import Frames
from .lesions import Lesions

__all__ = ["Frames", "LesionLab", "Lesions", "Microscope", "lesion_lab", "microscope"]
