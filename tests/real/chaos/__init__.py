"""The plug-puller: real jobs with checkable output, random faults, and a judge of what became of them."""
