"""Lock files of npm, Python, Go and Cargo: which packages a build takes, and from where."""
