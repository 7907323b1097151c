"""The training of our model: the same way as the one in production, but for the seed."""

from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def train(loader, seed):
    """Return a model trained on the loader's rows.

    `loader.inputs` [rows, features] and `loader.targets` [rows] are numpy arrays; `for inputs, targets in loader` goes
    through them in shuffled batches; `loader.classes` has the names of the classes. The seed has to decide all that is
    random, or the models would all be the same.

    The model may be anything with predict_proba or logits, a torch module, or a function of a batch that gives a number
    per row and class. For anything else define `logits(model, inputs)` below.
    """
    model = make_pipeline(StandardScaler(), SGDClassifier(loss="log_loss", random_state=seed))
    return model.fit(loader.inputs, loader.targets)


# def unlearn(model, retain_loader, forget_loader, seed):
#     """Make the model forget the forget_loader's rows: change it in place, or return another one."""


# def load(path):
#     """Return the model in production from its file."""


# def logits(model, inputs):
#     """Return a number per row and class, [rows, classes]: logits, or logarithms of probabilities."""
