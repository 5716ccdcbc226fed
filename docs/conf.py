"""How Sphinx builds the documentation; its own settings are the rest."""

project = 'docker-registry-driver-swift'
author = 'Docker Registry Contributors'
extensions = []
# One page for each file, with nothing fetched from elsewhere.
html_theme = 'basic'
exclude_patterns = ['_build']
nitpicky = True
