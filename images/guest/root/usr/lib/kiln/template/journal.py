"""The journal, which is a machine's: it lies under its machine-id, and journald keeps to the one that it began with."""

from files import read_file, remove

places = ('/run/log/journal', '/var/log/journal')
unit = 'systemd-journald.service'


def find_journals():
    """Where the template's are."""
    machine_id = read_file('/etc/machine-id').strip()
    return ['%s/%s' % (place, machine_id) for place in places] if machine_id else []


def begin_anew(manager, earlier):
    """Restarting keeps what services have open to it, which stopping would not."""
    manager.wait(manager.restart(unit))
    remove(*earlier)
