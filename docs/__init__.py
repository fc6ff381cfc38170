"""The project's words, and what writes those that follow from the code."""
