"""What a person uses: the `fsjob` command and the console."""
