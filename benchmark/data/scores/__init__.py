"""Scores of training examples by what trained models make of them; each is a function of train, models and a draw."""
