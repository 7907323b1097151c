"""Imports what metrics import when they are called, for a process that is to score and has nothing else to do yet."""

import scipy.stats  # noqa: F401
import sklearn.linear_model
import sklearn.model_selection
import sklearn.svm  # noqa: F401

import benchmark.metrics.scoring  # noqa: F401
