"""Thin controls over what the package computes and draws."""

from .predict import Prediction, predict
from .schools import Schools

__all__ = ["Prediction", "Schools", "predict"]
