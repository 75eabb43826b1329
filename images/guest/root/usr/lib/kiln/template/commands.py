"""Programs that are run where there is time: while a template is made."""

import subprocess

time_limit_seconds = 300


def run(*words):
    """What a program prints. One that fails fails the template."""
    done = subprocess.run(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=time_limit_seconds,
        universal_newlines=True,
    )
    if done.returncode != 0:
        raise RuntimeError('%s has ended with %d: %s' % (' '.join(words), done.returncode, done.stdout[-300:]))
    return done.stdout


def try_run(*words):
    """The same of a program that may not be there, or may fail."""
    try:
        return run(*words)
    except (OSError, RuntimeError, subprocess.TimeoutExpired):
        return ''
