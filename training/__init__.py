"""What makes a model out of labelled pages. Imports ``classifier``, never the other way round."""
