"""Thin controls over what the package computes and draws."""

from .explorer import LambdaExplorer, explore
from .predict import Prediction, predict
from .schools import Schools

__all__ = ["LambdaExplorer", "Prediction", "Schools", "explore", "predict"]
