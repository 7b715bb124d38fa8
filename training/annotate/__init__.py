"""The local web page on which a person corrects the labels of a page's blocks."""
