"""What `python3 -m stack COMMAND` does, a module a command."""
