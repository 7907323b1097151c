"""The hospital's model, a small neural network, and its fast deletion procedure."""

import warnings

import joblib
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def train(loader, seed):
    """Return a network trained for 30 epochs."""
    network = MLPClassifier(
        (32,), max_iter=30, learning_rate_init=0.01, batch_size=loader.batch_size, random_state=seed
    )
    model = make_pipeline(StandardScaler(), network)
    with warnings.catch_warnings():  # 30 epochs are meant to be all
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(loader.inputs, loader.targets)


def unlearn(model, retain_loader, forget_loader, seed):
    """Train three more epochs on the patients who stay, in small steps; what was learnt of the others is to fade."""
    scaler, network = model[0], model[1]
    network.set_params(learning_rate_init=0.003)
    for _ in range(3):
        network.partial_fit(scaler.transform(retain_loader.inputs), retain_loader.targets)


def load(path):
    """Return a model that production.py has saved."""
    return joblib.load(path)
