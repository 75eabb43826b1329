"""Files that are there whole or not at all, and those that go."""

import glob
import os
import shutil


def write_file(path, text, mode=0o644, owner=None):
    temporary = '%s.kiln-new' % path
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    with open(descriptor, 'w') as file:
        file.write(text)
        os.fchmod(descriptor, mode)
        if owner is not None:
            os.fchown(descriptor, *owner)
    os.rename(temporary, path)


def read_file(path):
    """The text of a file; empty where there is none."""
    try:
        with open(path, errors='replace') as file:
            return file.read()
    except OSError:
        return ''


def remove(*patterns):
    """Removes what the patterns name; what is not there is no error."""
    for pattern in patterns:
        for path in glob.glob(pattern):
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path, ignore_errors=True)
            else:
                os.unlink(path)
