"""The trainings of pixgen's own networks, one file each, and the pipeline that runs them in order."""
