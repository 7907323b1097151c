"""Studies of what papers claim about unlearning in language models, on populations of small ones; see study_claims."""
